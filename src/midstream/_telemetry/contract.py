"""Every attribute and metric that midstream emits, as data. `docs/telemetry.md` is made from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from midstream._outcomes.vocabulary import Outcome, Phase
from midstream._telemetry.operation import Operation
from midstream._telemetry.scope import GenAIMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from midstream._outcomes.failure import Failure
    from midstream._telemetry.call_record import CallRecord, Request


Value = str | int | float | bool | tuple[str, ...]

Source = TypeVar("Source")

EVENT_NAME: Final = "gen_ai.client.operation.exception"


class When(str, Enum):
    """On which calls an attribute stands, and since when."""

    START = "every call, from its start"
    CALL = "every call"
    FAILURE = "failed calls"
    STATUS = "`http_error`, `in_band_error`"
    IN_BAND = "`in_band_error`"
    STREAM = "streams"
    FAILED_STREAM = "failed streams"


@dataclass(frozen=True)
class Attribute(Generic[Source]):
    """One attribute of spans and log events, and of the metrics that name it."""

    name: str
    type: str
    when: When
    brief: str
    value: Callable[[Source], Value | None]
    """Its value for a request or an ended call; `None` leaves it out."""
    own_spans_only: bool = False
    """Whether the SDK's own span normally has it already: then it stays as the SDK has set it."""


def _failure(read: Callable[[Failure], Value | None]) -> Callable[[CallRecord], Value | None]:
    return lambda ended: None if ended.verdict.failure is None else read(ended.verdict.failure)


def _with_status(read: Callable[[Failure], Value | None]) -> Callable[[CallRecord], Value | None]:
    return _failure(lambda failure: None if failure.status_code is None else read(failure))


def _stream(read: Callable[[CallRecord], Value | None]) -> Callable[[CallRecord], Value | None]:
    return lambda ended: read(ended) if ended.verdict.opened else None


def _finish_reasons(ended: CallRecord) -> Value | None:
    verdict = ended.verdict
    if not ended.request.operation.is_inference:
        return None
    if verdict.opened and ended.request.stream and verdict.outcome is not Outcome.COMPLETED:
        return ("error",)
    reason = verdict.answer.stop_reason
    return None if reason is None else (reason,)


def _source(ended: CallRecord) -> Value:
    return "observed" if ended.verdict.outcome is Outcome.HTTP_ERROR else "synthesized"


REQUEST_ATTRIBUTES: Final[tuple[Attribute[Request], ...]] = (
    Attribute(
        "gen_ai.operation.name",
        "string",
        When.START,
        "`chat`, `text_completion`, `count_tokens`; no inference: `batch_results`, `session_events`, `file_download`.",
        lambda r: r.operation._value_,  # `value` is Python code of the enum's
        own_spans_only=True,
    ),
    Attribute(
        "gen_ai.provider.name",
        "string",
        When.START,
        "`anthropic`, `aws.bedrock` or `gcp.vertex_ai`.",
        lambda r: r.provider,
        own_spans_only=True,
    ),
    Attribute(
        "gen_ai.request.model",
        "string",
        When.START,
        "The model that was asked for.",
        lambda r: r.model,
        own_spans_only=True,
    ),
    Attribute(
        "server.address",
        "string",
        When.START,
        "The host that the request goes to.",
        lambda r: r.server_address,
        own_spans_only=True,
    ),
    Attribute("server.port", "int", When.START, "Its port.", lambda r: r.server_port, own_spans_only=True),
    Attribute(
        "gen_ai.request.stream",
        "boolean",
        When.START,
        "True if the answer is streamed; absent otherwise. On counters: always there.",
        lambda r: r.stream or None,
        own_spans_only=True,
    ),
    Attribute(
        "gen_ai.request.max_tokens",
        "int",
        When.START,
        "`max_tokens` of the request.",
        lambda r: r.max_tokens,
        own_spans_only=True,
    ),
    Attribute(
        "gen_ai.request.temperature",
        "double",
        When.START,
        "`temperature` of the request.",
        lambda r: r.temperature,
    ),
    Attribute("gen_ai.request.top_p", "double", When.START, "`top_p` of the request.", lambda r: r.top_p),
    Attribute("gen_ai.request.top_k", "int", When.START, "`top_k` of the request.", lambda r: r.top_k),
    Attribute(
        "gen_ai.request.stop_sequences",
        "string[]",
        When.START,
        "`stop_sequences` of the request.",
        lambda r: r.stop_sequences,
    ),
    Attribute(
        "gen_ai.output.type",
        "string",
        When.START,
        "`json` if the request asks for JSON of a schema.",
        lambda r: r.output_type,
        own_spans_only=True,
    ),
)
"""Known when the call starts."""

