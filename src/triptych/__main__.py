"""Run pipelines as `triptych` or `python -m triptych`, from the folder that holds `conf/`; `triptych azure` checks."""

import sys
from pathlib import Path
from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project

from triptych.startup import prepare


def main(*args: Any, **kwargs: Any) -> Any:
    """Run pipelines with the options of `kedro run`, or what `triptych azure --help` lists.

    Args:
        args: Command line arguments; those of the process if none are given.
        kwargs: Passed to the click command.

    Returns:
        What the run command returns when Python is interactive; otherwise it exits.
    """
    prepare()
    words = list(args[0]) if args else sys.argv[1:]
    if words[:1] == ["azure"]:
        from triptych.azure.cli import azure

        return azure(words[1:], prog_name="triptych azure", **kwargs)
    package_name = Path(__file__).parent.name
    configure_project(package_name)
    kwargs["standalone_mode"] = not hasattr(sys, "ps1")
    return find_run_command(package_name)(*args, **kwargs)


if __name__ == "__main__":
    main()
