"""Compares the whole telemetry of one call with what it must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import SpanKind, StatusCode

from midstream import classify
from midstream._outcomes import Outcome
from midstream._outcomes.classify import in_band_error
from support import expected
from support.clients import HTTP_PACKAGE
from support.exported import event_of
from support.seen import numberless

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from midstream.faults import FaultServer, Scenario
    from support.exported import Exported
    from support.styles import Seen, Style

__all__ = ("check_log", "check_metrics", "check_span")


def check_span(
    span: ReadableSpan, scenario: Scenario, style: Style, server: FaultServer, seen: Seen, *, own: bool
) -> None:
    wanted = expected.attributes(
        scenario, style, host=server.host, port=server.port, http_package=HTTP_PACKAGE, own=own
    )
    found = dict(span.attributes or {})
    if own:
        assert found == wanted
        inference = style.operation in expected.INFERENCE
        assert span.name == (f"{style.operation} {scenario.name}" if inference else style.operation)
        assert span.kind is SpanKind.CLIENT
        assert span.instrumentation_scope is not None
        assert span.instrumentation_scope.name == "midstream"
    else:
        assert {name: found.get(name) for name in wanted} == wanted
        assert {name for name in found if name.startswith("midstream.")} == {
            name for name in wanted if name.startswith("midstream.")
        }
        assert span.name == style.span_name
    if expected.ending(scenario, style).outcome is Outcome.COMPLETED:
        assert (span.status.status_code, span.status.description) == (
            StatusCode.UNSET if own else style.span_status,
            None,
        )
        return
    assert span.status.status_code is StatusCode.ERROR
    assert numberless(span.status.description) == numberless(description(scenario, style, seen))


def description(scenario: Scenario, style: Style, seen: Seen) -> str:
    """The failure in one line, from its parts."""
    unnoticed = expected.said_unnoticed(scenario, style)
    if unnoticed is not None:
        return unnoticed
    ending = expected.ending(scenario, style)
    if ending.status_code is not None:
        failure = classify(seen.error) if seen.error else in_band_error(expected.error_body(scenario))
        return str(failure)
    when = {
        "request": "before the response headers",
        "opening": "before any content had arrived",
        "content": "after content had arrived",
        "closing": "after all but the end event had arrived",
    }[ending.phase.value if ending.phase else ""]
    if ending.outcome is Outcome.TRUNCATED:
        return f"stream_truncated: the stream ended before its end event, {when}"
    leaked = "; not an anthropic.APIError" if ending.leaked else ""
    said = classify(seen.error).message
    return f"{ending.error_type_for(HTTP_PACKAGE)} {when}{f': {said}' if said else ''}{leaked}"


def check_metrics(exported: Exported, scenario: Scenario, style: Style, server: FaultServer) -> None:
    ending = expected.ending(scenario, style)
    span = expected.attributes(scenario, style, host=server.host, port=server.port, http_package=HTTP_PACKAGE, own=True)
    call: dict[str, Any] = {
        name: span[name]
        for name in ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
        if name in span
    }
    outcome: dict[str, Any] = {
        **call,
        "gen_ai.request.stream": style.asks_for_stream,
        "midstream.outcome": ending.outcome.value,
        "midstream.leaked": ending.leaked,
        "midstream.misreported": ending.misreported,
    }
    gen_ai: dict[str, Any] = {
        **call,
        **{name: span[name] for name in ("gen_ai.response.model", "server.address", "server.port") if name in span},
    }
    error_type: dict[str, Any] = {"error.type": bounded(span["error.type"])} if "error.type" in span else {}
    opened = "midstream.stream.bytes" in span
    wanted: dict[str, list[tuple[dict[str, Any], float]]] = {
        "midstream.client.operations": [(outcome, 1)],
        "gen_ai.client.operation.duration": [({**gen_ai, **error_type}, 1)],
    }
    if ending.outcome.is_failure:
        details = ("midstream.corrected", "midstream.phase", "midstream.status_code", "http.response.status_code")
        detail: dict[str, Any] = {name: span[name] for name in details if name in span}
        wanted["midstream.client.errors"] = [({**outcome, **detail, **error_type}, 1)]
    if opened:
        wanted["midstream.client.stream.longest_wait"] = [({**call, "midstream.outcome": ending.outcome.value}, 1)]
    if "gen_ai.response.time_to_first_chunk" in span:
        wanted["gen_ai.client.operation.time_to_first_chunk"] = [(gen_ai, 1)]
    if scenario.attempts > 1:
        wanted["midstream.client.resends"] = [
            ({**call, "midstream.outcome": ending.outcome.value}, scenario.attempts - 1)
        ]
    tokens = [(kind, f"gen_ai.usage.{kind}_tokens") for kind in ("input", "output")]
    usage: list[tuple[dict[str, Any], float]] = [
        ({**gen_ai, "gen_ai.token.type": kind}, 1) for kind, name in tokens if name in span
    ]
    if usage:
        wanted["gen_ai.client.token.usage"] = usage
    found = {
        name: [(dict(point.attributes), point.value) for point in points if point.value]
        for name, points in exported.metrics().items()
    }
    if style.operation not in expected.INFERENCE:
        wanted = {name: series for name, series in wanted.items() if not name.startswith("gen_ai.")}
    assert {name: series for name, series in found.items() if series} == wanted
    assert [point.value for point in exported.metrics().get("midstream.client.stream.active", [])] == (
        [0] if opened else []
    )


def bounded(error_type: str) -> str:
    return "_OTHER" if error_type == "unheard_of_error" else error_type


def check_log(exported: Exported, scenario: Scenario, style: Style, server: FaultServer, seen: Seen) -> None:
    ending = expected.ending(scenario, style)
    if not ending.outcome.is_failure:
        assert exported.logs == []
        return
    (log,) = exported.logs
    record = log.log_record
    wanted = expected.attributes(
        scenario, style, host=server.host, port=server.port, http_package=HTTP_PACKAGE, own=True
    )
    event_name, found = event_of(log)
    exception = {name: found.pop(name) for name in list(found) if name.startswith("exception.")}
    assert found == wanted
    assert (event_name, record.severity_number, record.severity_text) == (
        "gen_ai.client.operation.exception",
        SeverityNumber.WARN,
        "WARN",
    )
    assert record.body == exported.told_span.status.description
    context = exported.told_span.context
    assert context is not None
    assert (record.trace_id, record.span_id) == (context.trace_id, context.span_id)
    unnoticed = expected.said_unnoticed(scenario, style) is not None
    if seen.error is None or ending.outcome is Outcome.TRUNCATED or (unnoticed and not ending.leaked):
        cut = ending.outcome is Outcome.TRUNCATED and not unnoticed
        told = exported.told_span.status.description if cut else expected.ANY_TEXT
        assert exception == {"exception.message": told}
        return
    module = type(seen.error).__module__
    name = type(seen.error).__qualname__
    wanted = {
        "exception.type": name if module == "builtins" else f"{module}.{name}",
        "exception.message": expected.ANY_TEXT,
        "exception.stacktrace": expected.ANY_TEXT,
    }
    if (style.undecoded or style.read_above) and ending.outcome is Outcome.MALFORMED:
        # It is raised above the body, where nothing is patched: its traceback is not seen.
        del wanted["exception.stacktrace"]
    assert exception == wanted
