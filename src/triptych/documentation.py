"""Write docs/reference/parameters.md from the dataclasses: `python -m triptych.documentation`.

Run it in the project folder; a test compares the page with what this would write.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import textwrap
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from kedro.pipeline import Pipeline

from triptych.parameters.build import field_types, type_name
from triptych.parameters.check import look_up, parameter_blocks

_HEAD = """\
# Parameters

Written by `python -m triptych.documentation > docs/reference/parameters.md` from the code; don't edit.

Each block is one argument of a node. Set a value in `conf/<environment>/<workload>/parameters.yml`, or for
one run with `kedro run --params faq.split.seed=3`. The values below are those of `conf/base`. An unknown key,
a wrong type or a value out of range stops the run before its first node.
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
    return "\n".join([_HEAD, *sections])


def field_docs(block: type) -> dict[str, str]:
    """Read the text after each field of a dataclass.

    Args:
        block: A dataclass whose source is at hand.

    Returns:
        The text by field name, for those that have one.
    """
    docs: dict[str, str] = {}
    for base in block.__bases__:
        if dataclasses.is_dataclass(base):
            docs |= field_docs(base)
    tree = ast.parse(textwrap.dedent(inspect.getsource(block))).body[0]
    assert isinstance(tree, ast.ClassDef)  # noqa: S101 - what inspect returned
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(doc))),
            ):
                docs[name] = " ".join(doc.split())
    return docs


def _section(key: str, annotation: Any, values: Any) -> Iterator[str]:
    yield f"## {key}\n"
    if dataclasses.is_dataclass(annotation):
        yield f"{inspect.getdoc(annotation)}\n"
    yield "| Key | Type | conf/base | Meaning |\n| --- | --- | --- | --- |"
    yield from (f"| {' | '.join(row)} |" for row in _rows(key, annotation, values))
    yield ""


def _rows(key: str, annotation: Any, values: Any, meaning: str = "") -> Iterator[tuple[str, str, str, str]]:
    if typing.get_origin(annotation) is dict and dataclasses.is_dataclass(typing.get_args(annotation)[1]):
        yield from _mapping_rows(key, annotation, values, meaning)
        return
    if not dataclasses.is_dataclass(annotation):
        yield _row(key, annotation, f"`{json.dumps(values, default=str)}`", meaning)
        return
    block = typing.cast(type, annotation)
    docs = field_docs(block)
    defaults = {field.name: field for field in dataclasses.fields(block)}
    for name, kind in field_types(block).items():
        yield from _rows(f"{key}.{name}", kind, _value(values, defaults[name]), docs.get(name, ""))


def _mapping_rows(key: str, annotation: Any, values: Any, meaning: str) -> Iterator[tuple[str, str, str, str]]:
    """Give the names that conf/base has a row each, and what may be said of any name once."""
    block = typing.get_args(annotation)[1]
    docs = field_docs(block)
    yield _row(key, annotation, "", meaning)
    for name, kind in field_types(block).items():
        yield _row(f"{key}.NAME.{name}", kind, "", docs.get(name, ""))
    for name, value in (values or {}).items():
        yield _row(f"{key}.{name}", block, f"`{json.dumps(value, default=str)}`", "")


def _row(key: str, annotation: Any, value: str, meaning: str) -> tuple[str, str, str, str]:
    return f"`{key}`", f"`{type_name(annotation)}`".replace("|", "\\|"), value, meaning


def _value(values: Any, field: dataclasses.Field[Any]) -> Any:
    """Return what conf/base says of a field, or else its default."""
    if not isinstance(values, Mapping):
        return getattr(values, field.name)
    return values.get(field.name, _default(field))


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else None


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
