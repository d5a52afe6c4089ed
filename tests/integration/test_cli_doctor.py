"""`midstream doctor`: every reason for empty boards is a line with a verdict, and the exit status is 1."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import anthropic
import pytest

from integration.examined import ALONE, Examined, examined, exporting_to, program
from midstream._cli.doctor.findings import Health, Subject
from midstream._sdk.targets import Role
from support.clients import HAS_OWN_SPANS
from support.commands import launched, launched_after
from support.otlp_receiver import otlp_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.interpreters import Interpreters
    from support.otlp_receiver import OtlpReceiver

OK, WARNING, PROBLEM, NOT_TRIED = (verdict.value for verdict in Health)
ARRIVALS = (Subject.SPAN_ARRIVES, Subject.METRICS_ARRIVE, Subject.LOG_EVENT_ARRIVES)
MODEL = "midstream-doctor"
_WITHOUT_CALL = ("doctor", "--json", "--no-call")


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with otlp_receiver() as running:
        yield running


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as other:
        return int(other.getsockname()[1])


def arrived(receiver: OtlpReceiver) -> dict[str, int]:
    """The number of spans, counted calls and log events of the doctor's call at the receiver."""
    wanted = {"gen_ai.request.model": MODEL, "midstream.outcome": "in_band_error"}.items()
    return {
        "spans": sum(wanted <= span.attributes.items() for span in receiver.spans),
        "calls": int(receiver.total("midstream.client.operations", midstream_outcome="in_band_error")),
        "log events": sum(wanted <= log.attributes.items() for log in receiver.logs),
    }


# Where all is well


def test_under_opentelemetry_instrument_all_is_well_and_one_call_arrives(
    receiver: OtlpReceiver,
) -> None:
    done = launched("doctor", "--json", **exporting_to(receiver))
    found = Examined.of(done)
    assert (found.status, found.problems, found.warnings, done.stderr) == (0, [], [], "")
    assert found[Subject.SET_UP] == (OK, "opentelemetry-instrument has set this process up", "")
    assert found[Subject.ANTHROPIC] == (OK, anthropic.__version__, "")
    assert found.verdicts(Subject.PATCHES) == [OK] * len(Role)
    by_whom = "com.anthropic.sdk.python" if HAS_OWN_SPANS else "midstream"
    assert found[Subject.ONE_SPAN] == (OK, f"the call has one span, from {by_whom}", "")
    why = "on (by default)" if HAS_OWN_SPANS else "off (this version has none)"
    assert found[Subject.SDK_SPANS][1].startswith(f"the SDK's own tracing is {why}: ")
    assert arrived(receiver) == {"spans": 1, "calls": 1, "log events": 1}
    assert {log.resource["service.name"] for log in receiver.logs} == {"shop"}


@pytest.mark.newest
def test_each_signal_is_accepted_and_no_subject_is_left_out(interpreters: Interpreters, receiver: OtlpReceiver) -> None:
    found = examined(interpreters, **exporting_to(receiver))
    assert (found.status, found.problems, found.warnings) == (0, [], [])
    assert found[Subject.LAUNCHER][1] == "otlp_proto_http for traces and metrics and logs"
    for subject, path in zip(ARRIVALS, ("traces", "metrics", "logs"), strict=True):
        assert found[subject] == (OK, f"accepted by {receiver.url}/v1/{path} (OTLP over HTTP)", "")
    assert arrived(receiver) == {"spans": 1, "calls": 1, "log events": 1}
    assert len(receiver.bodies) == 3, "nothing is exported after the report"
    assert list(dict.fromkeys(finding["subject"] for finding in found.findings)) == [
        subject.value for subject in Subject
    ]


@pytest.mark.newest
def test_a_corrected_error_is_what_the_call_should_raise(interpreters: Interpreters, receiver: OtlpReceiver) -> None:
    found = examined(interpreters, **exporting_to(receiver), MIDSTREAM_ERRORS="corrected")
    assert found.problems == []
    ending = "the SDK raised anthropic.APIStatusError, status 200, corrected to anthropic.OverloadedError"
    assert found[Subject.CALL][1].endswith(ending)


