"""The telemetry contract as data for docs/telemetry.md: the tables of the code, and what only the page needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from midstream._guard import Guards
from midstream._outcomes import Outcome, Phase
from midstream._telemetry.attributes import CALL_ATTRIBUTES, REQUEST_ATTRIBUTES
from midstream._telemetry.limits import (
    BOUNDED_ATTRIBUTES,
    MAX_SERIES,
    MAX_VALUE_LENGTH,
    MAX_VALUES,
    UNBOUNDED_ATTRIBUTES,
)
from midstream._telemetry.metrics import METRICS, NEXT_METRICS, Metric, metrics_with
from midstream._telemetry.operation import Operation
from midstream._telemetry.scope import EVENT_NAME

__all__ = (
    "ATTRIBUTES",
    "BOUNDED_ATTRIBUTES",
    "CALL_ATTRIBUTES",
    "EVENT_NAME",
    "EXCEPTION_ATTRIBUTES",
    "MAX_SERIES",
    "MAX_VALUES",
    "MAX_VALUE_LENGTH",
    "METRICS",
    "METRIC_ATTRIBUTES",
    "NEXT_METRICS",
    "NEXT_SOURCE",
    "REQUEST_ATTRIBUTES",
    "UNBOUNDED_ATTRIBUTES",
    "Description",
    "Metric",
    "described",
    "metrics_with",
    "most_series",
)


class Description(NamedTuple):
    """What the page says about an attribute."""

    type: str
    on: str
    """The calls that have it."""
    meaning: str


_START: Final = "every call, from its start"
_CALL: Final = "every call"
_FAILURE: Final = "failed calls"
_STATUS: Final = "`http_error`, `in_band_error`"
_STREAM: Final = "streams"

ATTRIBUTES: Final[Mapping[str, Description]] = {
    "gen_ai.operation.name": Description(
        "string",
        _START,
        "`chat`, `text_completion`, `count_tokens`; no inference: `batch_results`, `session_events`, `file_download`.",
    ),
    "gen_ai.provider.name": Description("string", _START, "`anthropic`, `aws.bedrock` or `gcp.vertex_ai`."),
    "gen_ai.request.model": Description("string", _START, "The model that was asked for."),
    "server.address": Description("string", _START, "The host that the request goes to."),
    "server.port": Description("int", _START, "Its port."),
    "gen_ai.request.stream": Description(
        "boolean", _START, "True if the answer is streamed; absent otherwise. On counters: always there."
    ),
    "gen_ai.request.max_tokens": Description("int", _START, "`max_tokens` of the request."),
    "gen_ai.request.temperature": Description("double", _START, "`temperature` of the request."),
    "gen_ai.request.top_p": Description("double", _START, "`top_p` of the request."),
    "gen_ai.request.top_k": Description("int", _START, "`top_k` of the request."),
    "gen_ai.request.stop_sequences": Description("string[]", _START, "`stop_sequences` of the request."),
    "gen_ai.output.type": Description("string", _START, "`json` if the request asks for JSON of a schema."),
    "midstream.in_band.request_id": Description("string", "`in_band_error`", "`request_id` of the error event's body."),
    "midstream.stream.bytes": Description("int", _STREAM, "Bytes of the body that were received."),
    "midstream.stream.longest_wait": Description(
        "double (s)", _STREAM, "The longest time that the reader waited for the next bytes."
    ),
    "midstream.stream.last_event": Description("string", "failed streams", "Type of the last event that was decoded."),
    "http.request.resend_count": Description("int", _CALL, "How often the SDK sent the request again, if it did."),
    "anthropic.request.id": Description("string", _CALL, "The `request-id` header of the last response."),
    "gen_ai.response.id": Description("string", _CALL, "Id of the message."),
    "gen_ai.response.model": Description("string", _CALL, "The model that answered."),
    "gen_ai.response.finish_reasons": Description(
        "string[]", _CALL, 'The stop reason; `["error"]` for a stream that ended before its final event.'
    ),
    "gen_ai.response.time_to_first_chunk": Description(
        "double (s)", _STREAM, "Time from the start of the call to the first content."
    ),
    "gen_ai.usage.input_tokens": Description(
        "int", _CALL, "Input tokens, those read from and written to the cache included."
    ),
    "gen_ai.usage.output_tokens": Description("int", _CALL, "Output tokens; absent unless `message_delta` was seen."),
    "gen_ai.usage.cache_read.input_tokens": Description("int", _CALL, "Input tokens read from the cache."),
    "gen_ai.usage.cache_write.input_tokens": Description("int", _CALL, "Input tokens written to the cache."),
    "midstream.phase": Description(
        "string", _FAILURE, "Where in the call it failed: `request`, `opening`, `content` or `closing`."
    ),
    "midstream.retryable": Description("boolean", _FAILURE, "Whether the same call may succeed later."),
    "midstream.leaked": Description(
        "boolean",
        _FAILURE,
        "Whether the exception that escaped from the SDK is not an `anthropic.APIError`, so that "
        "`except anthropic.APIError` misses it.",
    ),
    "midstream.misreported": Description("boolean", _FAILURE, "Whether the reported status is not the effective one."),
    "midstream.corrected": Description(
        "boolean", _FAILURE, "Whether the application received the corrected exception."
    ),
    "midstream.reported.status_code": Description(
        "int", _FAILURE, "The status on the exception that the SDK raised, if it has one."
    ),
    "midstream.status_code": Description(
        "int",
        _STATUS,
        "The effective status: observed for an HTTP error, synthesized from the error type for an in-band one.",
    ),
    "midstream.status_code.source": Description(
        "string", _STATUS, "Where the effective status comes from: `observed` or `synthesized`."
    ),
    "http.response.status_code": Description(
        "int", _CALL, "The observed status, always as it was on the wire: 200 for an in-band error."
    ),
    "error.type": Description(
        "string",
        _FAILURE,
        "The API's error type, the status of an error without one, the class of the transport or "
        "decoding exception, `stream_truncated`, `unexpected_media_type`, `unexpected_body`, the "
        "class of the innermost exception, or `_OTHER`.",
    ),
    "midstream.outcome": Description("string", _CALL, "How the call really ended, see the table of outcomes."),
}

_EVENT: Final = "failed calls, on the log event only"

EXCEPTION_ATTRIBUTES: Final[Mapping[str, Description]] = {
    "exception.type": Description(
        "string", _EVENT, "Qualified class of the exception that the SDK raised; absent for a truncated stream."
    ),
    "exception.message": Description(
        "string",
        _EVENT,
        "What the API, the SDK or the transport said, cut at 1,024 characters, without the keys "
        "and URLs that it quotes; of any other exception only its type.",
    ),
    "exception.stacktrace": Description(
        "string", _EVENT, "Files, lines and functions, without source lines and without messages."
    ),
    "midstream.error.code": Description(
        "string", _EVENT, "The API's name of the cause of its error, if it has one: `compaction_unavailable`."
    ),
}
"""The attributes of the log event in addition to those of the call."""

_METRIC: Final = "metrics only"

METRIC_ATTRIBUTES: Final[Mapping[str, Description]] = {
    "midstream.component": Description("string", _METRIC, "The part of midstream that contained an internal error."),
    "gen_ai.token.type": Description("string", _METRIC, "`input` or `output`."),
    "gen_ai.token.modality": Description("string", _METRIC, "`unknown`: the API reports no counts by modality."),
}
"""The attributes of metrics that calls do not have."""


def described(name: str) -> Description:
    """What is known about the attribute `name`. Raises `KeyError` for any other name."""
    return {**ATTRIBUTES, **EXCEPTION_ATTRIBUTES, **METRIC_ATTRIBUTES}[name]


NEXT_SOURCE: Final = (
    "the main branch of open-telemetry/semantic-conventions-genai as it was in November 2026 "
    "(`docs/gen-ai/client-inference.md` at 024a4f9, `model/gen-ai/token-metrics.yaml` at 066d4a7)"
)
"""The source of the next names."""

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
    "midstream.corrected": 2,
    "midstream.phase": len(Phase),
    "error.type": 2,
    "midstream.status_code": 1,
    "http.response.status_code": 1,
    "midstream.component": len(Guards.__slots__),
}
"""By attribute of metrics, the number of its values in series beyond the limit: `_OTHER` or none, if unbounded."""


def most_series(metric: Metric) -> int:
    """The maximum number of series of `metric` in a process."""
    overflow = math.prod(_OVERFLOW_CARDINALITY[name] for name in metric.attributes)
    return overflow if UNBOUNDED_ATTRIBUTES.isdisjoint(metric.attributes) else MAX_SERIES + overflow
