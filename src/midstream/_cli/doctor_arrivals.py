"""What became of that which midstream told of the doctor's call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from midstream._cli.doctor_findings import Finding, Health, Subject
from midstream._cli.doctor_made import log_events, made_log_events, made_metrics, made_spans, points, spans
from midstream._cli.doctor_providers import LOGS, METRICS, TRACES, records_all, sampler
from midstream._cli.doctor_watched import watched
from midstream._guard import attempt
from midstream._options import Settings
from midstream._telemetry.scope import EVENT_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from midstream._cli.doctor_providers import Destination, Signal
    from midstream._cli.doctor_watched import Delivery, WatchedExporter


MODEL: Final = "midstream-doctor"
"""The model that is asked for: what tells the call apart on boards."""

_OPERATIONS: Final = "midstream.client.operations"
_OUTCOME: Final = "midstream.outcome"
_FAILED: Final = "in_band_error"


@dataclass(frozen=True)
class Followed:
    """A signal whose provider is the OpenTelemetry SDK's, and what is watched of it."""

    signal: Signal
    destinations: tuple[Destination, ...]
    exporters: tuple[WatchedExporter, ...]
    read: Callable[[], Any] | None
    """What the provider has made. `None` if it cannot be listened to, as metrics before OpenTelemetry 1.43."""

    @classmethod
    def begin(cls, signal: Signal) -> Followed:
        """Watches from now on."""
        destinations = signal.destinations()
        listen, is_ours = _FOLLOWED[signal]
        exporters = watched(destinations, is_ours)
        return cls(signal, destinations, exporters, attempt(listen, signal.provider))

    @property
    def deliveries(self) -> list[Delivery]:
        """What the exporters have done with what is ours."""
        return [delivery for one in self.exporters for delivery in one.deliveries]


def _has_span(batch: Any) -> bool:
    return any(_tells(attributes) for _, attributes in spans(batch))


def _has_point(batch: Any) -> bool:
    return any(name == _OPERATIONS and _tells(known) and value for name, known, value in points(batch))


def _has_log_event(batch: Any) -> bool:
    return any(name == EVENT_NAME and _tells(attributes) for name, attributes in log_events(batch))


def _tells(attributes: Mapping[str, Any]) -> bool:
    return attributes.get("gen_ai.request.model") == MODEL and attributes.get(_OUTCOME) == _FAILED


_FOLLOWED: Final = {
    TRACES: (made_spans, _has_span),
    METRICS: (made_metrics, _has_point),
    LOGS: (made_log_events, _has_log_event),
}


def arrivals(followed: Followed) -> Iterator[Finding]:
    """What became of the one signal. To be asked when everything has been exported."""
    spans_wanted = Settings.of().spans
    if followed.signal is TRACES and not spans_wanted:
        message = "MIDSTREAM_SPANS=off: midstream tells nothing on spans"
        yield Finding(Subject.SPAN_ARRIVES, Health.NOT_TRIED, message)
        return
    made = None if followed.read is None else attempt(followed.read)
    yield _arrival(followed, made)
    if followed.signal is TRACES:
        yield from _one_span(made or ())


def _arrival(followed: Followed, made: Any) -> Finding:
    signal = followed.signal
    if deliveries := followed.deliveries:
        return _delivered(signal, deliveries)
    _, is_ours = _FOLLOWED[signal]
    if not attempt(is_ours, made):
        return _not_made(followed)
    if any(one.pulled for one in followed.destinations):
        return Finding(signal.arrives, Health.OK, "made; it waits for a scrape")
    if not followed.destinations:
        verdict = Health.PROBLEM if signal.essential else Health.WARNING
        return Finding(signal.arrives, verdict, "made, but there is no exporter", f"see {signal.subject.value}")
    if not followed.exporters:
        return Finding(signal.arrives, Health.NOT_TRIED, "made; where it is given to cannot be watched")
    message = "made, but the exporter was not given it"
    return Finding(signal.arrives, Health.PROBLEM, message, "is there a filter before the exporter?")


def _delivered(signal: Signal, deliveries: Sequence[Delivery]) -> Finding:
    failed = [one for one in deliveries if one.failure is not None]
    if not failed:
        names = " and ".join(dict.fromkeys(one.to for one in deliveries))
        return Finding(signal.arrives, Health.OK, f"accepted by {names}")
    message = "; ".join(dict.fromkeys(f"made, but the export to {one.to} failed: {one.failure}" for one in failed))
    return Finding(signal.arrives, Health.PROBLEM, message, _remedy(str(failed[0].failure)))


def _not_made(followed: Followed) -> Finding:
    signal = followed.signal
    if followed.read is None:
        message = "not exported; whether it was made cannot be seen with this version of OpenTelemetry"
        return Finding(signal.arrives, Health.NOT_TRIED, message)
    if signal is TRACES and not records_all(told := sampler(signal.provider)):
        message = f"the sampler left this span out: {told}"
        remedy = "OTEL_TRACES_SAMPLER=always_on midstream doctor"
        return Finding(signal.arrives, Health.NOT_TRIED, message, remedy)
    remedy = "see patches and neighbours; a view or a processor of your own may drop it"
    return Finding(signal.arrives, Health.PROBLEM, "midstream told nothing of the call", remedy)


_KEY: Final = "OTEL_EXPORTER_OTLP_HEADERS has the key"
_REMEDIES: Final = {
    "connection refused": "does a collector run there? OTEL_EXPORTER_OTLP_ENDPOINT says where; HTTP: 4318, gRPC: 4317",
    "no such host": "OTEL_EXPORTER_OTLP_ENDPOINT says where",
    "TLS failed": "OTEL_EXPORTER_OTLP_CERTIFICATE names the certificate to trust",
    "HTTP 401": _KEY,
    "HTTP 403": _KEY,
    "UNAUTHENTICATED": _KEY,
    "HTTP 404": "OTEL_EXPORTER_OTLP_ENDPOINT is without /v1/traces; for a store that takes metrics only, "
    "OTEL_TRACES_EXPORTER=none and OTEL_LOGS_EXPORTER=none",
}
_ANY_REMEDY: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_PROTOCOL say where and how; HTTP: 4318, gRPC: 4317"
)


def _remedy(failure: str) -> str:
    return next((remedy for told, remedy in _REMEDIES.items() if failure.startswith(told)), _ANY_REMEDY)


def _one_span(made: Any) -> Iterator[Finding]:
    """Whether somebody else has made a span for the same call, whoever that is."""
    told = list(spans(made))
    others = [scope for scope, known in told if _OUTCOME not in known and _is_of_a_model(known)]
    if others:
        message = f"the call has further spans, of {', '.join(dict.fromkeys(others))}"
        yield Finding(Subject.ONE_SPAN, Health.WARNING, message, "see neighbours")
    for scope in (scope for scope, known in told if _tells(known) and not others):
        yield Finding(Subject.ONE_SPAN, Health.OK, f"the call has one span, of {scope}")


def _is_of_a_model(attributes: Mapping[str, Any]) -> bool:
    return any(name.startswith(("gen_ai.", "llm.")) for name in attributes)