@pytest.mark.newest
def test_without_the_launcher_nothing_is_set_up_for_the_service(
    interpreters: Interpreters, receiver: OtlpReceiver
) -> None:
    found = examined(interpreters, before=ALONE, **exporting_to(receiver))
    verdict, message, remedy = found[Subject.SET_UP]
    assert (found.status, verdict) == (1, PROBLEM)
    assert message.startswith("this process was started without opentelemetry-instrument: ")
    assert remedy.startswith("opentelemetry-instrument midstream doctor (")
    assert "--setup MODULE:FUNCTION" in remedy
    assert found[Subject.LAUNCHER][0] == OK
    assert found[Subject.INSTRUMENTED][:2] == (PROBLEM, "midstream does not instrument this process: see set-up")
    derived = (Subject.INSTRUMENTED, Subject.TRACES, Subject.METRICS, Subject.LOGS)
    assert {found[subject][2] for subject in derived} == {"opentelemetry-instrument midstream doctor"}
    assert found.verdicts(Subject.CALL, *ARRIVALS) == [NOT_TRIED] * 4
    assert receiver.bodies == []


@pytest.mark.newest
def test_the_text_has_the_same_findings_with_the_problems_last_and_unfolded(
    interpreters: Interpreters, receiver: OtlpReceiver
) -> None:
    off = {"COLUMNS": "40", "OTEL_SDK_DISABLED": "true"}
    done = interpreters.run(program(**exporting_to(receiver), **off))
    *_, problem, remedy, empty, summary = done.stdout.splitlines()
    assert done.status == 1
    assert "\x1b" not in done.stdout
    assert re.fullmatch(r"problem +switches +OTEL_SDK_DISABLED=true: OpenTelemetry makes no telemetry at all", problem)
    assert remedy.split() == ["->", "unset", "OTEL_SDK_DISABLED"]
    assert not empty
    assert summary.startswith("1 problem, no warnings, 7 not tried. What each line means: ")
    assert Path(summary.partition("means: ")[2]).is_file()


# What is set up


@pytest.mark.newest
def test_a_missing_exporter_package_is_why_nothing_is_set_up(interpreters: Interpreters) -> None:
    # Without OTEL_EXPORTER_OTLP_PROTOCOL the distro asks for gRPC, which is another package.
    found = examined(interpreters)
    verdict, message, remedy = found[Subject.SET_UP]
    assert (found.status, verdict) == (1, PROBLEM)
    assert message.startswith("opentelemetry-instrument has set this process up, and that failed: ")
    assert "Requested component 'otlp_proto_grpc' not found" in message
    assert "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in remedy
    assert found[Subject.LAUNCHER] == (
        PROBLEM,
        "traces and metrics and logs need the exporter otlp_proto_grpc, which is not installed: nothing is set up",
        (
            "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf (the distro's default is grpc; "
            "or: pip install opentelemetry-exporter-otlp-proto-grpc)"
        ),
    )
    derived = (Subject.INSTRUMENTED, Subject.TRACES, Subject.METRICS, Subject.LOGS)
    assert {found[subject][2] for subject in derived} == {"export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}
    assert found.verdicts(Subject.CALL, *ARRIVALS) == [NOT_TRIED] * 4


@pytest.mark.newest
def test_without_a_distro_nothing_is_set_up_and_the_remedies_are_named(interpreters: Interpreters) -> None:
    found = examined(interpreters, before=NO_DISTRO)
    verdict, message, remedy = found[Subject.SET_UP]
    assert (found.status, verdict) == (1, PROBLEM)
    assert message.startswith("opentelemetry-instrument has set up no provider")
    assert "--setup MODULE:FUNCTION" in remedy
    assert found[Subject.LAUNCHER][0] == PROBLEM
    assert found[Subject.LAUNCHER][2].startswith("pip install opentelemetry-distro ")
    assert found.verdicts(Subject.TRACES, Subject.METRICS, Subject.LOGS) == [WARNING, PROBLEM, WARNING]
    assert found.verdicts(Subject.CALL, *ARRIVALS) == [NOT_TRIED] * 4


NO_DISTRO = """
from importlib.metadata import entry_points
from midstream._cli.doctor import launcher, setup
HIDDEN = ("opentelemetry_configurator", "opentelemetry_distro")
from opentelemetry.instrumentation.auto_instrumentation import _load
for module in (launcher, setup, _load):
    module.entry_points = lambda group, **name: () if group in HIDDEN else entry_points(group=group, **name)
"""


@pytest.mark.newest
def test_an_unknown_configurator_is_reported_with_its_variable(interpreters: Interpreters) -> None:
    found = examined(interpreters, OTEL_PYTHON_CONFIGURATOR="other")
    assert found[Subject.SET_UP][0] == PROBLEM
    assert "OTEL_PYTHON_CONFIGURATOR" in found[Subject.SET_UP][2]
    unknown = next(finding for finding in found.findings if finding["subject"] == Subject.LAUNCHER)
    assert (unknown["verdict"], unknown["message"]) == (
        PROBLEM,
        "OTEL_PYTHON_CONFIGURATOR=other: no such configurator is installed",
    )


@pytest.mark.newest
def test_an_unknown_protocol_is_a_problem_with_the_known_ones(interpreters: Interpreters) -> None:
    corrected = {"MIDSTREAM_ERRORS": "corrected"}  # by midstream, which nothing switches on here
    found = examined(interpreters, OTEL_EXPORTER_OTLP_PROTOCOL="http/json", **corrected)
    assert found[Subject.SET_UP][::2] == (PROBLEM, "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf (or grpc)")
    assert found[Subject.INSTRUMENTED][1].endswith(": see set-up; MIDSTREAM_ERRORS=corrected corrects nothing")
    (unknown,) = (finding for finding in found.findings if finding["subject"] == Subject.LAUNCHER)
    assert unknown["message"].startswith("OTEL_EXPORTER_OTLP_PROTOCOL=http/json: ")
    assert unknown["remedy"] == "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf (or grpc)"


@pytest.mark.newest
def test_opentelemetrys_warnings_during_the_set_up_are_reported(
    interpreters: Interpreters, receiver: OtlpReceiver, shop: str
) -> None:
    odd = {**exporting_to(receiver), "OTEL_TRACES_SAMPLER": "sometimes"}
    found = examined(interpreters, "--no-call", "--setup", "shop:instrumented", before=shop, **odd)
    messages = [finding["message"] for finding in found.findings if finding["subject"] == Subject.SET_UP]
    assert "OpenTelemetry logged: Couldn't recognize sampler sometimes." in messages


@pytest.mark.newest
@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask, anthropic_midstream"},
    ],
    ids=str,
)
def test_a_switch_that_is_off_is_a_problem_and_prevents_the_call(
    interpreters: Interpreters, receiver: OtlpReceiver, environment: dict[str, str]
) -> None:
    found = examined(interpreters, **exporting_to(receiver), **environment)
    (name,) = environment
    assert found.status == 1
    assert found[Subject.SWITCHES][1].startswith(f"{name}=")
    assert found.verdicts(Subject.CALL, *ARRIVALS) == [NOT_TRIED] * 4
    assert receiver.bodies == []


