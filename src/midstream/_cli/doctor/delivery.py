"""Makes a call that fails mid-response, and follows what midstream records of it to the exporters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from midstream._cli.console.captured import CapturedException
from midstream._cli.doctor.capture import (
    Delivery,
    ProbedExporter,
    captured_log_events,
    captured_metrics,
    captured_spans,
    log_events,
    points,
    probed,
    spans,
)
from midstream._cli.doctor.findings import Finding, Subject, in_words
from midstream._cli.doctor.providers import (
    LOGS,
    METRICS,
    SIGNALS,
    TRACES,
    Destination,
    Maker,
    TelemetrySignal,
    records_all,
    sampler,
)
from midstream._guard import attempt
from midstream._options import Settings
from midstream._outcomes import classify
from midstream._telemetry.scope import EVENT_NAME
from midstream.faults import FaultServer

MODEL: Final = "midstream-doctor"
"""The model of the call, by which it can be recognized on boards."""

_FAULT: Final = "in_band:overloaded_error@4"
_REPORTED_STATUS: Final = 200  # by the SDK, for such an error
_OPERATIONS: Final = "midstream.client.operations"
_OUTCOME: Final = "midstream.outcome"
_FAILED: Final = "in_band_error"


def not_called(reason: str) -> Iterator[Finding]:
    """The findings if there is no call, and so nothing arrives."""
    for subject in (Subject.CALL, *(signal.arrives for signal in SIGNALS)):
        yield subject.not_tried(reason)


def called() -> Iterator[Finding]:
    """Makes the call, has its telemetry exported, and yields what became of it. Nothing is exported afterwards."""
    followed = {signal: _FollowedSignal.begin(signal) for signal in SIGNALS if signal.maker() is Maker.SDK}
    yield _call_finding(_call())
    _flush(tuple(followed))
    for signal in SIGNALS:
        if signal in followed:
            yield from _arrivals(followed[signal])
        else:
            yield signal.arrives.not_tried(f"there is no provider to follow: see {signal.subject.value}")
    for exporter in [exporter for signal in followed.values() for exporter in signal.exporters]:
        exporter.closed = True


def _call() -> Exception | None:
    """Makes the call. Returns what the SDK raised."""
    from midstream._cli.clients import MAX_TOKENS, MESSAGES, sync_client  # noqa: PLC0415 - imports the SDK

    with CapturedException() as captured, FaultServer() as server, sync_client(server.url, sdk_spans=True) as client:
        server.script(_FAULT)
        once = client.with_options(max_retries=0)
        for _event in once.messages.create(model=MODEL, max_tokens=MAX_TOKENS, messages=MESSAGES, stream=True):
            pass
    return captured.error


def _call_finding(error: Exception | None) -> Finding:
    what = f"model {MODEL}: a stream that fails mid-response"
    raised = "nothing" if error is None else in_words(error)
    failure = classify(error)  # also what a corrected error replaces
    if failure.reported_status_code == _REPORTED_STATUS:
        corrected = "" if failure.corrected_type is None else f", corrected to {failure.corrected_type}"
        return Subject.CALL.ok(f"{what}; the SDK raised {failure.exception_type}, status {_REPORTED_STATUS}{corrected}")
    message = f"{what}, for which the SDK should raise an error with status {_REPORTED_STATUS}; it raised {raised}"
    return Subject.CALL.problem(message, "something intercepts calls from the SDK to 127.0.0.1")


def _flush(signals: Sequence[TelemetrySignal]) -> None:
    """Has everything exported, in parallel: an exporter that gets no answer retries for ten seconds."""
    with ThreadPoolExecutor(len(signals) or 1) as pool:
        for signal in signals:
            pool.submit(attempt, signal.provider.force_flush)  # the probes record what an exporter raises


@dataclass(frozen=True)
class _FollowedSignal:
    """A signal whose provider is the OpenTelemetry SDK's, and what is captured of it."""

    signal: TelemetrySignal
    destinations: tuple[Destination, ...]
    exporters: tuple[ProbedExporter, ...]
    read: Callable[[], Any] | None
    """Reads what the provider has created. `None` if it cannot be captured, as metrics before OpenTelemetry 1.43."""

    @classmethod
    def begin(cls, signal: TelemetrySignal) -> _FollowedSignal:
        """Captures from now on."""
        destinations = signal.destinations()
        capture, is_ours = _FOLLOWED[signal]
        return cls(signal, destinations, probed(destinations, is_ours), attempt(capture, signal.provider))


def _has_span(batch: Any) -> bool:
    return any(_is_ours(attributes) for _, attributes in spans(batch))


def _has_point(batch: Any) -> bool:
    return any(name == _OPERATIONS and _is_ours(known) and value for name, known, value in points(batch))


def _has_log_event(batch: Any) -> bool:
    return any(name == EVENT_NAME and _is_ours(attributes) for name, attributes in log_events(batch))


