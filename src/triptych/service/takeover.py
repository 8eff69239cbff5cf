"""Watch what is promoted, and take it over."""

from __future__ import annotations

import asyncio
import logging
import time

from triptych.service.params import ServiceParams
from triptych.service.served_model import ServedModel
from triptych.service.sources import Source

_logger = logging.getLogger(__name__)


class Takeover:
    """Keeps a served model at the version that its source names.

    Args:
        model: What is served.
        source: Where its versions come from.
        params: Of the service.
    """

    def __init__(self, model: ServedModel, source: Source, params: ServiceParams) -> None:
        self._model, self._source, self._params = model, source, params
        self._failed = ("", 0.0)

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._params.poll_s)

    async def look(self) -> None:
        """Look once; what fails is logged, and told by the model's status."""
        try:
            name = await asyncio.to_thread(self._source.find)
        except Exception as error:  # whatever the registry's client raises: it may answer next time
            self._tell(f"the registry cannot be asked: {' '.join(str(error).split())[:500]}")
            return
        if name is None:
            if self._model.status.version is None:
                self._tell(self._source.advise())
        elif name == self._model.status.version:
            self._model.status.problem = ""
        elif not self._has_just_failed(name):
            await self._take_over(name)

    async def _take_over(self, name: str) -> None:
        try:
            version = await asyncio.to_thread(self._source.fetch, name)
        except Exception as error:  # as above
            self._tell(f"{name} cannot be fetched: {' '.join(str(error).split())[:500]}")
            self._failed = (name, time.monotonic())
            return
        if not await self._model.take_over(version):
            self._failed = (name, time.monotonic())

    def _has_just_failed(self, name: str) -> bool:
        failed, when = self._failed
        return name == failed and time.monotonic() < when + self._params.retry_s

    def _tell(self, problem: str) -> None:
        if self._model.status.problem != problem:
            _logger.warning("%s: %s", self._model.workload, problem)
        self._model.status.problem = problem
