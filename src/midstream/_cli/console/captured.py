"""Captures what code that is not midstream's raises and logs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import final


@final
class CapturedException:
    """A context manager that captures every `Exception`, and nothing else."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        """What was raised. `None` if nothing was."""

    def __enter__(self) -> CapturedException:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error = error
        return True


class _Handler(logging.Handler):
    def __init__(self, level: int, take: Callable[[logging.LogRecord], object]) -> None:
        super().__init__(level)
        self._take = take

    def emit(self, record: logging.LogRecord) -> None:
        self._take(record)


@contextmanager
def captured_logs(
    take: Callable[[logging.LogRecord], object], *names: str, level: int = logging.WARNING
) -> Generator[None]:
    """Gives `take` the records of the loggers `names` and of those below them, from `level` up.

    The handlers of the root logger do not get these records. `take` runs in the thread that logs. Captures nest, and
    each gets every record; those of several threads at the same time need one around them.
    """
    handler = _Handler(level, take)
    loggers = [logging.getLogger(name) for name in names]
    propagated = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in zip(loggers, propagated, strict=True):
            logger.removeHandler(handler)
            logger.propagate = propagate
