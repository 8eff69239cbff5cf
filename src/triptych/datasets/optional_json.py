"""JSON that need not be there."""

from __future__ import annotations

from typing import Any

from triptych.datasets.atomic import JSONDataset


class OptionalJSONDataset(JSONDataset):
    """JSON in a file; while there is none, an empty dict."""

    def load(self) -> Any:
        """Read the file if there is one."""
        return super().load() if self.exists() else {}
