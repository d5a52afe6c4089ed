"""Every attribute of a span, one row each. docs/telemetry_contract.py describes them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from midstream._outcomes import Failure, Verdict
    from midstream._telemetry.call_record import CallRecord, CallRequest, Value


Source = TypeVar("Source")


class When(Enum):
    """The calls that can have an attribute."""

    CALL = auto()
    STREAM = auto()
    FAILURE = auto()


@dataclass(frozen=True)
class Attribute(Generic[Source]):
    """An attribute of spans and log events, and of the metrics that name it."""

    name: str
    value: Callable[[Source], Value | None]
    """Its value for a request or an ended call; `None` omits it."""
    when: When = When.CALL
    of_sdk: bool = False
    """Whether the SDK's own span normally has it already: then it stays as the SDK set it."""


def _of_stream(name: str, value: Callable[[Verdict], Value | None], when: When = When.STREAM) -> Attribute[CallRecord]:
    """An attribute of a call with a stream."""
    return Attribute(name, lambda call: value(call.verdict) if call.verdict.opened else None, when)


def _of_failure(name: str, value: Callable[[Failure], Value | None]) -> Attribute[CallRecord]:
    """An attribute of a failed call."""

    def read(call: CallRecord) -> Value | None:
        failure = call.verdict.failure
        return None if failure is None else value(failure)

    return Attribute(name, read, When.FAILURE)


def _finish_reasons(call: CallRecord) -> Value | None:
    verdict = call.verdict
    if not call.request.operation.is_inference:
        return None
    if verdict.opened and call.request.stream and verdict.outcome is not Outcome.COMPLETED:
        return ("error",)
    reason = verdict.answer.stop_reason
    return None if reason is None else (reason,)


def _status_source(failure: Failure) -> Value | None:
    if failure.status_code is None:
        return None
    return "observed" if failure.outcome is Outcome.HTTP_ERROR else "synthesized"


REQUEST_ATTRIBUTES: Final[tuple[Attribute[CallRequest], ...]] = (
    Attribute("gen_ai.operation.name", lambda r: r.operation.value, of_sdk=True),
    Attribute("gen_ai.provider.name", lambda r: r.provider, of_sdk=True),
    Attribute("gen_ai.request.model", lambda r: r.model, of_sdk=True),
    Attribute("server.address", lambda r: r.server_address, of_sdk=True),
    Attribute("server.port", lambda r: r.server_port, of_sdk=True),
    Attribute("gen_ai.request.stream", lambda r: r.stream or None, of_sdk=True),
    Attribute("gen_ai.request.max_tokens", lambda r: r.max_tokens, of_sdk=True),
    Attribute("gen_ai.request.temperature", lambda r: r.temperature),
    Attribute("gen_ai.request.top_p", lambda r: r.top_p),
    Attribute("gen_ai.request.top_k", lambda r: r.top_k),
    Attribute("gen_ai.request.stop_sequences", lambda r: r.stop_sequences),
    Attribute("gen_ai.output.type", lambda r: r.output_type, of_sdk=True),
)
"""Known when the call starts."""

_DETAILS: Final[tuple[Attribute[CallRecord], ...]] = (
    _of_failure("midstream.in_band.request_id", lambda f: f.in_band_request_id),
    _of_stream("midstream.stream.bytes", lambda v: v.received),
    _of_stream("midstream.stream.longest_wait", lambda v: v.longest_wait),
    _of_stream("midstream.stream.last_event", lambda v: v.last_event, When.FAILURE),
    Attribute("http.request.resend_count", lambda c: c.resends or None),
    Attribute("anthropic.request.id", lambda c: c.request_id),
    Attribute("gen_ai.response.id", lambda c: c.verdict.answer.id, of_sdk=True),
    Attribute("gen_ai.response.model", lambda c: c.verdict.answer.model, of_sdk=True),
    Attribute("gen_ai.response.finish_reasons", _finish_reasons),
    Attribute("gen_ai.response.time_to_first_chunk", lambda c: c.time_to_first_chunk, When.STREAM, of_sdk=True),
    Attribute("gen_ai.usage.input_tokens", lambda c: c.verdict.answer.input_tokens, of_sdk=True),
    Attribute("gen_ai.usage.output_tokens", lambda c: c.verdict.answer.output_tokens, of_sdk=True),
    Attribute("gen_ai.usage.cache_read.input_tokens", lambda c: c.verdict.answer.cache_read_tokens, of_sdk=True),
    Attribute("gen_ai.usage.cache_write.input_tokens", lambda c: c.verdict.answer.cache_write_tokens, of_sdk=True),
)

_VERDICT: Final[tuple[Attribute[CallRecord], ...]] = (
    _of_failure("midstream.phase", lambda f: None if f.phase is None else f.phase.value),
    _of_failure("midstream.retryable", lambda f: f.retryable),
    _of_failure("midstream.leaked", lambda f: f.leaked),
    _of_failure("midstream.misreported", lambda f: f.misreported),
    Attribute("midstream.corrected", lambda c: c.corrected, When.FAILURE),
    _of_failure("midstream.reported.status_code", lambda f: f.reported_status_code),
    _of_failure("midstream.status_code", lambda f: f.status_code),
    _of_failure("midstream.status_code_source", _status_source),
    Attribute("http.response.status_code", lambda c: c.observed_status_code),
    _of_failure("error.type", lambda f: f.error_type),
    Attribute("midstream.outcome", lambda c: c.verdict.outcome.value),
)

CALL_ATTRIBUTES: Final = (*_DETAILS, *_VERDICT)
"""Known when the call has ended. The verdict is last: where a limit allows too few attributes, OpenTelemetry drops the
oldest."""

VERDICT_ATTRIBUTES: Final = frozenset(attribute.name for attribute in _VERDICT)
"""How the call ended. On log events, too, they are recorded last."""

_WITHOUT_FAILURE: Final = {
    False: tuple(a for a in CALL_ATTRIBUTES if a.when is When.CALL),
    True: tuple(a for a in CALL_ATTRIBUTES if a.when is not When.FAILURE),
}
"""By whether there was a stream, the attributes that a call without a failure can have."""


def request_attributes(request: CallRequest) -> Mapping[str, Value]:
    """The attributes of `request`: always the same object."""
    if request.attributes is None:
        request.attributes = {a.name: value for a in REQUEST_ATTRIBUTES if (value := a.value(request)) is not None}
    return request.attributes


def call_attributes(call: CallRecord) -> dict[str, Value]:
    """The attributes of the end of `call`, in the order of the table."""
    verdict = call.verdict
    table = _WITHOUT_FAILURE[verdict.opened] if verdict.failure is None else CALL_ATTRIBUTES
    return {a.name: value for a in table if (value := a.value(call)) is not None}
