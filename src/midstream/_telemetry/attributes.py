"""Every attribute of a span: its place in the order, and its value. docs/telemetry_contract.py describes them.

The values are straight-line code, because a loop over a table of functions takes three times as long for every call. A
test holds them to the tables. `_value_` is the `value` of an enum, at a tenth of the cost.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from midstream._outcomes import Failure, Verdict
    from midstream._telemetry.call_record import CallRecord, CallRequest, Value

    _Values = dict[str, Value]


class When(Enum):
    """The calls that can have an attribute."""

    CALL = auto()
    STREAM = auto()
    FAILURE = auto()


class Attribute(NamedTuple):
    """An attribute of spans and log events, and of the metrics that name it."""

    name: str
    when: When = When.CALL
    of_sdk: bool = False
    """Whether the SDK's own span normally has it already: then it stays as the SDK set it."""


REQUEST_ATTRIBUTES: Final = (
    Attribute("gen_ai.operation.name", of_sdk=True),
    Attribute("gen_ai.provider.name", of_sdk=True),
    Attribute("gen_ai.request.model", of_sdk=True),
    Attribute("server.address", of_sdk=True),
    Attribute("server.port", of_sdk=True),
    Attribute("gen_ai.request.stream", of_sdk=True),
    Attribute("gen_ai.request.max_tokens", of_sdk=True),
    Attribute("gen_ai.request.temperature"),
    Attribute("gen_ai.request.top_p"),
    Attribute("gen_ai.request.top_k"),
    Attribute("gen_ai.request.stop_sequences"),
    Attribute("gen_ai.output.type", of_sdk=True),
)
"""Known when the call starts."""

_DETAILS: Final = (
    Attribute("midstream.in_band.request_id", When.FAILURE),
    Attribute("midstream.stream.bytes", When.STREAM),
    Attribute("midstream.stream.longest_wait", When.STREAM),
    Attribute("midstream.stream.last_event", When.FAILURE),
    Attribute("http.request.resend_count"),
    Attribute("anthropic.request.id"),
    Attribute("gen_ai.response.id", of_sdk=True),
    Attribute("gen_ai.response.model", of_sdk=True),
    Attribute("gen_ai.response.finish_reasons"),
    Attribute("gen_ai.response.time_to_first_chunk", When.STREAM, of_sdk=True),
    Attribute("gen_ai.usage.input_tokens", of_sdk=True),
    Attribute("gen_ai.usage.output_tokens", of_sdk=True),
    Attribute("gen_ai.usage.cache_read.input_tokens", of_sdk=True),
    Attribute("gen_ai.usage.cache_write.input_tokens", of_sdk=True),
)

_VERDICT: Final = (
    Attribute("midstream.phase", When.FAILURE),
    Attribute("midstream.retryable", When.FAILURE),
    Attribute("midstream.leaked", When.FAILURE),
    Attribute("midstream.misreported", When.FAILURE),
    Attribute("midstream.corrected", When.FAILURE),
    Attribute("midstream.reported.status_code", When.FAILURE),
    Attribute("midstream.status_code", When.FAILURE),
    Attribute("midstream.status_code.source", When.FAILURE),
    Attribute("http.response.status_code"),
    Attribute("error.type", When.FAILURE),
    Attribute("midstream.outcome"),
)

CALL_ATTRIBUTES: Final = (*_DETAILS, *_VERDICT)
"""Known when the call has ended. The verdict is last: where a limit allows too few attributes, OpenTelemetry drops the
oldest."""

VERDICT_ATTRIBUTES: Final = frozenset(attribute.name for attribute in _VERDICT)
"""How the call ended. On log events, too, they are recorded last."""


def request_attributes(request: CallRequest) -> Mapping[str, Value]:
    """The attributes of `request`: always the same object."""
    if request.attributes is None:
        request.attributes = _of_request(request)
    return request.attributes


