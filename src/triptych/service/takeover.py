"""Watch what is promoted, and take it over."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from triptych.service.params import ServiceParams
from triptych.service.served_model import ServedModel
from triptych.service.sources import Source

_logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class Takeover:
    """Keeps a served model at the version that its source names.

    Args:
        model: What is served.
        source: Where its versions come from.
        params: Of the service.
        on_taken: Called after a version was taken over.
    """

    def __init__(
        self, model: ServedModel, source: Source, params: ServiceParams, on_taken: Callable[[], None] | None = None
    ) -> None:
        self._model, self._source, self._params = model, source, params
        self._on_taken = on_taken
        self._failed = ("", 0.0)

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:  # of ours: the next look may find what this one did not
                _logger.exception("%s: its versions could not be looked for", self._model.workload)
            await asyncio.sleep(self._params.poll_s)

    async def look(self) -> None:
        """Look once; what fails is logged, and told by the model's status."""
        try:
            name = await _run_aside(self._source.find)
        except Exception as error:  # whatever the registry's client raises: it may answer next time
            self._tell(f"the registry cannot be asked: {' '.join(str(error).split())[:500]}")
            return
        if name is None:
            self._tell("" if self._model.status.version else self._source.advise())
        elif name == self._model.status.version:
            self._model.status.problem = ""
        elif not self._has_just_failed(name):
            await self._take_over(name)

    async def _take_over(self, name: str) -> None:
        try:
            version = await _run_aside(self._source.fetch, name)
        except Exception as error:  # as above
            self._tell(f"{name} cannot be fetched: {' '.join(str(error).split())[:500]}")
            self._failed = (name, time.monotonic())
            return
        if not await self._model.take_over(version):
            self._failed = (name, time.monotonic())
        elif self._on_taken:
            self._on_taken()

    def _has_just_failed(self, name: str) -> bool:
        failed, when = self._failed
        return name == failed and time.monotonic() < when + self._params.retry_s

    def _tell(self, problem: str) -> None:
        if problem and self._model.status.problem != problem:
            _logger.warning("%s: %s", self._model.workload, problem)
        self._model.status.problem = problem


async def _run_aside(function: Callable[..., Result], *arguments: Any) -> Result:
    """Run a function in a thread that the service does not wait for at its end: a registry may hang for minutes."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(settled: Callable[[Any], None], value: Any) -> None:
        if not future.done():  # nobody waits any more
            settled(value)

    def run() -> None:
        try:
            outcome: tuple[Callable[[Any], None], Any] = (future.set_result, function(*arguments))
        except Exception as error:
            outcome = (future.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="registry", daemon=True).start()
    return await future
