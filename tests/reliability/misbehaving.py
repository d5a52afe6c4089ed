"""Everything of OpenTelemetry that midstream calls, made to misbehave, as data."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import opentelemetry.propagate
from opentelemetry import trace
from opentelemetry._logs import Logger
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics.view import Aggregation, View
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import midstream._sdk.reporting
from midstream._sdk.reporting import Reporter
from support.styles import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

    from support.exported import Exported

    Breaks = Callable[[Exported, pytest.MonkeyPatch], Mapping[str, Any]]

__all__ = ("MISBEHAVIOURS", "Broken", "MisbehavedError", "Misbehaviour", "Nonsense", "nothing", "raising", "then")


class MisbehavedError(Exception):
    """Raised by OpenTelemetry here. Its message must not be logged."""

    def __init__(self) -> None:
        super().__init__(f"could not handle {CANARY}")


def raising(*_args: Any, **_kwargs: Any) -> NoReturn:
    """Raises at every call."""
    raise MisbehavedError


class Nonsense:
    """Raises at every access."""

    __class__ = property(raising)  # pyright: ignore[reportIncompatibleMethodOverride]
    __bool__ = __eq__ = __hash__ = __getattr__ = __call__ = __iter__ = __lt__ = __gt__ = __float__ = raising
    __str__ = __repr__ = raising


def nothing(*_args: Any, **_kwargs: Any) -> None:
    """Returns `None` from every call."""


def nonsense(*_args: Any, **_kwargs: Any) -> Any:
    """Returns an object that raises at every access."""
    return Nonsense()


class Broken:
    """Stands for `whole`, except for the given methods."""

    def __init__(self, whole: Any, **methods: Any) -> None:
        self._whole = whole
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        return self._methods[name] if name in self._methods else getattr(self._whole, name)


def then(make: Any, change: Callable[[Any], Any]) -> Any:
    """`make`, with `change` applied to its result."""

    def made(*args: Any, **kwargs: Any) -> Any:
        return change(make(*args, **kwargs))

    return made


class Delegating(trace.Span):
    """A span of an unknown class that hands everything on."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole

    def end(self, end_time: int | None = None) -> None:
        self._whole.end(end_time)

    def get_span_context(self) -> trace.SpanContext:
        found: trace.SpanContext = self._whole.get_span_context()
        return found

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self._whole.set_attributes(attributes)

    def set_attribute(self, key: str, value: Any) -> None:
        self._whole.set_attribute(key, value)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        self._whole.add_event(name, attributes, timestamp)

    def update_name(self, name: str) -> None:
        self._whole.update_name(name)

    def is_recording(self) -> bool:
        return bool(self._whole.is_recording())

    def set_status(self, status: Any, description: str | None = None) -> None:
        self._whole.set_status(status, description)

    def record_exception(self, *args: Any, **kwargs: Any) -> None:
        self._whole.record_exception(*args, **kwargs)

    @property
    def attributes(self) -> Any:
        return self._whole.attributes


def _slotted() -> type[Any]:
    """A class of spans that have slots and nothing else: no new attributes, and no weak references."""
    handed_on = {name: value for name, value in vars(Delegating).items() if callable(value) or name == "attributes"}
    kind = type("SlottedSpan", (), {**handed_on, "__slots__": ("_whole",)})
    # The base class of spans has no slots, so its subclasses have a dictionary.
    trace.Span.register(kind)
    return kind


_METHODS = (
    "get_span_context",
    "record_exception",
    "end",
    "set_attributes",
    "set_attribute",
    "add_event",
    "update_name",
    "is_recording",
    "set_status",
)