def _of_request(request: CallRequest) -> _Values:
    found: _Values = {"gen_ai.operation.name": request.operation._value_, "gen_ai.provider.name": request.provider}
    if request.model is not None:
        found["gen_ai.request.model"] = request.model
    if request.server_address is not None:
        found["server.address"] = request.server_address
    if request.server_port is not None:
        found["server.port"] = request.server_port
    if request.stream:
        found["gen_ai.request.stream"] = True
    if request.max_tokens is not None:
        found["gen_ai.request.max_tokens"] = request.max_tokens
    if request.temperature is not None:
        found["gen_ai.request.temperature"] = request.temperature
    if request.top_p is not None:
        found["gen_ai.request.top_p"] = request.top_p
    if request.top_k is not None:
        found["gen_ai.request.top_k"] = request.top_k
    if request.stop_sequences is not None:
        found["gen_ai.request.stop_sequences"] = request.stop_sequences
    if request.output_type is not None:
        found["gen_ai.output.type"] = request.output_type
    return found


def call_attributes(call: CallRecord) -> dict[str, Value]:
    """The attributes of the end of `call`, in the order of the table."""
    verdict = call.verdict
    found: _Values = {}
    if verdict.failure is not None and verdict.failure.in_band_request_id is not None:
        found["midstream.in_band.request_id"] = verdict.failure.in_band_request_id
    if verdict.opened:
        found["midstream.stream.bytes"] = verdict.received
        found["midstream.stream.longest_wait"] = verdict.longest_wait
        if verdict.failure is not None and verdict.last_event is not None:
            found["midstream.stream.last_event"] = verdict.last_event
    if call.attempts > 1:
        found["http.request.resend_count"] = call.resends
    if call.request_id is not None:
        found["anthropic.request.id"] = call.request_id
    _add_answer(found, call, verdict)
    if verdict.failure is not None:
        _add_failure(found, verdict.failure)
    if call.observed_status_code is not None:
        found["http.response.status_code"] = call.observed_status_code
    if verdict.failure is not None:
        found["error.type"] = verdict.failure.error_type
    found["midstream.outcome"] = verdict.outcome._value_
    return found


def _add_answer(found: _Values, call: CallRecord, verdict: Verdict) -> None:
    answer = verdict.answer
    if answer.id is not None:
        found["gen_ai.response.id"] = answer.id
    if answer.model is not None:
        found["gen_ai.response.model"] = answer.model
    if call.request.operation.is_inference:
        if verdict.opened and call.request.stream and verdict.outcome is not Outcome.COMPLETED:
            found["gen_ai.response.finish_reasons"] = ("error",)
        elif answer.stop_reason is not None:
            found["gen_ai.response.finish_reasons"] = (answer.stop_reason,)
    if verdict.first_chunk_at is not None:
        seconds = call.time_to_first_chunk
        if seconds is not None:
            found["gen_ai.response.time_to_first_chunk"] = seconds
    if answer.input_tokens is not None:
        found["gen_ai.usage.input_tokens"] = answer.input_tokens
    if answer.output_tokens is not None:
        found["gen_ai.usage.output_tokens"] = answer.output_tokens
    if answer.cache_read_tokens is not None:
        found["gen_ai.usage.cache_read.input_tokens"] = answer.cache_read_tokens
    if answer.cache_write_tokens is not None:
        found["gen_ai.usage.cache_write.input_tokens"] = answer.cache_write_tokens


def _add_failure(found: _Values, failure: Failure) -> None:
    if failure.phase is not None:
        found["midstream.phase"] = failure.phase._value_
    found["midstream.retryable"] = failure.retryable
    found["midstream.leaked"] = failure.leaked
    found["midstream.misreported"] = failure.misreported
    found["midstream.corrected"] = failure.corrected_type is not None
    if failure.reported_status_code is not None:
        found["midstream.reported.status_code"] = failure.reported_status_code
    if failure.status_code is not None:
        found["midstream.status_code"] = failure.status_code
        source = "observed" if failure.outcome is Outcome.HTTP_ERROR else "synthesized"
        found["midstream.status_code.source"] = source
