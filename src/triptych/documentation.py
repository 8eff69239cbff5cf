"""Write docs/reference/parameters.md from the models: `python -m triptych.documentation`.

Run it in the project folder; a test compares the page with what this would write.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from kedro.pipeline import Pipeline
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from triptych.jobs.settings import JobParams
from triptych.parameters.check import look_up, parameter_blocks
from triptych.parameters.problem import find_block, is_block
from triptych.service.params import ServiceParams

_SIGNS = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))
_HEAD = """\
# Parameters

Written by `python -m triptych.documentation > docs/reference/parameters.md` from the code; don't edit.

Each block is one argument of a node. Set a value in `conf/<environment>/<workload>/parameters.yml`, or for
one run with `kedro run --params faq.split.seed=3`. The values below are those of `conf/base`. An unknown key,
a wrong type or a value out of range stops the run before its first node.
"""

_SERVICE = """\
The last two blocks are no node's: `triptych serve` reads the first from `conf/<environment>/service.yml`, what runs
jobs the second from `jobs.yml` in `conf/local` or `conf/base`.
"""


def parameters_page(pipelines: Mapping[str, Pipeline], parameters: Mapping[str, Any]) -> str:
    """Write the page.

    Args:
        pipelines: All pipelines of the project.
        parameters: The parameters of conf/base.

    Returns:
        Markdown: a section for each block, a row for each field.
    """
    sections = [
        "\n".join(_section(key, annotation, look_up(parameters, key)))
        for key, annotation in parameter_blocks(pipelines).items()
    ]
    return "\n".join(
        [_HEAD, *sections, _SERVICE, *_section("service", ServiceParams, {}), *_section("jobs", JobParams, {})]
    )


def _section(key: str, annotation: Any, values: Any) -> Iterator[str]:
    yield f"## {key}\n"
    if is_block(annotation):
        yield f"{inspect.getdoc(annotation)}\n"
    yield "| Key | Type | Range | conf/base | Meaning |\n| --- | --- | --- | --- | --- |"
    yield from _rows(key, annotation, values)
    yield ""


def _rows(key: str, annotation: Any, values: Any) -> Iterator[str]:
    """Give each field a row; blocks within the block come in its place."""
    if not is_block(annotation):
        yield _row(key, annotation, values)
        return
    hints = typing.get_type_hints(annotation)
    for name, field in annotation.model_fields.items():
        value = (values or {}).get(name, field.get_default(call_default_factory=True))
        if is_block(hints[name]):
            yield from _rows(f"{key}.{name}", hints[name], value if isinstance(value, Mapping) else dict(value))
        else:
            yield _row(f"{key}.{name}", hints[name], value, field)
            if typing.get_origin(hints[name]) is dict and is_block(typing.get_args(hints[name])[1]):
                yield from _entry_rows(f"{key}.{name}", typing.get_args(hints[name])[1], value)


def _entry_rows(key: str, block: type[BaseModel], entries: Mapping[str, Any]) -> Iterator[str]:
    """Give the names that conf/base has a row each, and what may be said of any name once."""
    hints = typing.get_type_hints(block)
    for name, field in block.model_fields.items():
        yield _row(f"{key}.NAME.{name}", hints[name], ..., field)
    for name, value in entries.items():
        yield _row(f"{key}.{name}", block, value)


def _row(key: str, annotation: Any, value: Any, field: FieldInfo | None = None) -> str:
    is_shown = value is not ... and not (isinstance(value, Mapping) and field and find_block(annotation))
    shown = f"`{json.dumps(value, default=str)}`" if is_shown else ""
    kind = f"`{_type_name(annotation)}`".replace("|", "\\|")
    meaning = " ".join((field.description or "").split()) if field else ""
    return f"| `{key}` | {kind} | {_range(field)} | {shown} | {meaning} |"


def _range(field: FieldInfo | None) -> str:
    """Write the limits of a field: `>= 0, < 1`."""
    limits = field.metadata if field else ()
    return ", ".join(
        f"{sign} {getattr(limit, name)}" for limit in limits for name, sign in _SIGNS if hasattr(limit, name)
    )


def _type_name(annotation: Any) -> str:
    """Name a type as a user would write it, such as `int | None` or `tuple[float, ...]`."""
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return annotation.__name__
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", str(annotation))


def main() -> None:
    """Print the page for the project in the current folder."""
    from kedro.framework.project import configure_project

    from triptych.pipeline_registry import register_pipelines
    from triptych.startup import prepare

    prepare()
    configure_project("triptych")
    loader = OmegaConfigLoader(str(Path("conf").resolve()), base_env="base", default_run_env="base")
    print(parameters_page(register_pipelines(), loader["parameters"]), end="")


if __name__ == "__main__":
    main()