@pytest.mark.newest
def test_pasting_each_remedy_makes_the_report_healthy() -> None:
    wrong = {
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask, anthropic_midstream",
        "OTEL_PYTHON_CONFIGURATOR": "other",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        "MIDSTREAM_SPANS": "maybe",
        "MIDSTREAM_SPAN": "off",
    }
    service = {"OTEL_SERVICE_NAME": "shop", **wrong}
    before = Examined.of(launched_after("true", *_WITHOUT_CALL, **service))
    remedies = [one["remedy"] for one in before.findings if one["verdict"] in {PROBLEM, WARNING} and one["remedy"]]
    pasted = "; ".join(remedy.partition(" (")[0] for remedy in remedies)
    after = Examined.of(launched_after(pasted, *_WITHOUT_CALL, **service))
    assert len(before.problems) >= len(wrong)
    assert (after.status, after.problems, after.warnings) == (0, [], [])


# Where it goes


@pytest.mark.newest
def test_an_endpoint_without_a_server_is_named_for_each_signal(interpreters: Interpreters) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    found = examined(
        interpreters,
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_EXPORTER_OTLP_ENDPOINT=url,
        OTEL_EXPORTER_OTLP_TIMEOUT="3",
    )
    assert found.status == 1
    assert found.problems == [*ARRIVALS]
    for subject, path in zip(ARRIVALS, ("traces", "metrics", "logs"), strict=True):
        _, message, remedy = found[subject]
        assert message == f"recorded, but the export to {url}/v1/{path} (OTLP over HTTP) failed: connection refused"
        assert "OTEL_EXPORTER_OTLP_ENDPOINT" in remedy


@pytest.mark.newest
def test_a_store_of_metrics_rejects_the_other_signals(interpreters: Interpreters) -> None:
    with otlp_receiver("metrics") as receiver:
        found = examined(interpreters, **exporting_to(receiver))
    assert found.problems == [Subject.SPAN_ARRIVES, Subject.LOG_EVENT_ARRIVES]
    assert found[Subject.SPAN_ARRIVES][1].endswith("failed: HTTP 404 Not Found")
    assert "OTEL_LOGS_EXPORTER=none" in found[Subject.LOG_EVENT_ARRIVES][2]
    assert arrived(receiver)["calls"] == 1


