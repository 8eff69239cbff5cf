"""What could not be used as it was, one row for each file and reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

Kind = Literal[
    "unreadable_photo",
    "unreadable_annotation",
    "unsafe_file",
    "annotation_without_photo",
    "photo_without_annotation",
    "photo_left_out",
    "ambiguous_name",
    "different_name",
    "different_size",
    "duplicate_annotation",
    "refused_object",
    "formats_differ",
    "missing_category",
]
"""What was wrong:

* `unreadable_photo`: it is damaged, empty, too large, or no photo; left out.
* `unreadable_annotation`: the file is no annotation that can be read; not used.
* `unsafe_file`: a link out of the folder, a link to a folder, a pipe; not opened.
* `annotation_without_photo`: names a photo that is not there.
* `photo_without_annotation`: nothing describes it; used as a photo without objects.
* `photo_left_out`: what is on it is unknown, since its annotation could not be used.
* `ambiguous_name`: an annotation names a photo that may be any of several; not used.
* `different_name`: an annotation names its photo by another name or place; used.
* `different_size`: an annotation is of a photo of another size; not used, unless it gives a size of 0.
* `duplicate_annotation`: a photo is described or an id given twice.
* `refused_object`: objects, or parts of their masks, that are not on their photo or none at all.
* `formats_differ`: two formats see different objects on a photo; those of one are used.
* `missing_category`: a category that was asked for has no object.
"""

_COLUMNS = ["file", "kind", "reason"]


def printable(text: object, most: int = 200) -> str:
    """Make any text fit for a table and a terminal: escape what cannot be shown, cut after so many characters."""
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(text)[:most])
    return shown + "..." * (len(str(text)) > most)


@dataclass
class Quarantine:
    """Collects the rows."""

    rows: list[tuple[str, Kind, str]] = field(default_factory=list)

    def add(self, file: str, kind: Kind, reason: str) -> None:
        """Add a row.

        Args:
            file: Path relative to the raw folder.
            kind: What is wrong.
            reason: The same for people, in a sentence.
        """
        self.rows.append((printable(file, 500), kind, printable(reason, 500)))

    def count(self) -> dict[str, int]:
        """Count the rows of each kind."""
        return dict(sorted(Counter(kind for _, kind, _ in self.rows).items()))

    def to_table(self) -> pd.DataFrame:
        """Make the table: columns `file`, `kind`, `reason`, sorted."""
        return pd.DataFrame(sorted(set(self.rows)), columns=_COLUMNS, dtype=object)
