"""Parameters that can be read as the dict they were."""

from __future__ import annotations

from typing import Any


class ReadByName:
    """Lets `params["num_nodes"]` read a field: kedro-azureml does so, as it knows plain dicts only."""

    def __getitem__(self, name: str) -> Any:
        """Read a field.

        Args:
            name: Its name.

        Raises:
            KeyError: If there is none of that name.
        """
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None
