"""Wait until a file is whole: it has stayed as it is for a while, and so have its companions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["Settling"]

Key = tuple[str, str]
"""A folder, and the name of a file in it."""


@dataclass
class Settling:
    """Remembers since when files have been as they are.

    Attributes:
        settle_s: How long a file has to stay as it is.
        gather_s: How long those that are settled wait for others that are not, to go into one job.
        now: The clock.
    """

    settle_s: float
    gather_s: float
    now: Callable[[], float] = time.monotonic
    _seen: dict[Key, tuple[str, float]] = field(default_factory=dict)

    def look(self, fingerprints: Mapping[Key, str]) -> set[Key]:
        """Take note of what is there, and tell which of it is settled; what is gone is forgotten.

        Args:
            fingerprints: Of all files that are waited for, by what they are called.
        """
        now = self.now()
        self._seen = {
            key: self._seen[key] if key in self._seen and self._seen[key][0] == fingerprint else (fingerprint, now)
            for key, fingerprint in fingerprints.items()
        }
        return {key for key, (_, since) in self._seen.items() if now - since >= self.settle_s}

    def is_gathered(self, keys: Iterable[Key]) -> bool:
        """Tell whether files that go together wait no longer: all are settled, or the first has waited enough."""
        since = [self._seen[key][1] for key in keys]
        now = self.now()
        return all(now - each >= self.settle_s for each in since) or now - min(since) >= self.settle_s + self.gather_s
