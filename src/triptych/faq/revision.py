"""Which state of a growing matcher a folder holds, so that of two who add at once neither undoes the other's work."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triptych.errors import InputError

ABOUT = "about.json"


@dataclass(frozen=True)
class Revision:
    """A state of a matcher.

    Attributes:
        number: How often something was added to it.
        name: Of no other state, of this matcher or another.
        earlier: Names of the states that it was made of, from the one that was loaded on; empty where it was built.
    """

    number: int = 0
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    earlier: tuple[str, ...] = ()

    @classmethod
    def from_about(cls, about: dict[str, Any]) -> Revision:
        """Read what `to_about` wrote."""
        return cls(about["revision"], about["name"], (about["name"],))

    def to_about(self) -> dict[str, Any]:
        """Give what a folder says of it, JSON-able."""
        return {"revision": self.number, "name": self.name}

    def follow(self) -> Revision:
        """Give the state after this one."""
        return Revision(self.number + 1, earlier=(*self.earlier, self.name) if self.earlier else ())

    def check_replaceable(self, folder: Path) -> None:
        """Refuse to take the place of a state that this one was not made of; what was built takes any place.

        Raises:
            InputError: If the folder holds another.
        """
        if not self.earlier or not (folder / ABOUT).is_file():
            return
        there = read_about(folder)
        if there.get("name") not in self.earlier:
            raise InputError(
                f"the matcher was replaced by another (revision {there.get('revision')}) while this one (revision "
                f"{self.number}) was made of an earlier one: add again, to what is there now"
            )


def read_about(folder: Path) -> dict[str, Any]:
    """Read what a matcher's folder says of itself."""
    about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    return about
