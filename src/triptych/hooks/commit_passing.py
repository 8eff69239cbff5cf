"""Steps on Azure ML are told the commit of their code: the snapshot that they run in has no `.git`."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl

import triptych

_PLUGIN = "kedro_azureml.generator"  # its command line has imported it; nobody else pays for Azure's SDK


class CommitPassing:
    """Adds TRIPTYCH_COMMIT to the environment of the steps that `kedro azureml run` and `compile` make."""

    @hook_impl
    def after_context_created(self) -> None:
        """Have the jobs of this process carry the commit."""
        if plugin := sys.modules.get(_PLUGIN):
            _extend(plugin.AzureMLPipelineGenerator)


def _extend(generator: Any) -> None:
    generate = generator.generate
    if hasattr(generate, "__wrapped__"):  # by an earlier session
        return

    @functools.wraps(generate)
    def generate_with_commit(self: Any) -> Any:
        job = generate(self)
        note_commit(job)
        return job

    generator.generate = generate_with_commit


def note_commit(job: Any) -> None:
    """Set the variable for steps that are never reused.

    It is part of what Azure compares before it takes the outputs of an earlier job: the others would run anew after
    every commit, also one of a document.
    """
    from triptych.registry.provenance import COMMIT, find_commit

    commit = find_commit(Path(triptych.__file__).parent)
    for step in job.jobs.values() if commit else ():
        if not step.component.is_deterministic:
            step.environment_variables[COMMIT] = commit
