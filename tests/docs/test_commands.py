"""Every `kedro run` in the documentation names options, pipelines, nodes and parameters that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kedro.config import OmegaConfigLoader
from kedro.pipeline import Pipeline

from tests.conftest import ROOT
from triptych import settings
from triptych.parameters import Problem, build_parameters, runtime_names
from triptych.pipeline_registry import register_pipelines

PAGES = [ROOT / "README.md", ROOT / "conf/README.md", ROOT / "data/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PIPELINES = register_pipelines()
NODE_OPTIONS = ("from_nodes", "to_nodes", "node_names")


class Command(NamedTuple):
    """One `kedro run` of a page."""

    page: str
    arguments: str
    is_refused: bool
    """Whether the page shows that its parameters are refused."""


def find_commands(page: Path) -> Iterator[Command]:
    """Find the commands on lines of code blocks, and those between backquotes in the text."""
    text = page.read_text(encoding="utf-8")
    name = str(page.relative_to(ROOT))
    fence = re.compile(r"^```.*?^```$", flags=re.MULTILINE | re.DOTALL)
    for block in fence.findall(text):
        for match in re.finditer(r"^(?:.*&& |\$ )?\S*\bkedro run(?= |$)(.*)\n(.*)", block, flags=re.MULTILINE):
            yield Command(name, match[1].partition(" #")[0].strip(), "ParametersError" in match[2])
    for match in re.finditer(r"`[^`]*?\bkedro run(?= |`)([^`]*)`", fence.sub("", text)):
        yield Command(name, " ".join(match[1].split()), False)


def parse(arguments: str) -> dict[str, Any]:
    """Let Kedro's own command line read the arguments; it refuses options it does not know."""
    from kedro.framework.cli.project import run

    return dict(run.make_context("run", shlex.split(arguments)).params)


def unknown_names(options: dict[str, Any], pipelines: dict[str, Pipeline]) -> list[str]:
    chosen = [name for name in options.get("pipelines") or [] if name]
    if wrong := [name for name in chosen if name not in pipelines]:
        return wrong
    nodes = {node.name for name in chosen or ["__default__"] for node in pipelines[name].nodes}
    return [name for option in NODE_OPTIONS for name in options.get(option) or [] if name not in nodes]


def parameter_problems(params: dict[str, Any]) -> list[Problem]:
    source = ROOT / "conf"
    options: dict[str, Any] = {**settings.CONFIG_LOADER_ARGS, "env": "base", "runtime_params": params}
    loader = OmegaConfigLoader(str(source), **options)
    return build_parameters(loader["parameters"], PIPELINES, params, runtime_names([source / "base"])).problems


COMMANDS = [command for page in PAGES for command in find_commands(page)]


def test_commands_are_found_in_blocks_and_in_the_text() -> None:
    pages = {command.page for command in COMMANDS}
    assert {"README.md", "conf/README.md", "docs/how-to/bring-your-own-questions.md"} <= pages
    assert any(command.arguments == "" for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.page}: {command.arguments}")
def test_it_can_be_run(command: Command) -> None:
    options = parse(command.arguments)
    assert unknown_names(options, PIPELINES) == []
    problems = parameter_problems(options.get("params") or {})
    assert bool(problems) == command.is_refused, problems


@pytest.mark.parametrize(
    "arguments", ["--pipelines faqq", "--nodes faq.nothing", "--pipelines faq --from-nodes train_ranker"]
)
def test_a_wrong_name_would_be_noticed(arguments: str) -> None:
    assert unknown_names(parse(arguments), PIPELINES)


@pytest.mark.parametrize("params", ["faq_rwa=/x", "faq.filter.min_length=3", "faq.split.unseen_share=2"])
def test_a_wrong_parameter_would_be_noticed(params: str) -> None:
    assert parameter_problems(parse(f"--params {params}")["params"])