CALL_ATTRIBUTES: Final[tuple[Attribute[CallRecord], ...]] = (
    Attribute(
        "midstream.in_band.request_id",
        "string",
        When.IN_BAND,
        "`request_id` of the error event's body.",
        _failure(lambda f: f.in_band_request_id),
    ),
    Attribute(
        "midstream.stream.bytes",
        "int",
        When.STREAM,
        "Bytes of the body that were received.",
        _stream(lambda e: e.verdict.received),
    ),
    Attribute(
        "midstream.stream.longest_wait",
        "double (s)",
        When.STREAM,
        "The longest time that the reader waited for the next bytes.",
        _stream(lambda e: e.verdict.longest_wait),
    ),
    Attribute(
        "midstream.stream.last_event",
        "string",
        When.FAILED_STREAM,
        "Type of the last event that was decoded.",
        lambda e: e.verdict.last_event if e.verdict.opened and e.verdict.failure else None,
    ),
    Attribute(
        "http.request.resend_count",
        "int",
        When.CALL,
        "How often the SDK sent the request again, if it did.",
        lambda e: e.resends or None,
    ),
    Attribute(
        "anthropic.request.id",
        "string",
        When.CALL,
        "The `request-id` header of the last response.",
        lambda e: e.request_id,
    ),
    Attribute(
        "gen_ai.response.id",
        "string",
        When.CALL,
        "Id of the message.",
        lambda e: e.verdict.answer.id,
        own_spans_only=True,
    ),
    Attribute(
        "gen_ai.response.model",
        "string",
        When.CALL,
        "The model that answered.",
        lambda e: e.verdict.answer.model,
        own_spans_only=True,
    ),
    Attribute(
        "gen_ai.response.finish_reasons",
        "string[]",
        When.CALL,
        'The stop reason; `["error"]` for a stream that ended before its final event.',
        _finish_reasons,
    ),
    Attribute(
        "gen_ai.response.time_to_first_chunk",
        "double (s)",
        When.STREAM,
        "Time from the start of the call to the first content.",
        lambda e: e.time_to_first_chunk,
        own_spans_only=True,
    ),
    Attribute(
        "gen_ai.usage.input_tokens",
        "int",
        When.CALL,
        "Input tokens, those read from and written to the cache included.",
        lambda e: e.verdict.answer.input_tokens,
        own_spans_only=True,
    ),
    Attribute(
        "gen_ai.usage.output_tokens",
        "int",
        When.CALL,
        "Output tokens; absent unless `message_delta` was seen.",
        lambda e: e.verdict.answer.output_tokens,
        own_spans_only=True,
    ),
    Attribute(
        "gen_ai.usage.cache_read.input_tokens",
        "int",
        When.CALL,
        "Input tokens read from the cache.",
        lambda e: e.verdict.answer.cache_read_tokens,
        own_spans_only=True,
    ),
    Attribute(
        "gen_ai.usage.cache_write.input_tokens",
        "int",
        When.CALL,
        "Input tokens written to the cache.",
        lambda e: e.verdict.answer.cache_write_tokens,
        own_spans_only=True,
    ),
    # The verdict is last: where a limit allows too few attributes, OpenTelemetry drops the oldest.
    Attribute(
        "midstream.phase",
        "string",
        When.FAILURE,
        "Where in the call it failed: `request`, `opening`, `content` or `closing`.",
        _failure(lambda f: None if f.phase is None else f.phase._value_),
    ),
    Attribute(
        "midstream.retryable",
        "boolean",
        When.FAILURE,
        "Whether the same call may succeed later.",
        _failure(lambda f: f.retryable),
    ),
    Attribute(
        "midstream.leaked",
        "boolean",
        When.FAILURE,
        "Whether the exception that escaped from the SDK is not an `anthropic.APIError`, so that `except "
        "anthropic.APIError` misses it.",
        _failure(lambda f: f.leaked),
    ),
    Attribute(
        "midstream.misreported",
        "boolean",
        When.FAILURE,
        "Whether the reported status is not the effective one.",
        _failure(lambda f: f.misreported),
    ),
    Attribute(
        "midstream.reported.status_code",
        "int",
        When.FAILURE,
        "The status on the exception that the application got, if it has one.",
        _failure(lambda f: f.reported_status_code),
    ),
    Attribute(
        "midstream.status_code",
        "int",
        When.STATUS,
        "The effective status: observed for an HTTP error, synthesized from the error type for an in-band one.",
        _with_status(lambda f: f.status_code),
    ),
    Attribute(
        "midstream.status_code.source",
        "string",
        When.STATUS,
        "Where the effective status comes from: `observed` or `synthesized`.",
        lambda e: _with_status(lambda _: _source(e))(e),
    ),
    Attribute(
        "http.response.status_code",
        "int",
        When.CALL,
        "The observed status, always as it was on the wire: 200 for an in-band error.",
        lambda e: e.observed_status_code,
    ),
    Attribute(
        "error.type",
        "string",
        When.FAILURE,
        "The API's error type, the status of an error without one, the class of the transport or decoding exception, "
        "`stream_truncated`, `unexpected_media_type`, `unexpected_body`, the class of the innermost exception, or "
        "`_OTHER`.",
        _failure(lambda f: f.error_type),
    ),
    Attribute(
        "midstream.outcome",
        "string",
        When.CALL,
        "How the call really ended, see the table of outcomes.",
        lambda e: e.verdict.outcome._value_,
    ),
)
"""Known when the call has ended, in the order in which they are recorded."""

