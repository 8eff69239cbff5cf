"""Find parameters that no node takes: what looks like a typo stops a run, what may be a user's own is a warning."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from triptych.parameters.problem import Problem, closest, find_block, suggest


@dataclass(frozen=True)
class UnknownKeys:
    """The search for keys that lead to no block; what is inside a block, the block checks.

    Attributes:
        blocks: Types of the parameters that nodes take, by dotted key.
        everything: Whether a node takes all parameters as one dict (`parameters`).
        runtime: What was given by `--params`.
        runtime_names: Names `--params` may carry because the configuration reads them; None allows any.
    """

    blocks: Mapping[str, Any]
    everything: bool
    runtime: Mapping[str, Any]
    runtime_names: Collection[str] | None

    def find(self, parameters: Mapping[str, Any]) -> tuple[list[Problem], list[Problem]]:
        """List the unknown keys.

        Args:
            parameters: The merged parameters of a run.

        Returns:
            Problems and warnings.
        """
        found = list(self._walk(parameters, "", self.everything))
        return [problem for problem, is_own in found if not is_own], [problem for problem, is_own in found if is_own]

    def _walk(self, values: Mapping[str, Any], prefix: str, taken: bool) -> Iterator[tuple[Problem, bool]]:
        """Yield problems, and whether they are no more than a warning.

        Args:
            values: What is at `prefix`.
            prefix: Dotted key with a dot at its end, or nothing.
            taken: Whether a node takes these values as a whole, and so may read any key.
        """
        for name, value in values.items():
            key = f"{prefix}{name}"
            is_block = key in self.blocks
            if find_block(self.blocks.get(key)) is not None:
                continue
            if any(block.startswith(f"{key}.") for block in self.blocks):
                if isinstance(value, Mapping):
                    yield from self._walk(value, f"{key}.", taken or is_block)
                else:
                    yield Problem(key, f"must be a block of keys, got {value!r}"), False
            elif not is_block:
                yield from self._judge(str(name), prefix, taken)

    def _judge(self, name: str, prefix: str, taken: bool) -> Iterator[tuple[Problem, bool]]:
        """Judge a key that is none of a block; one at the top may be a user's own."""
        is_given = not prefix and name in self.runtime
        names = () if prefix else self.runtime_names or ()
        if not prefix and name.startswith("_"):  # of a template
            return
        if is_given and (self.runtime_names is None or name in names):
            return
        valid = self._siblings(prefix) | set(names)
        near = self._elsewhere(name) or closest(name, valid)
        hint = f", did you mean '{near}'?" if near else ""
        if name in names:
            message = "has no effect in a parameters file; give it by --params or set it in globals.yml"
            yield Problem(name, message), False
        elif not taken and (prefix or is_given):
            yield Problem(f"{prefix}{name}", f"unknown key{hint or suggest(name, valid)}"), False
        elif near or not taken:
            yield Problem(f"{prefix}{name}", f"no node takes it{hint}"), True

    def _siblings(self, prefix: str) -> set[str]:
        return {block[len(prefix) :].split(".")[0] for block in self.blocks if block.startswith(prefix)}

    def _elsewhere(self, name: str) -> str | None:
        """Return the place where a key of that name belongs."""
        for key, annotation in self.blocks.items():
            block = find_block(annotation)
            names = [key, *(f"{key}.{field}" for field in (block.model_fields if block else ()))]
            for full in names:
                if full.endswith(f".{name}"):
                    return full
        return None