@dataclass(frozen=True)
class Misbehaviour:
    """One way in which OpenTelemetry fails."""

    name: str
    breaks: Breaks
    """Breaks these providers, and returns their replacements."""
    silences: frozenset[str] = frozenset()
    """The signals that need not report how calls ended."""
    told: str = ""
    """The component of the faults that midstream has to contain. None where OpenTelemetry does, or nothing is wrong."""
    often: str = "some"
    """Whether a fault is logged for each `call`, for each `failure`, or so often that a test cannot say: `some`.
    `uncounted` where what counts them is broken or does not count yet."""
    ends: bool | None = None
    """Whether every span ends anyway. `None` if spans are not silenced."""
    made_with: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The arguments of the providers."""
    collects: bool = True
    """Whether metrics can still be collected. If not, the reader that collects gets the exception."""

    def __str__(self) -> str:
        return self.name


_SPANS, _METRICS, _LOGS = (frozenset({signal}) for signal in ("spans", "metrics", "logs"))


def _processor(**methods: Any) -> Breaks:
    def breaks(exported: Exported, _patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        exported.tracer_provider.add_span_processor(type("BrokenProcessor", (SpanProcessor,), methods)())
        return {}

    return breaks


def _exporter(export: Any) -> Breaks:
    def breaks(exported: Exported, _patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        exporter: Any = Broken(exported.spans_in_memory, export=export)
        exported.tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
        return {}

    return breaks


def _tracer(change: Callable[[Any], Any]) -> Breaks:
    """Changes what the tracer provider makes."""

    def breaks(exported: Exported, _patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        provider = exported.tracer_provider
        return {"tracer_provider": Broken(provider, get_tracer=then(provider.get_tracer, change))}

    return breaks


def _start_span(start_span: Any) -> Breaks:
    return _tracer(lambda tracer: Broken(tracer, start_span=start_span))


def _spans_with(**broken: Any) -> Breaks:
    return _spans_of(type("BrokenSpan", (Delegating,), broken))


def _spans_of(kind: type[Any]) -> Breaks:
    return _tracer(lambda tracer: Broken(tracer, start_span=then(tracer.start_span, kind)))


def _id_generator(made: Any) -> Breaks:
    def breaks(exported: Exported, _patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        provider: Any = exported.tracer_provider
        provider.id_generator = Broken(provider.id_generator, generate_trace_id=made, generate_span_id=made)
        return {}

    return breaks


def _sampler(should_sample: Any) -> Breaks:
    def breaks(exported: Exported, _patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        provider: Any = exported.tracer_provider
        provider.sampler = Broken(provider.sampler, should_sample=should_sample)
        return {}

    return breaks


def _meter(*broken: str, method: Any = raising) -> Breaks:
    """A meter of which the methods `broken`, or the methods `broken` of its instruments, are `method`."""
    methods = dict.fromkeys(broken, method)

    def breaks(exported: Exported, _patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        provider = exported.meter_provider
        return {"meter_provider": Broken(provider, get_meter=then(provider.get_meter, broken_meter))}

    def broken_meter(meter: Any) -> Any:
        makers = {name: then(getattr(meter, name), lambda made: Broken(made, **methods)) for name in _MAKERS}
        return Broken(meter, **{**makers, **methods})

    return breaks


_MAKERS = ("create_counter", "create_observable_up_down_counter", "create_histogram")


def _logger(**methods: Any) -> Breaks:
    def breaks(exported: Exported, _patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        provider = exported.logger_provider
        get_logger = then(provider.get_logger, lambda logger: Broken(logger, **methods))
        return {"logger_provider": Broken(provider, get_logger=get_logger)}

    return breaks


def _log_processor(**methods: Any) -> Breaks:
    whole = dict.fromkeys(("on_emit", "emit", "shutdown", "force_flush"), nothing)

    def breaks(exported: Exported, _patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        processor = type("BrokenProcessor", (LogRecordProcessor,), {**whole, **methods})()
        exported.logger_provider.add_log_record_processor(processor)
        return {}

    return breaks


def _log_exporter(export: Any) -> Breaks:
    def breaks(exported: Exported, _patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        exporter: Any = Broken(exported.logs_in_memory, export=export)
        exported.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        return {}

    return breaks


def _propagator(_exported: Exported, patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    patch.setattr(opentelemetry.propagate, "propagator", Nonsense())
    return {}


def _clock(clock: Callable[[], Any]) -> Breaks:
    def breaks(_exported: Exported, patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
        patch.setattr(midstream._sdk.reporting, "Reporter", functools.partial(Reporter, clock=clock))
        return {}

    return breaks


def _whole(_exported: Exported, _patch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    return {}


def _backwards() -> Callable[[], float]:
    readings = iter(range(0, -(10**9), -1))
    return lambda: float(next(readings))


class _NoAggregation(Aggregation):
    """Cannot be created."""

    _create_aggregation = raising


_EVERYTHING = {**dict.fromkeys(_METHODS, raising), "attributes": property(raising)}
_FILTER = {"exemplar_filter": Broken(None, should_sample=raising)}
_VIEW = {"views": (View(instrument_name="midstream.client.*", aggregation=_NoAggregation()),)}

_ALL = (
    Misbehaviour("nothing is wrong", _whole),
    Misbehaviour("on_start raises", _processor(on_start=raising), _SPANS, "spans", "call"),
    Misbehaviour("on_start returns nonsense", _processor(on_start=nonsense)),
    Misbehaviour("on_ending raises", _processor(_on_ending=raising), _SPANS, "spans", "call"),
    Misbehaviour("on_end raises", _processor(on_end=raising), told="spans", often="call"),
    Misbehaviour("on_end returns nonsense", _processor(on_end=nonsense)),
    Misbehaviour("a span exporter raises", _exporter(raising)),
    Misbehaviour("a span exporter returns nonsense", _exporter(nonsense)),
    Misbehaviour("the sampler raises", _sampler(raising), _SPANS, "spans", "call"),
    Misbehaviour("the sampler returns None", _sampler(nothing), _SPANS, "spans", "call"),
    Misbehaviour("the sampler returns nonsense", _sampler(nonsense), _SPANS, "spans", "call"),
    Misbehaviour("the sampler drops every span", _sampler(ALWAYS_OFF.should_sample), _SPANS),
    Misbehaviour("the id generator raises", _id_generator(raising), _SPANS, "spans", "call"),
    Misbehaviour("the id generator returns None", _id_generator(nothing), _SPANS, "spans", "call"),
    Misbehaviour("the id generator returns nonsense", _id_generator(nonsense), _SPANS, "spans", "call"),
    Misbehaviour("the id generator returns zero", _id_generator(lambda: 0)),
    Misbehaviour("start_span raises", _start_span(raising), _SPANS, "spans", "call"),
    Misbehaviour("start_span returns None", _start_span(nothing), _SPANS, "spans"),
    Misbehaviour("start_span returns nonsense", _start_span(nonsense), _SPANS, "spans"),
    Misbehaviour("spans raise in every method", _spans_with(**_EVERYTHING), _SPANS, "spans"),
    Misbehaviour("spans take no new attributes", _spans_with(__dict__=None), _SPANS, ends=True),
    Misbehaviour("spans have slots", _spans_of(_slotted()), _SPANS, ends=True),
    Misbehaviour("attributes of spans raise", _spans_with(attributes=property(raising)), told="spans"),
    Misbehaviour("attributes of spans are nonsense", _spans_with(attributes=property(nonsense)), told="spans"),
    Misbehaviour("set_attributes raises", _spans_with(set_attributes=raising), _SPANS, "spans", "call", ends=True),
    Misbehaviour("set_status raises", _spans_with(set_status=raising), told="spans"),
    Misbehaviour("end of spans raises", _spans_with(end=raising), _SPANS, "spans", "call"),
    Misbehaviour("is_recording raises", _spans_with(is_recording=raising), _SPANS, "spans"),
    Misbehaviour("is_recording returns None", _spans_with(is_recording=nothing), _SPANS),
    Misbehaviour("create_counter raises", _meter("create_counter"), _METRICS, "metrics", "uncounted"),
    Misbehaviour(
        "create_observable_up_down_counter raises",
        _meter("create_observable_up_down_counter"),
        told="metrics",
    ),
    Misbehaviour(
        "create_histogram returns None",
        _meter("create_histogram", method=nothing),
        told="metrics",
    ),
    Misbehaviour("every create_ raises", _meter(*_MAKERS), _METRICS, "metrics", "uncounted"),
    Misbehaviour("add raises", _meter("add"), _METRICS, "metrics", "uncounted"),
    Misbehaviour("record raises", _meter("record"), told="metrics"),
    Misbehaviour("add and record return nonsense", _meter("add", "record", method=nonsense), _METRICS),
    Misbehaviour(
        "the exemplar filter raises",
        _whole,
        _METRICS,
        "metrics",
        "uncounted",
        made_with={"meter_options": _FILTER},
        collects=False,
    ),
    Misbehaviour(
        "an aggregation cannot be made",
        _whole,
        _METRICS,
        "metrics",
        made_with={"meter_options": _VIEW},
        collects=False,
    ),
    Misbehaviour("emit raises", _logger(emit=raising), _LOGS, "logs", "failure"),
    Misbehaviour("emit returns nonsense", _logger(emit=nonsense), _LOGS),
    Misbehaviour("enabled raises", _logger(enabled=raising), _LOGS, "logs", "failure"),
    Misbehaviour("enabled returns None", _logger(enabled=nothing), _LOGS),
    Misbehaviour("enabled returns nonsense", _logger(enabled=nonsense), _LOGS, "logs", "failure"),
    Misbehaviour("a log processor raises", _log_processor(on_emit=raising, emit=raising), told="logs", often="failure"),
    Misbehaviour("a log exporter raises", _log_exporter(raising)),
    Misbehaviour("the propagator is nonsense", _propagator),
    Misbehaviour("the clock raises", _clock(raising), told="clock"),
    Misbehaviour("the clock says None", _clock(nothing), told="clock"),
    Misbehaviour("the clock says nonsense", _clock(nonsense), told="clock"),
    Misbehaviour("the clock stands still", _clock(lambda: 1.0)),
    Misbehaviour("the clock runs backwards", _clock(_backwards())),
    Misbehaviour("the clock is at infinity", _clock(lambda: float("inf"))),
)

_LATER = {
    "on_ending raises": hasattr(SpanProcessor, "_on_ending"),
    **dict.fromkeys(("enabled raises", "enabled returns None", "enabled returns nonsense"), hasattr(Logger, "enabled")),
}
"""By name of a misbehaviour, whether this OpenTelemetry has what misbehaves."""

MISBEHAVIOURS = {misbehaviour.name: misbehaviour for misbehaviour in _ALL if _LATER.get(misbehaviour.name, True)}
"""By name, all of them, and the lack of one."""
