"""Every metric, one row each: name, unit, attributes, and what a call that ended records."""

from __future__ import annotations

from enum import Enum
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from midstream._outcomes.vocabulary import Outcome
from midstream._telemetry.operation import Operation
from midstream._telemetry.scope import GenAIMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from midstream._telemetry.call_record import CallRecord, Value

    Read = Callable[[CallRecord], float | None]
    """The value of a metric for a call; `None` records nothing."""


class Instrument(str, Enum):
    """The kind of a metric's instrument."""

    COUNTER = "counter"
    UP_DOWN_COUNTER = "up-down counter"
    HISTOGRAM = "histogram"


class Measure:
    """One value that a call records for a metric when it has ended."""

    __slots__ = ("attributes", "value")

    def __init__(self, value: Read, attributes: Mapping[str, Value] = MappingProxyType({})) -> None:
        self.value: Final = value
        self.attributes: Final = attributes
        """Attributes of the value in addition to those of the call."""


class Metric(NamedTuple):
    """One metric, with the attributes that its series have."""

    name: str
    instrument: Instrument
    unit: str
    brief: str
    attributes: tuple[str, ...]
    measures: tuple[Measure, ...] = ()
    """Empty for a metric that is not recorded when a call ends."""
    buckets: tuple[float, ...] | None = None


_CALL: Final = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
_OUTCOME: Final = (*_CALL, "gen_ai.request.stream", "midstream.outcome", "midstream.leaked", "midstream.misreported")
_DETAIL: Final = (
    *_OUTCOME,
    "midstream.corrected",
    "midstream.phase",
    "error.type",
    "midstream.status_code",
    "http.response.status_code",
)
_GEN_AI: Final = (*_CALL, "gen_ai.response.model", "server.address", "server.port")
_ERROR: Final = (*_GEN_AI, "error.type")

# The buckets that the GenAI semantic conventions (1.41) give for durations and for tokens.
_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = tuple(float(4**n) for n in range(14))


def _counter(name: str, unit: str, brief: str, attributes: tuple[str, ...], value: Read | None = None) -> Metric:
    return Metric(name, Instrument.COUNTER, unit, brief, attributes, _measures(value))


def _seconds(name: str, brief: str, attributes: tuple[str, ...], value: Read | None = None) -> Metric:
    return Metric(name, Instrument.HISTOGRAM, "s", brief, attributes, _measures(value), _SECONDS)


def _tokens(name: str, brief: str, attributes: tuple[str, ...], value: Read | None = None) -> Metric:
    return Metric(name, Instrument.HISTOGRAM, "{token}", brief, attributes, _measures(value), _TOKENS)


def _measures(value: Read | None) -> tuple[Measure, ...]:
    return () if value is None else (Measure(value),)


OPERATIONS: Final = _counter(
    "midstream.client.operations", "{operation}", "Calls, by how they really ended.", _OUTCOME, lambda _: 1
)
_ERRORS: Final = _counter(
    "midstream.client.errors", "{error}", "Failed calls in detail.", _DETAIL, lambda c: 1 if c.verdict.failure else None
)
OPEN_STREAMS: Final = Metric(
    "midstream.client.stream.active", Instrument.UP_DOWN_COUNTER, "{stream}", "Streams that are open now.", _CALL
)
"""Observed when metrics are collected."""
_LONGEST_WAIT: Final = _seconds(
    "midstream.client.stream.longest_wait",
    "The longest time that the reader of a stream waited for the next bytes.",
    (*_CALL, "midstream.outcome"),
    lambda c: c.verdict.longest_wait if c.verdict.opened else None,
)
RESENDS: Final = _counter(
    "midstream.client.resends",
    "{request}",
    "Requests that the SDK sent again.",
    (*_CALL, "midstream.outcome"),
    lambda c: c.resends or None,
)
TELEMETRY_ERRORS: Final = _counter(
    "midstream.telemetry.errors",
    "{error}",
    "Telemetry faults of midstream's own that were contained.",
    ("midstream.component",),
)
TOTALS: Final = (OPERATIONS, _ERRORS, RESENDS)
"""Counted by midstream, and observed when metrics are collected."""
_OURS: Final = (OPERATIONS, _ERRORS, OPEN_STREAMS, _LONGEST_WAIT, RESENDS, TELEMETRY_ERRORS)

_DURATION: Final = _seconds("gen_ai.client.operation.duration", "Duration of a call.", _ERROR, attrgetter("duration"))
_INPUT_TOKENS: Final[Read] = attrgetter("verdict.answer.input_tokens")
_OUTPUT_TOKENS: Final[Read] = attrgetter("verdict.answer.output_tokens")
_USAGE: Final = Metric(
    "gen_ai.client.token.usage",
    Instrument.HISTOGRAM,
    "{token}",
    "Tokens of a call.",
    (*_GEN_AI, "gen_ai.token.type"),
    (
        Measure(_INPUT_TOKENS, {"gen_ai.token.type": "input"}),
        Measure(_OUTPUT_TOKENS, {"gen_ai.token.type": "output"}),
    ),
    _TOKENS,
)
_FIRST_CHUNK: Final = _seconds(
    "gen_ai.client.operation.time_to_first_chunk",
    "Time from the start of a call to the first content of its stream.",
    _GEN_AI,
    attrgetter("time_to_first_chunk"),
)
_PER_CHUNK: Final = _seconds(
    "gen_ai.client.operation.time_per_output_chunk",
    "Time between two pieces of content of a stream. Off unless asked for.",
    _GEN_AI,
)
_RELEASED: Final = (_DURATION, _USAGE, _FIRST_CHUNK, _PER_CHUNK)