def _is_ours(attributes: Mapping[str, Any]) -> bool:
    return attributes.get("gen_ai.request.model") == MODEL and attributes.get(_OUTCOME) == _FAILED


_FOLLOWED: Final = {
    TRACES: (captured_spans, _has_span),
    METRICS: (captured_metrics, _has_point),
    LOGS: (captured_log_events, _has_log_event),
}
"""By signal, what captures it, and whether a batch has something of the call."""


def _arrivals(followed: _FollowedSignal) -> Iterator[Finding]:
    if followed.signal is TRACES and not Settings.of().spans:
        yield Subject.SPAN_ARRIVES.not_tried("MIDSTREAM_SPANS=off: midstream records nothing on spans")
        return
    created = None if followed.read is None else attempt(followed.read)
    yield _arrival(followed, created)
    if followed.signal is TRACES:
        yield from _one_span(created or ())


def _arrival(followed: _FollowedSignal, created: Any) -> Finding:
    signal = followed.signal
    if deliveries := [delivery for exporter in followed.exporters for delivery in exporter.deliveries]:
        return _delivered(signal, deliveries)
    _, is_ours = _FOLLOWED[signal]
    if not attempt(is_ours, created):
        return _not_recorded(followed)
    if any(destination.pulled for destination in followed.destinations):
        return signal.arrives.ok("recorded; it waits for a scrape")
    if not followed.destinations:
        message = "recorded, but there is no exporter"
        return Finding(signal.arrives, signal.if_missing, message, signal.exporter_remedy)
    if not followed.exporters:
        return signal.arrives.not_tried("recorded; what happens to it from there cannot be seen")
    return signal.arrives.problem(
        "recorded, but it did not reach the exporter", "does a filter before the exporter drop it?"
    )


def _delivered(signal: TelemetrySignal, deliveries: Sequence[Delivery]) -> Finding:
    failed = [delivery for delivery in deliveries if delivery.failure is not None]
    if not failed:
        names = dict.fromkeys(delivery.to for delivery in deliveries)
        return signal.arrives.ok(f"accepted by {' and '.join(names)}")
    exports = dict.fromkeys(f"the export to {delivery.to} failed: {delivery.failure}" for delivery in failed)
    return signal.arrives.problem(f"recorded, but {'; '.join(exports)}", _remedy(str(failed[0].failure)))


def _not_recorded(followed: _FollowedSignal) -> Finding:
    signal = followed.signal
    if followed.read is None:
        message = "not exported; whether it was recorded cannot be seen with this version of OpenTelemetry"
        return signal.arrives.not_tried(message)
    if signal is TRACES and not records_all(described := sampler(signal.provider)):
        message = f"the sampler dropped this span: {described}"
        return signal.arrives.not_tried(
            message, "OTEL_TRACES_SAMPLER=always_on opentelemetry-instrument midstream doctor"
        )
    remedy = "see patches and neighbours; a view or a processor in your set-up may drop it"
    return signal.arrives.problem("midstream recorded nothing of the call", remedy)


_ENDPOINT: Final = "export OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:4318 (gRPC: 4317"
_KEY: Final = "export OTEL_EXPORTER_OTLP_HEADERS=authorization=KEY (as the receiver wants it)"
_REMEDIES: Final = {
    "connection refused": f"{_ENDPOINT}; is a collector running there?)",
    "no such host": f"{_ENDPOINT})",
    "TLS failed": "export OTEL_EXPORTER_OTLP_CERTIFICATE=FILE (of the certificate to trust)",
    "HTTP 401": _KEY,
    "HTTP 403": _KEY,
    "UNAUTHENTICATED": _KEY,
    "HTTP 404": f"{_ENDPOINT}, without /v1/traces; for a store that takes metrics only: "
    "export OTEL_TRACES_EXPORTER=none OTEL_LOGS_EXPORTER=none)",
}
_ANY_REMEDY: Final = f"{_ENDPOINT}; OTEL_EXPORTER_OTLP_PROTOCOL must fit)"


def _remedy(failure: str) -> str:
    return next((remedy for reason, remedy in _REMEDIES.items() if failure.startswith(reason)), _ANY_REMEDY)


def _one_span(created: Any) -> Iterator[Finding]:
    """Whether anything else creates a span for the same call."""
    found = list(spans(created))
    others = [scope for scope, known in found if _OUTCOME not in known and _is_of_a_model(known)]
    if others:
        message = f"the call has more spans, from {', '.join(dict.fromkeys(others))}"
        yield Subject.ONE_SPAN.warning(message, "see neighbours")
    for scope in (scope for scope, known in found if _is_ours(known) and not others):
        yield Subject.ONE_SPAN.ok(f"the call has one span, from {scope}")


def _is_of_a_model(attributes: Mapping[str, Any]) -> bool:
    return any(name.startswith(("gen_ai.", "llm.")) for name in attributes)
