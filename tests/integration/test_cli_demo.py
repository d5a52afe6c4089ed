"""`midstream demo`: the real command, the real SDK, real sockets."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from dataclasses import replace
from importlib.metadata import version
from inspect import signature
from io import StringIO
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, build_opener

import anthropic
import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from rich.console import Console

from midstream._cli.demo.results import DemoCall, Flavor, Results, Row, Seen
from midstream._cli.demo.table import print_table
from midstream._outcomes import Outcome, Phase
from midstream.faults import EXAMPLES, Expectation, FaultServer, parse
from support.clients import HTTP_PACKAGE
from support.commands import Finished, midstream, midstream_after, midstream_running
from support.otlp_receiver import otlp_receiver
from support.sdk_errors import http

if TYPE_CHECKING:
    from collections.abc import Iterator

_STYLES = ("sync", "async")
_FAILING = [model for model in EXAMPLES if parse(model).expectation.outcome.is_failure]


@pytest.fixture(scope="module")
def demo() -> Finished:
    return midstream("demo", "--json")


@pytest.fixture(scope="module")
def found(demo: Finished) -> Any:
    return json.loads(demo.stdout)


@pytest.fixture(scope="module")
def table() -> Finished:
    return midstream("demo")


# --json


def test_every_call_is_recorded_correctly_and_stdout_is_json_only(demo: Finished, found: Any) -> None:
    assert (demo.status, demo.stderr) == (0, "")
    assert found["as_expected"] is True


def test_every_example_has_one_entry_and_sync_and_async_agree(found: Any) -> None:
    assert [entry["fault"] for entry in found["faults"]] == list(EXAMPLES)
    differ = [entry["fault"] for entry in found["faults"] if entry["sync"] != entry["async"]]
    # In old SDKs the async client has no class for HTTP 529.
    assert differ == ([] if overloaded(anthropic.AsyncAnthropic) == "OverloadedError" else ["http:overloaded_error"])


def overloaded(kind: Any) -> str:
    """The class that a client of this kind raises for HTTP 529."""
    response = http.Response(529, request=http.Request("POST", "http://127.0.0.1"))
    return type(kind(api_key="key")._make_status_error("", body=None, response=response)).__name__


@pytest.mark.parametrize("style", _STYLES)
def test_an_entry_matches_its_scenario(found: Any, style: str) -> None:
    wanted = {model: parse(model).expectation for model in EXAMPLES}
    assert {entry["fault"]: entry["explanation"] for entry in found["faults"]} == {
        model: parse(model).explanation for model in EXAMPLES
    }
    assert {entry["fault"]: entry[style]["as_expected"] for entry in found["faults"]} == dict.fromkeys(EXAMPLES, True)
    assert {entry["fault"]: entry[style]["seen"]["status"] for entry in found["faults"]} == {
        model: expectation.reported_status_code for model, expectation in wanted.items()
    }
    assert {entry["fault"]: entry[style]["really"] for entry in found["faults"]} == {
        model: {
            "outcome": expectation.outcome.value,
            "error_type": expectation.error_type_for(HTTP_PACKAGE),
            "status": expectation.status_code,
            "leaked": expectation.leaked,
            "misreported": expectation.misreported,
            "phase": expectation.phase and expectation.phase.value,
        }
        for model, expectation in wanted.items()
    }


def test_an_entry_has_what_the_application_saw(found: Any) -> None:
    got = {
        entry["fault"]: (entry["sync"]["seen"]["exception"], entry["sync"]["seen"]["is_api_error"])
        for entry in found["faults"]
    }
    wanted = {
        "ok": (None, False),
        "in_band:overloaded_error": ("anthropic.APIStatusError", True),
        "http:rate_limit_error": ("anthropic.RateLimitError", True),
        "reset": (f"{HTTP_PACKAGE}.ReadError", False),
        "silent": ("anthropic.APITimeoutError", True),
        "bad_utf8": ("UnicodeDecodeError", False),
        "cut": (None, False),
    }
    assert {model: got[model] for model in wanted} == wanted


@pytest.mark.parametrize("style", _STYLES)
def test_the_counts_follow_from_the_entries(found: Any, style: str) -> None:
    failed = [entry[style]["seen"] for entry in found["faults"] if entry["fault"] in _FAILING]
    unlike = [seen for seen in failed if not seen["is_api_error"]]
    assert found["counts"][style] == {
        "failures": len(_FAILING),
        "missed_by_except": len(unlike),
        "raised_another": len([seen for seen in unlike if seen["exception"]]),
        "raised_nothing": len([seen for seen in failed if not seen["exception"]]),
        "missed_by_status": len([seen for seen in failed if (seen["status"] or 0) < 400]),
        "reported_success": len([seen for seen in failed if 0 < (seen["status"] or 0) < 400]),
        "without_status": len([seen for seen in failed if seen["status"] is None]),
    }


# --only


@pytest.mark.newest
def test_only_runs_each_named_fault_once_in_order() -> None:
    done = midstream("demo", "--json", "--only", "reset@2", "--only", "ok", "--only", "reset@2")
    assert (done.status, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert [entry["fault"] for entry in found["faults"]] == ["reset@2", "ok"]
    assert found["as_expected"] is True


@pytest.mark.newest
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("rset", "'rset' is not a scenario: the families are ok, tool_use, "),
        ("", "'' is not a scenario: the families are ok, "),
        ("two\nlines", "'two\\nlines' is not a scenario: the families are ok, "),
        ("reset@9", "'reset@9' is not a scenario: K must be a number from 0 to 8, not '9'; the spelling is reset@K"),
        ("ok:0", "'ok:0' is not a scenario: N must be a number from 1 to 100000, not '0'; the spelling is ok:N"),
    ],
)
def test_an_unknown_fault_is_one_line_and_status_2(fault: str, says: str) -> None:
    done = midstream("demo", "--serve", "--port", "0", "--only", "ok", "--only", fault)
    assert (done.status, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: --only {says}")


# The table


def _line_of(model: str, output: str) -> list[str]:
    (line,) = (line for line in output.splitlines() if line.split()[:1] == [model])
    return re.split("  +", line)


@pytest.mark.newest
def test_the_table_fits_100_columns_and_is_plain_when_piped(table: Finished) -> None:
    assert (table.status, table.stderr) == (0, "")
    assert "\x1b" not in table.stdout
    assert max(map(len, table.stdout.splitlines())) <= 100


@pytest.mark.newest
def test_a_row_compares_what_the_code_saw_with_what_really_happened(table: Finished) -> None:
    rows = {
        "http:rate_limit_error": ["RateLimitError", "429", "rate_limit_error", "429", "request"],
        "in_band:overloaded_error": ["APIStatusError", "200", "overloaded_error", "529", "content"],
        "fin": [f"{HTTP_PACKAGE}.RemoteProtocolError"] * 2 + ["content"],
        "cut@8": ["nothing was raised", "stream_truncated", "closing"],
    }
    for model, cells in rows.items():
        assert _line_of(model, table.stdout) == [model, *cells]


@pytest.mark.newest
def test_rows_are_grouped_by_outcome_and_flags(table: Finished) -> None:
    headings = {
        "cut": "truncated: ",
        "in_band_text": "in_band_error, misreported: ",
        "stall": "transport_error, leaked: ",
        "bad_gzip": "malformed, leaked: ",
        "hangup": "connection_error: ",
        "http_html:502": "http_error: ",
    }
    for model, heading in headings.items():
        group = next(part for part in table.stdout.split("\n\n") if f"\n{model} " in part)
        assert group.startswith(heading)


@pytest.mark.newest
def test_the_summary_has_the_counts(table: Finished, found: Any) -> None:
    counts = found["counts"]["sync"]
    summary = table.stdout[table.stdout.index("Of ") :]
    assert f"Of {counts['failures']} failures, sync and async alike" in summary
    assert f"`except anthropic.APIError` misses {counts['missed_by_except']}" in summary
    assert f"{counts['raised_nothing']} raise nothing at all" in summary
    assert f"a status >= 400 misses {counts['missed_by_status']}" in summary
    assert f"all {len(EXAMPLES) * 2} calls" in summary


_TELL_IT_WRONG = """
from dataclasses import replace
from midstream._cli.demo import runs
right = runs._expected
wrong = {"cut": {"status_code": 418}}
runs._expected = lambda scenario: replace(right(scenario), **wrong.get(scenario.name, {}))
"""


@pytest.mark.newest
def test_an_unexpected_end_is_marked_and_status_1() -> None:
    done = midstream_after(_TELL_IT_WRONG, "demo")
    assert done.status == 1
    marked = [line.split()[1:3] for line in done.stdout.splitlines() if line.startswith("! ")]
    assert marked == [["cut", "nothing"], ["cut", "(sync)"], ["cut", "(async)"]]
    assert f"midstream recorded 2 of {len(EXAMPLES) * 2} calls" in done.stdout
    assert "expected: truncated, stream_truncated, 418, content" in done.stdout


def _printed(*rows: Row) -> str:
    output = StringIO()
    print_table(Results("anthropic 9.9.9", rows), Console(file=output))
    return output.getvalue()


def test_a_narrow_terminal_shows_what_happened_below_what_your_code_saw() -> None:
    output = StringIO()
    console = Console(file=output, width=50, force_terminal=True, color_system=None)
    seen = Seen("httpx2.ReadError")
    recorded = replace(parse("reset").expectation, error_type="httpx2.RemoteProtocolError")
    print_table(Results("anthropic 9.9.9", (_row(seen, seen, recorded),)), console)
    lines = output.getvalue().splitlines()
    assert max(map(len, lines)) <= 50
    (row,) = [number for number, line in enumerate(lines) if line.startswith("reset ")]
    assert lines[row].split() == ["reset", "httpx2.ReadError"]
    assert lines[row + 1].split() == ["httpx2.RemoteProtocolError", "content"]


def _row(sync: Seen, asynchronous: Seen, recorded: Expectation | None) -> Row:
    scenario, expected = parse("reset"), recorded or Expectation(Outcome.COMPLETED)
    return Row(
        scenario,
        (
            DemoCall(scenario, Flavor.SYNC, sync, recorded, expected),
            DemoCall(scenario, Flavor.ASYNC, asynchronous, recorded, expected),
        ),
    )


@pytest.mark.newest
def test_sync_and_async_have_separate_rows_and_counts_if_they_differ() -> None:
    recorded = Expectation(Outcome.TRANSPORT_ERROR, "httpx.ReadError", leaked=True, phase=Phase.CONTENT)
    printed = _printed(
        _row(Seen("httpx.ReadError"), Seen("anthropic.APIConnectionError", None, is_api_error=True), recorded)
    )
    rows = [re.split("  +", line)[:2] for line in printed.splitlines() if line.startswith("reset")]
    assert rows == [["reset (sync)", "httpx.ReadError"], ["reset (async)", "APIConnectionError"]]
    assert printed.index("Of 1 failures, sync:") < printed.index("misses 1:")
    assert "misses 0:" in printed[printed.index("Of 1 failures, async:") :]


@pytest.mark.newest
def test_a_call_without_a_span_is_marked() -> None:
    printed = _printed(_row(Seen(), Seen(), None))
    assert "not recorded: midstream exported no outcome\n! reset" in printed
    assert "recorded: nothing" in printed


@pytest.mark.newest
def test_the_status_that_the_application_saw_must_be_expected_too() -> None:
    ended = Expectation(Outcome.IN_BAND_ERROR, reported_status_code=200)
    right = DemoCall(parse("in_band"), Flavor.SYNC, Seen("x", 200, is_api_error=True), ended, ended)
    assert right.as_expected
    assert not replace(right, seen=Seen("x", 529, is_api_error=True)).as_expected


# The environment


_ELSEWHERE = "http://127.0.0.1:9"


@pytest.mark.newest
def test_the_environment_does_not_disturb_the_demo() -> None:
    done = midstream(
        "demo",
        OTEL_SDK_DISABLED="true",
        OTEL_TRACES_SAMPLER="always_off",
        MIDSTREAM_SPANS="off",
        MIDSTREAM_ERRORS="corrected",
        ALL_PROXY=_ELSEWHERE,
        HTTP_PROXY=_ELSEWHERE,
        ANTHROPIC_BASE_URL=_ELSEWHERE,
        PYTHONIOENCODING="ascii",
    )
    assert (done.status, done.stderr) == (0, "")


# --serve

_READY = "Ctrl-C stops."


def _get(url: str) -> str:
    with build_opener(ProxyHandler({})).open(url) as page:
        return str(page.read(), "utf-8")


def _samples(page: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for name, labels, value in re.findall(r"^(\w+){(.*)} (\S+)$", page, re.MULTILINE):
        yield name, dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)


def _operations(page: str) -> list[tuple[dict[str, str], float]]:
    return [(labels, value) for name, labels, value in _samples(page) if name == "midstream_client_operations_total"]


def _url(output: str) -> str:
    return str(re.findall(r"http://127\.0\.0\.1:\d+/metrics", output)[-1])


def _ended(page: str, label: str) -> dict[str, float]:
    """How many calls have ended, by one label."""
    counts: dict[str, float] = {}
    for labels, value in _operations(page):
        counts[labels[label]] = counts.get(labels[label], 0) + value
    return {name: count for name, count in counts.items() if count}


@pytest.mark.skipif(
    version("opentelemetry-exporter-prometheus").startswith("0.51"), reason="this exporter mixes labels up (0.51b0)"
)
def test_serve_makes_every_kind_of_call_until_ctrl_c() -> None:
    with midstream_running("demo", "--serve", "--port", "0") as command:
        output = command.read_until(_READY)
        url = _url(output)
        assert "in_band_error, misreported: " in output
        before = _operations(_get(url))
        # The run before the traffic has none of these. The test's own timeout is the deadline.
        while not _ended(_get(url), "midstream_outcome").keys() >= {"abandoned", "cancelled"}:
            time.sleep(0.05)
        after = _get(url)
        done = command.stop(signal.SIGINT)
    in_band = [(labels, value) for labels, value in before if labels["midstream_outcome"] == "in_band_error" and value]
    assert {labels["gen_ai_request_model"] for labels, _ in in_band} >= {"in_band:overloaded_error", "in_band_text"}
    # Exporters below 0.66 cannot put the resource's service on each series.
    named = "resource_attribute_filter" in signature(PrometheusMetricReader).parameters
    assert {labels.get("service_name") for labels, _ in before} == {"midstream-demo" if named else None}
    assert {labels["midstream_outcome"] for labels, _ in before} == {outcome.value for outcome in Outcome}
    assert _ended(after, "gen_ai_operation_name").keys() == {"chat", "count_tokens", "batch_results"}
    assert _ended(after, "gen_ai_request_stream").keys() == {"true", "false"}
    assert (done.status, done.stdout) == (0, "")
    with pytest.raises(OSError, match="refused"):
        _get(url)


@pytest.mark.newest
def test_serve_with_only_makes_only_those_calls_until_sigterm() -> None:
    with midstream_running("demo", "--serve", "--port", "0", "--only", "cut", "--only", "ok") as command:
        url = _url(command.read_until(_READY))
        before = _ended(_get(url), "gen_ai_request_model")
        while any(_ended(_get(url), "gen_ai_request_model")[model] < count + 2 for model, count in before.items()):
            time.sleep(0.05)
        after = _get(url)
        done = command.stop(signal.SIGTERM)
    assert before.keys() == _ended(after, "gen_ai_request_model").keys() == {"cut", "ok"}
    assert _ended(after, "midstream_outcome").keys() == {"truncated", "completed"}
    (error,) = [labels for name, labels, _ in _samples(after) if name == "midstream_client_errors_total"]
    assert (error["gen_ai_request_model"], error["midstream_outcome"]) == ("cut", "truncated")
    assert (done.status, done.stdout) == (0, "")


@pytest.mark.newest
def test_a_taken_port_is_one_line_and_status_2_before_anything_runs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = midstream("demo", "--serve", "--port", str(port))
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [f"Error: --port {port}: the port is taken; give one that is free, or 0 for any"]


# --otlp


def test_spans_metrics_and_log_events_are_exported_over_otlp() -> None:
    with otlp_receiver() as received:
        done = midstream("demo", "--json", "--otlp", f"{received.url}/")
    assert (done.status, done.stderr) == (0, f"Exported spans, metrics and log events to {received.url}.\n")
    assert json.loads(done.stdout)["as_expected"] is True
    spans = received.spans_of("midstream")
    assert sorted(span.attributes["gen_ai.request.model"] for span in spans) == sorted(EXAMPLES * 2)
    assert {span.resource["service.name"] for span in spans} == {"midstream-demo"}
    failed = {span.span_id for span in spans if span.status == "ERROR"}
    assert len(failed) == len(_FAILING) * 2
    assert {log.span_id for log in received.logs} == failed
    assert {log.event_name for log in received.logs} == {"gen_ai.client.operation.exception"}
    assert received.total("midstream.client.operations") == len(EXAMPLES) * 2
    assert received.total("midstream.client.errors", midstream_leaked=True) == 18
    overloaded = [name for name in EXAMPLES if parse(name).expectation.error_type == "overloaded_error"]
    assert received.total("gen_ai.client.operation.duration", error_type="overloaded_error") == len(overloaded) * 2


@pytest.mark.newest
def test_a_receiver_of_metrics_gets_only_metrics() -> None:
    with otlp_receiver("metrics") as received:
        done = midstream("demo", "--json", "--only", "cut", "--otlp", received.url)
    assert done.stderr == f"Exported metrics to {received.url}, which takes nothing else.\n"
    assert (done.status, json.loads(done.stdout)["as_expected"]) == (0, True)
    assert received.total("midstream.client.operations", midstream_outcome="truncated") == 2
    assert (received.spans, received.logs) == ([], [])


@pytest.mark.newest
def test_a_receiver_without_metrics_gets_the_rest() -> None:
    with otlp_receiver("traces", "logs") as received:
        done = midstream("demo", "--json", "--only", "cut", "--otlp", received.url)
    assert done.stderr == f"Exported spans and log events to {received.url}, which takes nothing else.\n"
    assert (done.status, len(received.spans_of("midstream")), len(received.logs)) == (0, 2, 2)


@pytest.mark.newest
@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:4318", "ftp://127.0.0.1", "http://", "http://:4318", "http://127.0.0.1:99999", "http://a?b"]
)
def test_an_invalid_url_is_one_line_and_status_2(url: str) -> None:
    done = midstream("demo", "--otlp", url)
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"Error: --otlp {url or repr(url)}: must be the base URL of an OTLP/HTTP receiver, such as http://127.0.0.1:4318"
    ]


@pytest.mark.newest
def test_an_endpoint_without_a_server_is_one_line_and_status_2() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = midstream("demo", "--otlp", url)
    assert (done.status, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: --otlp {url}: nothing there takes OTLP over HTTP")


@pytest.mark.newest
def test_an_endpoint_that_is_not_a_receiver_is_one_line_and_status_2() -> None:
    with FaultServer() as server:
        url = server.url
        done = midstream("demo", "--otlp", url)
    assert (done.status, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: --otlp {url}: nothing there takes OTLP over HTTP")
    assert "404" in line