METRICS: Final = (*_OURS, *_RELEASED)


def _next(metric: Metric, name: str, brief: str | None = None) -> Metric:
    """`metric` under the name of the next conventions."""
    return metric._replace(name=f"gen_ai.client.inference.{name}", brief=brief or metric.brief)


def _next_usage(name: str, brief: str, tokens: Read) -> Metric:
    # 0 where the API said nothing, on failed calls too, as the conventions require. The API does not say which tokens
    # are text and which an image.
    measure = Measure(lambda c: tokens(c) or 0, {"gen_ai.token.modality": "unknown"})
    metric = _counter(f"gen_ai.client.inference.usage.{name}", "{token}", brief, (*_GEN_AI, "gen_ai.token.modality"))
    return metric._replace(measures=(measure,))


def _next_tokens(name: str, brief: str, tokens: Read) -> Metric:
    # Only what the API counted: the conventions have not settled whether failed calls belong here (their issue 530),
    # and a 0 would be invented.
    return _tokens(f"gen_ai.client.inference.operation.{name}", brief, _ERROR, tokens)


_NEXT_FIRST_CHUNK: Final = _next(_FIRST_CHUNK, "time_to_first_chunk")
_NEXT_PER_CHUNK: Final = _next(_PER_CHUNK, "time_per_output_chunk")

NEXT_METRICS: Final = (
    _next(_DURATION, "duration", "Duration of a call for an answer."),
    _NEXT_FIRST_CHUNK,
    _NEXT_PER_CHUNK,
    _next_usage(
        "input_tokens",
        "Input tokens, those read from and written to the cache included.",
        _INPUT_TOKENS,
    ),
    _next_usage("output_tokens", "Output tokens.", _OUTPUT_TOKENS),
    _next_usage(
        "cache_read.input_tokens", "Input tokens read from the cache.", attrgetter("verdict.answer.cache_read_tokens")
    ),
    _next_usage(
        "cache_write.input_tokens",
        "Input tokens written to the cache.",
        attrgetter("verdict.answer.cache_write_tokens"),
    ),
    _next_tokens("input_tokens", "Input tokens of a call.", _INPUT_TOKENS),
    _next_tokens("output_tokens", "Output tokens of a call.", _OUTPUT_TOKENS),
)
"""The GenAI metrics of the next conventions. Recorded only on request."""

_GEN_AI_METRICS: Final[Mapping[GenAIMetrics, tuple[Metric, ...]]] = {
    GenAIMetrics.V1_41: _RELEASED,
    GenAIMetrics.NEXT: NEXT_METRICS,
    GenAIMetrics.BOTH: (*_RELEASED, *NEXT_METRICS),
}


OF_STREAMS: Final = (_LONGEST_WAIT, _FIRST_CHUNK, _NEXT_FIRST_CHUNK)
"""The metrics that only streams have, and of those some only after their first content."""


def metrics_with(names: GenAIMetrics) -> tuple[Metric, ...]:
    """The metrics that exist where the GenAI metrics have `names`."""
    # The next conventions rename only metrics of answers: a count of tokens keeps this one.
    count = (_DURATION,) if names is GenAIMetrics.NEXT else ()
    return (*_OURS, *count, *_GEN_AI_METRICS[names])


def metrics_of(operation: Operation, names: GenAIMetrics) -> tuple[Metric, ...]:
    """The metrics of a call of `operation` where the GenAI metrics have `names`."""
    if not operation.is_inference:
        return _OURS
    return (*_OURS, *((_DURATION,) if operation is Operation.COUNT_TOKENS else _GEN_AI_METRICS[names]))


def chunk_metrics(names: GenAIMetrics) -> tuple[Metric, ...]:
    """The metrics that record each piece of content, where that was requested."""
    return tuple(metric for metric in _GEN_AI_METRICS[names] if metric in (_PER_CHUNK, _NEXT_PER_CHUNK))


COUNTER_DEFAULTS: Final[Mapping[str, Value]] = {
    "gen_ai.request.stream": False,
    "midstream.leaked": False,
    "midstream.misreported": False,
}
"""The values on metrics of attributes that a span omits."""

NORMAL_FLAGS: Final[Mapping[Outcome, tuple[bool, bool]]] = {
    **dict.fromkeys(Outcome, (False, False)),
    Outcome.IN_BAND_ERROR: (False, True),
    Outcome.TRANSPORT_ERROR: (True, False),
    Outcome.MALFORMED: (True, False),
}
"""By outcome, whether such a call is normally leaked, and whether it is normally misreported."""