@pytest.mark.newest
@pytest.mark.parametrize(
    ("variable", "subject", "arrival", "verdict"),
    [
        ("OTEL_TRACES_EXPORTER", Subject.TRACES, Subject.SPAN_ARRIVES, WARNING),
        ("OTEL_METRICS_EXPORTER", Subject.METRICS, Subject.METRICS_ARRIVE, PROBLEM),
        ("OTEL_LOGS_EXPORTER", Subject.LOGS, Subject.LOG_EVENT_ARRIVES, WARNING),
    ],
)
def test_a_missing_exporter_is_a_warning_and_for_metrics_a_problem(
    interpreters: Interpreters,
    receiver: OtlpReceiver,
    variable: str,
    subject: Subject,
    arrival: Subject,
    verdict: str,
) -> None:
    found = examined(interpreters, **exporting_to(receiver), **{variable: "none"})
    remedy = f"export {variable}=otlp (or set up an exporter where the provider is set)"
    assert found[subject][::2] == (verdict, remedy)
    assert f"({variable}=none)" in found[subject][1]
    assert found[arrival] == (verdict, "recorded, but there is no exporter", remedy)
    assert found.problems + found.warnings == [subject, arrival]
    assert sum(count > 0 for count in arrived(receiver).values()) == 2


@pytest.mark.newest
def test_a_metrics_page_waits_for_a_scrape_and_console_output_goes_to_stderr(
    interpreters: Interpreters, receiver: OtlpReceiver
) -> None:
    page = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": "0"}
    found = examined(interpreters, **exporting_to(receiver), **page, OTEL_TRACES_EXPORTER="console,otlp")
    assert found.status == 0
    assert found[Subject.METRICS_ARRIVE] == (OK, "recorded; it waits for a scrape", "")
    assert found[Subject.SPAN_ARRIVES][1].startswith("accepted by ConsoleSpanExporter and http://")
    assert '"midstream.outcome": "in_band_error"' in found.output  # on stderr


