"""What every block of parameters is: a frozen pydantic model, as strict as YAML allows."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, TypeAdapter, ValidationError

from triptych.parameters.problem import is_block, list_problems

Share = Annotated[float, Field(ge=0, lt=1)]
"""A part of a whole: in [0, 1)."""
OpenShare = Annotated[float, Field(gt=0, lt=1)]
"""A part that must not be nothing: in (0, 1)."""
Fraction = Annotated[float, Field(gt=0, le=1)]
"""A part that may be all: in (0, 1]."""
UnitInterval = Annotated[float, Field(ge=0, le=1)]
"""Anything from nothing to all: in [0, 1]."""


def _check_model_name(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", name) is None:
        raise ValueError("must be 1 to 200 letters, digits, '-', '_' or '.', the first a letter or a digit")
    return name


ModelName = Annotated[str, AfterValidator(_check_model_name)]
"""A name in the model registry."""

# YAML has no tuples, sets, paths, enums, dates, decimals and addresses: there lists, text and numbers stand for them.
# Numbers, text and truth values stay strict: true is no number, "3" is none either, and 3.0 is no whole number.
_WRITTEN_OTHERWISE = {
    *("tuple", "set", "frozenset", "enum", "model", "dataclass"),
    *("date", "datetime", "time", "timedelta", "decimal", "uuid", "url", "lax-or-strict"),
}
_Block = TypeVar("_Block", bound="Params")
_STRICT = ConfigDict(strict=True, allow_inf_nan=False)


class _WrittenInYaml:
    """Mark of a type whose values YAML gives: `Annotated[tuple[int, ...], _WrittenInYaml()]`."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        schema = handler(source)
        cls.loosen(schema, handler)
        return schema

    @classmethod
    def loosen(cls, schema: Any, handler: GetCoreSchemaHandler) -> None:
        """Accept, in a schema of pydantic's core, what YAML has for the types that it lacks."""
        if isinstance(schema, list):
            for part in schema:
                cls.loosen(part, handler)
        elif isinstance(schema, dict):
            # A block within a block is a reference, and has loosened its own schema already.
            target: Any = handler.resolve_ref_schema(schema) if schema.get("type") == "definition-ref" else schema
            if target.get("type") in _WRITTEN_OTHERWISE:
                target["strict"] = False
            for name, part in schema.items():
                if name not in ("default", "metadata"):
                    cls.loosen(part, handler)
            if target.get("type") == "literal" and {int, bool} & set(map(type, target["expected"])):
                literal = dict(target)
                target.clear()
                function = {"type": "no-info", "function": partial(_refuse_equal, tuple(literal["expected"]))}
                target.update({"type": "function-before", "function": function, "schema": literal})


def _refuse_equal(expected: tuple[Any, ...], value: Any) -> Any:
    """Keep pydantic from taking true for the 1 of a Literal, or 1 for its true."""
    if isinstance(value, int | float) and type(value) not in map(type, expected):
        *others, last = map(repr, expected)
        raise ValueError(f"must be {', '.join(others)} or {last}" if others else f"must be {last}")
    return value


def check_value(annotation: Any, value: Any) -> Any:
    """Turn what YAML gave into a type, as strictly as in a block.

    Args:
        annotation: A block, or any type that pydantic knows.
        value: What the configuration holds.

    Raises:
        ValidationError: If it does not fit.
        PydanticSchemaGenerationError: If pydantic does not know the type.
    """
    if is_block(annotation):
        return annotation.model_validate(value)
    return TypeAdapter(Annotated[annotation, _WrittenInYaml], config=_STRICT).validate_python(value)


class Params(BaseModel):
    """A block of parameters.

    A field's default is its value in `conf/base` (a test compares them), and the text after it is its line in
    `docs/reference/parameters.md`. `model_fields_set` names the fields that were set explicitly: by `--params`, in
    `conf/local` or in Python.
    """

    model_config = ConfigDict(
        **_STRICT,
        frozen=True,
        extra="forbid",
        validate_default=True,  # or a check of one field against another would pass over a default
        use_attribute_docstrings=True,
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler, /) -> Any:
        """Let lists be given for tuples, and text for paths, enums and dates."""
        return _WrittenInYaml.__get_pydantic_core_schema__(source, handler)

    def __getitem__(self, name: str) -> Any:
        """Read a field as from a dict: kedro-azureml does so (`num_nodes`).

        Raises:
            KeyError: If there is none of that name.
        """
        if name not in type(self).model_fields:
            raise KeyError(name)
        return getattr(self, name)

    @classmethod
    def read(cls: type[_Block], values: Any, key: str = "") -> _Block:
        """Check values that come from a file or a search.

        Args:
            values: By field.
            key: Where they stand, for messages.

        Raises:
            ValueError: If they do not fit; names every problem in one line.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ValueError("; ".join(str(problem) for problem in list_problems(error, cls, values, key))) from error

    def replace(self: _Block, **changes: Any) -> _Block:
        """Make a copy with other values, which count as set explicitly.

        Args:
            changes: Values by field.

        Raises:
            ValueError: If there is no such field, or a value is refused; names every problem in one line.
        """
        changed = self.read({**dict(self), **changes})
        return changed.with_fields_set(self.model_fields_set | changes.keys())

    def with_fields_set(self: _Block, names: Collection[str]) -> _Block:
        """Make a copy with the same values that says of these fields, and no others, that they were set explicitly."""
        return type(self).model_construct(_fields_set=set(names), **dict(self))