VERDICT_ATTRIBUTES: Final = frozenset(
    {
        "error.type",
        "http.response.status_code",
        "midstream.leaked",
        "midstream.misreported",
        "midstream.outcome",
        "midstream.phase",
        "midstream.reported.status_code",
        "midstream.retryable",
        "midstream.status_code",
        "midstream.status_code.source",
    }
)
"""How the call ended. On log events, too, they are recorded last."""

EXCEPTION_ATTRIBUTES: Final[Mapping[str, str]] = {
    "exception.type": "Qualified class of the exception that the application got; absent for a truncated stream.",
    "exception.message": "What the API, the SDK or the transport said, cut at 1,024 characters, without the keys "
    "and URLs that it quotes; of any other exception only its type.",
    "exception.stacktrace": "Files, lines and functions, without source lines and without messages.",
    "midstream.error.code": "The API's name of the cause of its error, if it has one: `compaction_unavailable`.",
}
"""What the log event has besides the attributes of the call."""


class Instrument(str, Enum):
    """The kind of a metric's instrument."""

    COUNTER = "counter"
    UP_DOWN_COUNTER = "up-down counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    """One metric, with the attributes that its series have."""

    name: str
    instrument: Instrument
    unit: str
    brief: str
    attributes: tuple[str, ...]
    buckets: tuple[float, ...] | None = None


_CALL: Final = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
_OUTCOME: Final = (
    *_CALL,
    "gen_ai.request.stream",
    "midstream.outcome",
    "midstream.leaked",
    "midstream.misreported",
)
_GEN_AI: Final = (*_CALL, "gen_ai.response.model", "server.address", "server.port")

# The buckets that the GenAI semantic conventions (1.41) give for durations and for tokens.
_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = tuple(float(4**n) for n in range(14))

OPEN_STREAMS: Final = Metric(
    "midstream.client.stream.active",
    Instrument.UP_DOWN_COUNTER,
    "{stream}",
    "Streams that are open now.",
    _CALL,
)
"""The one metric that is not recorded by calls: it is counted when metrics are collected."""

METRICS: Final[tuple[Metric, ...]] = (
    Metric(
        "midstream.client.operations",
        Instrument.COUNTER,
        "{operation}",
        "Calls, by how they really ended.",
        _OUTCOME,
    ),
    Metric(
        "midstream.client.errors",
        Instrument.COUNTER,
        "{error}",
        "Failed calls in detail.",
        (*_OUTCOME, "midstream.phase", "error.type", "midstream.status_code", "http.response.status_code"),
    ),
    OPEN_STREAMS,
    Metric(
        "midstream.client.stream.longest_wait",
        Instrument.HISTOGRAM,
        "s",
        "The longest time that the reader of a stream waited for the next bytes.",
        (*_CALL, "midstream.outcome"),
        _SECONDS,
    ),
    Metric(
        "midstream.client.resends",
        Instrument.COUNTER,
        "{request}",
        "Requests that the SDK sent again.",
        _CALL,
    ),
    Metric(
        "midstream.telemetry.errors",
        Instrument.COUNTER,
        "{error}",
        "Telemetry faults of midstream's own that were contained.",
        ("midstream.component",),
    ),
    Metric(
        "gen_ai.client.operation.duration",
        Instrument.HISTOGRAM,
        "s",
        "Duration of a call.",
        (*_GEN_AI, "error.type"),
        _SECONDS,
    ),
    Metric(
        "gen_ai.client.token.usage",
        Instrument.HISTOGRAM,
        "{token}",
        "Tokens of a call.",
        (*_GEN_AI, "gen_ai.token.type"),
        _TOKENS,
    ),
    Metric(
        "gen_ai.client.operation.time_to_first_chunk",
        Instrument.HISTOGRAM,
        "s",
        "Time from the start of a call to the first content of its stream.",
        _GEN_AI,
        _SECONDS,
    ),
    Metric(
        "gen_ai.client.operation.time_per_output_chunk",
        Instrument.HISTOGRAM,
        "s",
        "Time between two pieces of content of a stream. Off unless asked for.",
        _GEN_AI,
        _SECONDS,
    ),
)

NEXT_SOURCE: Final = (
    "the main branch of open-telemetry/semantic-conventions-genai as it was in November 2026 "
    "(`docs/gen-ai/client-inference.md` at 024a4f9, `model/gen-ai/token-metrics.yaml` at 066d4a7)"
)
"""Where the next names are from."""

_USAGE: Final = (*_GEN_AI, "gen_ai.token.modality")
_OF_A_CALL: Final = (*_GEN_AI, "error.type")

NEXT_METRICS: Final[tuple[Metric, ...]] = (
    Metric(
        "gen_ai.client.inference.duration",
        Instrument.HISTOGRAM,
        "s",
        "Duration of a call for an answer.",
        _OF_A_CALL,
        _SECONDS,
    ),
    Metric(
        "gen_ai.client.inference.time_to_first_chunk",
        Instrument.HISTOGRAM,
        "s",
        "Time from the start of a call to the first content of its stream.",
        _GEN_AI,
        _SECONDS,
    ),
    Metric(
        "gen_ai.client.inference.time_per_output_chunk",
        Instrument.HISTOGRAM,
        "s",
        "Time between two pieces of content of a stream. Off unless asked for.",
        _GEN_AI,
        _SECONDS,
    ),
    Metric(
        "gen_ai.client.inference.usage.input_tokens",
        Instrument.COUNTER,
        "{token}",
        "Input tokens, those read from and written to the cache included.",
        _USAGE,
    ),
    Metric(
        "gen_ai.client.inference.usage.output_tokens",
        Instrument.COUNTER,
        "{token}",
        "Output tokens.",
        _USAGE,
    ),
    Metric(
        "gen_ai.client.inference.usage.cache_read.input_tokens",
        Instrument.COUNTER,
        "{token}",
        "Input tokens read from the cache.",
        _USAGE,
    ),
    Metric(
        "gen_ai.client.inference.usage.cache_write.input_tokens",
        Instrument.COUNTER,
        "{token}",
        "Input tokens written to the cache.",
        _USAGE,
    ),
    Metric(
        "gen_ai.client.inference.operation.input_tokens",
        Instrument.HISTOGRAM,
        "{token}",
        "Input tokens of a call.",
        _OF_A_CALL,
        _TOKENS,
    ),
    Metric(
        "gen_ai.client.inference.operation.output_tokens",
        Instrument.HISTOGRAM,
        "{token}",
        "Output tokens of a call.",
        _OF_A_CALL,
        _TOKENS,
    ),
)
"""What the GenAI metrics are in the next conventions, from `NEXT_SOURCE`. Recorded only if asked for."""

_KEPT_BY_THE_NEXT: Final = "gen_ai.client.operation.duration"
"""For calls that ask for no answer, as a count of tokens does, it keeps its name."""


def metrics_with(names: GenAIMetrics) -> tuple[Metric, ...]:
    """The metrics that there are where the GenAI ones have `names`."""
    if names is GenAIMetrics.V1_41:
        return METRICS
    kept = (m for m in METRICS if not m.name.startswith("gen_ai.") or m.name == _KEPT_BY_THE_NEXT)
    return (*(METRICS if names is GenAIMetrics.BOTH else kept), *NEXT_METRICS)


COUNTER_DEFAULTS: Final[Mapping[str, Value]] = {
    "gen_ai.request.stream": False,
    "midstream.leaked": False,
    "midstream.misreported": False,
}
"""What a metric says where a span says nothing."""

NORMAL_FLAGS: Final[Mapping[Outcome, tuple[bool, bool]]] = {
    **dict.fromkeys(Outcome, (False, False)),
    Outcome.IN_BAND_ERROR: (False, True),
    Outcome.TRANSPORT_ERROR: (True, False),
    Outcome.MALFORMED: (True, False),
}
"""By outcome, whether a call that ends so is normally leaked, and whether it is normally misreported."""

BOUNDED_ATTRIBUTES: Final = ("gen_ai.request.model", "gen_ai.response.model", "server.address", "server.port")
"""The attributes of metrics whose values an application or a server makes up."""

MAX_VALUES: Final = 100
"""How many values each of them has on metrics, in a process."""

MAX_VALUE_LENGTH: Final = 200
"""How long such a value may be."""

UNBOUNDED_ATTRIBUTES: Final = frozenset(
    {
        *BOUNDED_ATTRIBUTES,
        "gen_ai.provider.name",
        "error.type",
        "midstream.status_code",
        "http.response.status_code",
    }
)
"""The attributes of metrics that have not a few values that are known beforehand."""

MAX_SERIES: Final = 1000
"""How many series each metric has, in a process, before nothing that is open is told apart any more."""

_OVERFLOW_CARDINALITY: Final[Mapping[str, int]] = {
    "gen_ai.operation.name": len(Operation),
    "gen_ai.provider.name": 1,
    "gen_ai.request.model": 2,
    "gen_ai.response.model": 2,
    "gen_ai.request.stream": 2,
    "gen_ai.token.type": 2,
    "gen_ai.token.modality": 1,
    "server.address": 2,
    "server.port": 1,
    "midstream.outcome": len(Outcome),
    "midstream.leaked": 2,
    "midstream.misreported": 2,
    "midstream.phase": len(Phase),
    "error.type": 2,
    "midstream.status_code": 1,
    "http.response.status_code": 1,
    "midstream.component": 7,
}
"""By attribute of metrics, how many values it has at most where a series is one too many: `_OTHER` or nothing, if it is
open."""


def most_series(metric: Metric) -> int:
    """How many series `metric` has in a process at most."""
    too_many = math.prod(_OVERFLOW_CARDINALITY[name] for name in metric.attributes)
    return too_many if UNBOUNDED_ATTRIBUTES.isdisjoint(metric.attributes) else MAX_SERIES + too_many
