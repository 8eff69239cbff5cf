"""Run pipelines as `triptych` or `python -m triptych`, from the folder that holds `conf/`; and its other commands."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from triptych.startup import prepare

COMMANDS = {
    "azure": "triptych.azure.cli:azure",
    "ask": "triptych.commands.cli:ask",
    "find": "triptych.commands.cli:find",
    "jobs": "triptych.jobs.cli:jobs",
    "serve": "triptych.service.cli:serve",
    "stylize": "triptych.commands.cli:stylize",
    "watch": "triptych.watcher.cli:watch",
}
"""Commands beside `kedro run`, each imported only when it is asked for: the rest of them take seconds."""


def main(*args: Any, **kwargs: Any) -> Any:
    """Run pipelines with the options of `kedro run`, or one of the other commands.

    Args:
        args: Command line arguments; those of the process if none are given.
        kwargs: Passed to the click command.

    Returns:
        What the run command returns when Python is interactive; otherwise it exits.
    """
    prepare()
    words = list(args[0]) if args else sys.argv[1:]
    if words and words[0] in COMMANDS:
        module, _, name = COMMANDS[words[0]].partition(":")
        return getattr(import_module(module), name)(words[1:], prog_name=f"triptych {words[0]}", **kwargs)
    if words == ["--help"]:
        print(f"Other commands: {', '.join(f'triptych {name} --help' for name in COMMANDS)}\n", flush=True)
    return _run_pipelines(*args, **kwargs)


def _run_pipelines(*args: Any, **kwargs: Any) -> Any:
    from kedro.framework.cli.utils import find_run_command
    from kedro.framework.project import configure_project

    package_name = Path(__file__).parent.name
    configure_project(package_name)
    kwargs["standalone_mode"] = not hasattr(sys, "ps1")
    return find_run_command(package_name)(*args, **kwargs)


if __name__ == "__main__":
    main()
