"""Watches from outside what an exporter makes of what it is given: neither it nor a provider tells."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from midstream._cli.console.caught import Caught
from midstream._cli.doctor.findings import in_words, one_line
from midstream._guard import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from midstream._cli.doctor.providers import Destination


_SUCCESS: Final = "SUCCESS"
_SOURCE: Final = logging.getLogger("opentelemetry")


@dataclass(frozen=True)
class Delivery:
    """What an exporter did with something."""

    to: str
    failure: str | None
    """Why it failed. `None` if it did not."""


@dataclass
class WatchedExporter:
    """Keeps what an exporter did with the batches that have something of ours."""

    destination: Destination
    is_ours: Callable[[Any], bool]
    deliveries: list[Delivery] = field(default_factory=list[Delivery])
    closed: bool = False
    """Whether nothing more is exported: at exit, to hear the same failure again takes as long as hearing it once."""

    def begin(self) -> bool:
        """Takes the place of the `export` of the exporter. Returns whether that could be done."""
        exporter: Any = self.destination.exporter
        with Caught() as caught:
            exporter.export = self._instead_of(exporter.export)
        return caught.error is None

    def _instead_of(self, export: Callable[..., Any]) -> Callable[..., Any]:
        def watched_export(batch: Any, *args: Any, **kwargs: Any) -> Any:
            if self.closed:
                return None
            result = None
            with _heard() as heard, Caught() as caught:
                result = export(batch, *args, **kwargs)
            if attempt(self.is_ours, batch):
                self.deliveries.append(Delivery(self.destination.name, _failure(caught.error, result, heard)))
            if caught.error is not None:
                raise caught.error
            return result

        return watched_export


def watched(destinations: tuple[Destination, ...], is_ours: Callable[[Any], bool]) -> tuple[WatchedExporter, ...]:
    """Watches those of `destinations` that can be."""
    found = [WatchedExporter(one, is_ours) for one in destinations if one.exporter is not None]
    return tuple(one for one in found if one.begin())


def _failure(error: Exception | None, result: Any, heard: list[str]) -> str | None:
    if error is not None:
        return in_words(error)
    if getattr(result, "name", None) == _SUCCESS:
        return None
    return _reason(heard) if heard else "it does not say why"


_REASONS: Final = {
    r"Connection refused": "connection refused",
    r"Name or service not known|NameResolution|Failed to resolve|getaddrinfo|No address associated": "no such host",
    r"CERTIFICATE_VERIFY_FAILED|SSLError|SSL_ERROR|WRONG_VERSION_NUMBER": "TLS failed",
    r"code: (\d+), reason: (.*)": "HTTP {} {}",
    r"timed out|Timeout|DEADLINE_EXCEEDED": "timed out",
    r"due to timeout, max retries": "nobody answered in time",
    r"StatusCode\.(\w+)": "{}",
}
"""By what exporters log, what it means."""


def _reason(heard: list[str]) -> str:
    for line in heard:
        for pattern, meaning in _REASONS.items():
            if found := re.search(pattern, line):
                return one_line(meaning.format(*found.groups()))
    return one_line(heard[0])


class _Ear(logging.Handler):
    """Takes what this thread logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = get_ident()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.lines.append(record.getMessage())


@contextmanager
def _heard() -> Generator[list[str]]:
    """What OpenTelemetry logs in this thread inside the `with` block."""
    ear = _Ear()
    _SOURCE.addHandler(ear)
    try:
        yield ear.lines
    finally:
        _SOURCE.removeHandler(ear)
