"""Log events, through the API of the installed OpenTelemetry.

| OpenTelemetry | what a logger takes | where the name of the event is |
|---|---|---|
| 1.30 to 1.34 | a record with the ids of the span | in the attribute `event.name`, as in the events of those versions |
| 1.35 to 1.37 | a record with the context | in the record |
| 1.38 and later | keywords | in a keyword |
"""

from __future__ import annotations

import sys
import time
from functools import cache
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import Logger, LogRecord, NoOpLogger, SeverityNumber
from opentelemetry.trace import get_current_span

from midstream._guard import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context

    from midstream._telemetry.call_record import Value


_SEVERITY: Final = SeverityNumber.WARN
_NAME: Final = "event.name"


class LogEvents:
    """Emits log events with one name, and severity WARN, through a logger that creates the records itself."""

    def __init__(self, logger: Any, name: str) -> None:
        self._logger = logger
        self._name = name

    def wanted(self, where: Context) -> bool:
        """Whether the logger would emit an event in the span of `where`. Raises what the logger raises."""
        enabled: Callable[..., bool] | None = getattr(self._logger, "enabled", None)  # OpenTelemetry 1.45 and later
        return enabled is None or enabled(context=where, severity_number=_SEVERITY, event_name=self._name)

    def emit(self, body: str, attributes: Mapping[str, Value], where: Context) -> None:
        """Emits an event that happens now, in the span of `where`. Raises what the logger raises."""
        self._logger.emit(event_name=self._name, attributes=attributes, context=where, **_common(body))


def log_events(logger: Any, name: str) -> LogEvents:
    """An emitter of events through either kind of `logger`. Never raises."""
    return LogEvents(logger, name) if _takes_keywords(logger) else _Records(logger, name)


class _Records(LogEvents):
    """The same through a logger that takes a record, and passes it on unchanged, with the resource in it."""

    def __init__(self, logger: Any, name: str) -> None:
        # Private, and present in all versions that need it.
        from opentelemetry._logs._internal import ProxyLogger  # noqa: PLC0415

        super().__init__(logger, name)
        self._is_proxy = issubclass(type(logger), ProxyLogger)

    @property
    def _real(self) -> Any:
        """The logger behind a proxy: a provider may be set at any time."""
        return self._logger._logger if self._is_proxy else self._logger  # noqa: SLF001

    def wanted(self, where: Context) -> bool:
        del where
        return not isinstance(self._real, NoOpLogger)

    def emit(self, body: str, attributes: Mapping[str, Value], where: Context) -> None:
        logger = self._real
        fields = _common(body)
        # A logger of the OpenTelemetry SDK needs records of that SDK, which are records of the API as well.
        record: Any = getattr(sys.modules.get("opentelemetry.sdk._logs"), "LogRecord", LogRecord)
        if record is not LogRecord:
            fields["resource"] = getattr(logger, "resource", None)
        if _has_context(record):
            fields |= {"context": where, "event_name": self._name, "attributes": attributes}
        else:
            span = get_current_span(where).get_span_context()
            fields |= {"trace_id": span.trace_id, "span_id": span.span_id, "trace_flags": span.trace_flags}
            fields["attributes"] = {**attributes, _NAME: self._name}
        logger.emit(record(**fields))


def name_of(record: Any) -> Any:
    """The name of the event in `record`. `None` if it is not an event."""
    attributes: Mapping[str, Any] = record.attributes or {}
    return getattr(record, "event_name", None) or attributes.get(_NAME)


def _common(body: str) -> dict[str, Any]:
    return {
        "timestamp": time.time_ns(),
        "severity_number": _SEVERITY,
        "severity_text": _SEVERITY.name,
        "body": body,
    }


def _takes_keywords(logger: Any) -> bool:
    """Whether `emit()` creates the record. One that takes anything is assumed to be like the API's."""
    known = attempt(lambda: signature(logger.emit).parameters)
    if known is None or any(parameter.kind is Parameter.VAR_KEYWORD for parameter in known.values()):
        known = signature(Logger.emit).parameters
    return "event_name" in known


@cache
def _has_context(record: Any) -> bool:
    return "context" in signature(record).parameters