@pytest.mark.newest
def test_a_port_that_the_service_uses_is_reported_with_a_remedy(interpreters: Interpreters) -> None:
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = str(service.getsockname()[1])
        page = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1"}
        others = {"OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
        found = examined(interpreters, **page, **others, OTEL_EXPORTER_PROMETHEUS_PORT=port)
    assert found[Subject.SET_UP][0] == PROBLEM
    assert "OTEL_EXPORTER_PROMETHEUS_PORT=0 opentelemetry-instrument midstream doctor" in found[Subject.SET_UP][2]


@pytest.mark.newest
def test_a_span_that_the_sampler_drops_is_not_a_problem(interpreters: Interpreters, receiver: OtlpReceiver) -> None:
    found = examined(interpreters, **exporting_to(receiver), OTEL_TRACES_SAMPLER="always_off")
    assert (found.status, found.warnings) == (0, [Subject.SAMPLER])
    assert found[Subject.SPAN_ARRIVES][:2] == (NOT_TRIED, "the sampler dropped this span: AlwaysOffSampler")
    assert arrived(receiver) == {"spans": 0, "calls": 1, "log events": 1}


@pytest.mark.newest
def test_without_midstreams_spans_the_rest_arrives(interpreters: Interpreters, receiver: OtlpReceiver) -> None:
    found = examined(interpreters, **exporting_to(receiver), MIDSTREAM_SPANS="off")
    assert (found.status, found.warnings) == (0, [Subject.SDK_SPANS])
    assert found[Subject.OPTIONS][1] == "MIDSTREAM_SPANS=off"
    assert found[Subject.SPAN_ARRIVES][0] == NOT_TRIED
    assert arrived(receiver) == {"spans": 0, "calls": 1, "log events": 1}


@pytest.mark.newest
def test_without_the_call_nothing_is_exported(interpreters: Interpreters, receiver: OtlpReceiver) -> None:
    found = examined(interpreters, "--no-call", **exporting_to(receiver))
    assert (found.status, found.problems) == (0, [])
    assert [found[subject][:2] for subject in (Subject.CALL, *ARRIVALS)] == [(NOT_TRIED, "--no-call")] * 4
    assert (receiver.spans, receiver.logs) == ([], [])
    assert [point for point in receiver.points if point.scope == "midstream"] == []


@pytest.mark.newest
def test_no_key_of_an_exporter_is_printed(interpreters: Interpreters) -> None:
    found = examined(
        interpreters,
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://me:canary-1@127.0.0.1:{closed_port()}/?key=canary-2",
        OTEL_EXPORTER_OTLP_HEADERS="api-key=canary-3",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
        ANTHROPIC_API_KEY="canary-4",
    )
    assert found.problems == [*ARRIVALS]
    assert "canary" not in found.output


# The application's own set-up

SHOP = """
import logging
from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from midstream import AnthropicInstrumentor

logging.basicConfig()

class Failing(SpanExporter):
    def export(self, spans):
        raise OSError("the disk is full")

class Silent(SpanExporter):
    def export(self, spans):
        return SpanExportResult.FAILURE

def configure(exporter=None, provider=None):
    provider = provider or TracerProvider()
    if exporter:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))

def instrumented(*arguments, **options):
    configure(*arguments, **options)
    AnthropicInstrumentor().instrument()

def failing(): instrumented(Failing())

def silent(): instrumented(Silent())

def doubled(**options):
    from anthropic.resources.messages import Messages
    create = Messages.create
    def traced(*args, **kwargs):
        with trace.get_tracer("shop").start_as_current_span("chat", attributes={"gen_ai.system": "anthropic"}):
            return create(*args, **kwargs)
    Messages.create = traced
    instrumented(**options)

class Filter(SimpleSpanProcessor):
    def on_end(self, span):
        if "midstream.outcome" not in span.attributes:
            super().on_end(span)

def filtered():
    provider = TracerProvider()
    provider.add_span_processor(Filter(Silent()))
    doubled(provider=provider)

def foreign():
    class Provider:
        def get_tracer(self, *args, **kwargs):
            return trace.NoOpTracer()
    trace.set_tracer_provider(Provider())
    configure(provider=TracerProvider())
    AnthropicInstrumentor().instrument()

def faulty():
    from midstream._telemetry.series import CallSeries
    def fails(*args, **kwargs): raise ZeroDivisionError
    CallSeries.end_of = fails
    instrumented()

def broken():
    raise KeyError("SHOP_TELEMETRY")

def nothing(): pass
"""


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """Code that changes to the folder of the application's module `shop`."""
    (tmp_path / "shop.py").write_text(SHOP)
    return f"os.chdir({str(tmp_path)!r})"


@pytest.mark.newest
def test_setup_examines_what_the_application_sets_up(
    interpreters: Interpreters, receiver: OtlpReceiver, shop: str
) -> None:
    found = examined(interpreters, "--setup", "shop:instrumented", before=shop, **exporting_to(receiver))
    assert (found.status, found[Subject.SET_UP]) == (0, (OK, "set up by --setup", ""))
    assert found[Subject.METRICS_ARRIVE][0] == OK
    assert found.warnings == [Subject.TRACES, Subject.LOGS, Subject.SPAN_ARRIVES]
    assert found[Subject.LOGS][1] == "no provider is set: no log event is exported"
    assert "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true" in found[Subject.LOGS][2]
    assert found[Subject.LOG_EVENT_ARRIVES][:2] == (NOT_TRIED, "there is no provider to follow: see logs")
    assert arrived(receiver) == {"spans": 0, "calls": 1, "log events": 0}


@pytest.mark.newest
@pytest.mark.parametrize(
    ("function", "subject", "message"),
    [
        ("configure", Subject.INSTRUMENTED, "midstream does not instrument this process"),
        ("nothing", Subject.SET_UP, "the function of --setup has set up no provider of spans, metrics or logs"),
        ("broken", Subject.SET_UP, "set up by --setup, and that failed: KeyError: 'SHOP_TELEMETRY'"),
        ("failing", Subject.SPAN_ARRIVES, "recorded, but the export to Failing failed: OSError: the disk is full"),
        ("silent", Subject.SPAN_ARRIVES, "recorded, but the export to Silent failed: it gives no reason"),
    ],
)
def test_an_error_in_the_set_up_is_a_problem(
    interpreters: Interpreters, receiver: OtlpReceiver, shop: str, function: str, subject: Subject, message: str
) -> None:
    found = examined(interpreters, "--setup", f"shop:{function}", before=shop, **exporting_to(receiver))
    assert (found.status, found[subject][:2]) == (1, (PROBLEM, message))
    assert "Traceback" not in found.output, "it is reported once"


@pytest.mark.newest
def test_a_span_that_a_filter_drops_did_not_reach_the_exporter(
    interpreters: Interpreters, receiver: OtlpReceiver, shop: str
) -> None:
    found = examined(interpreters, "--setup", "shop:filtered", before=shop, **exporting_to(receiver))
    assert found[Subject.SPAN_ARRIVES][:2] == (PROBLEM, "recorded, but it did not reach the exporter")


@pytest.mark.newest
def test_a_second_span_is_a_warning(interpreters: Interpreters, receiver: OtlpReceiver, shop: str) -> None:
    found = examined(interpreters, "--setup", "shop:doubled", before=shop, **exporting_to(receiver))
    assert found[Subject.ONE_SPAN][:2] == (WARNING, "the call has more spans, from shop")


@pytest.mark.newest
def test_a_provider_of_another_implementation_is_not_tried(
    interpreters: Interpreters, receiver: OtlpReceiver, shop: str
) -> None:
    found = examined(interpreters, "--setup", "shop:foreign", before=shop, **exporting_to(receiver))
    assert found[Subject.TRACES][0] == NOT_TRIED
    assert "shop.foreign.<locals>.Provider" in found[Subject.TRACES][1]
    assert found[Subject.SPAN_ARRIVES][0] == NOT_TRIED
    assert found[Subject.METRICS_ARRIVE][0] == OK


@pytest.mark.newest
def test_an_internal_error_of_midstream_is_a_problem(
    interpreters: Interpreters, receiver: OtlpReceiver, shop: str
) -> None:
    found = examined(interpreters, "--setup", "shop:faulty", before=shop, **exporting_to(receiver))
    assert Subject.MIDSTREAM in found.problems
    assert "ZeroDivisionError" in found.output


# What is missing


@pytest.mark.newest
def test_a_missing_patch_target_is_named_with_what_is_lost(interpreters: Interpreters, receiver: OtlpReceiver) -> None:
    without = "from anthropic._decoders.jsonl import JSONLDecoder\ndel JSONLDecoder.__decode__"
    found = examined(interpreters, "--no-call", before=without, **exporting_to(receiver))
    (lost,) = [finding for finding in found.findings if finding["verdict"] == PROBLEM]
    assert lost["subject"] == Subject.PATCHES
    assert lost["message"] == (
        "how the reading of batch results ends: not observed, because "
        "anthropic._decoders.jsonl.JSONLDecoder.__decode__ is not there, "
        "anthropic._decoders.jsonl.AsyncJSONLDecoder.__decode__ is not wrapped"
    )


@pytest.mark.newest
def test_a_missing_optional_target_is_not_a_problem(interpreters: Interpreters, receiver: OtlpReceiver) -> None:
    without = "from anthropic._base_client import AsyncAPIClient, SyncAPIClient\n"
    without += "del AsyncAPIClient._request, SyncAPIClient._request"
    found = examined(interpreters, "--no-call", before=without, **exporting_to(receiver))
    assert (found.status, found.verdicts(Subject.PATCHES)) == (0, [OK] * len(Role))
    assert "the SDK's own spans: this SDK has none" in found.output


@pytest.mark.newest
@pytest.mark.parametrize("module", ["anthropic", "opentelemetry.sdk"])
def test_a_package_that_cannot_be_imported_is_a_problem_without_traceback(
    interpreters: Interpreters, module: str
) -> None:
    gone = f"for name in [name for name in sys.modules if (name + '.').startswith('{module}.')]: del sys.modules[name]"
    found = examined(interpreters, before=f"{gone}\nsys.modules['{module}'] = None")
    assert found.status == 1
    assert found[Subject.ANTHROPIC if module == "anthropic" else Subject.SET_UP][0] == PROBLEM
    assert found.verdicts(Subject.CALL, *ARRIVALS) == [NOT_TRIED] * 4
    assert "Traceback" not in str(found.findings), "the launcher prints one, before the report"


# Bad input


@pytest.mark.newest
@pytest.mark.parametrize(
    ("setup", "message"),
    [
        ("shop", "--setup shop: must be MODULE:FUNCTION, such as shop.telemetry:configure"),
        (
            "nowhere.at_all:configure",
            "--setup nowhere.at_all:configure: ModuleNotFoundError: No module named 'nowhere'",
        ),
        ("os:sep", "--setup os:sep: os has no function sep"),
    ],
)
def test_an_unknown_function_is_one_line_and_status_2(interpreters: Interpreters, setup: str, message: str) -> None:
    done = interpreters.run(program("--setup", setup))
    assert (done.status, done.stdout, done.stderr) == (2, "", f"Error: {message}\n")
