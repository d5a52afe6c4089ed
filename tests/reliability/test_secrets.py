"""No prompt, completion, key or header in anything that is exported, logged or printed, however a call ends."""

from __future__ import annotations

import http.client
import json
import logging
import re
import signal
import zlib
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
import pytest
from opentelemetry.context import get_current
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from integration.test_faults_of_our_own import ENTRIES
from midstream import AnthropicInstrumentor, classify
from midstream._telemetry.log_events import log_events
from midstream.faults import EXAMPLES, parse
from reliability.misbehaving import raising
from reliability.secrets import LEAKING_ERROR, SAID, SECRET, SecretServer, arguments, everything, found, guarded
from support import styles
from support.clients import API_KEY, HTTP_PACKAGE, async_client, client
from support.commands import midstream, midstream_running
from support.exported import Exported
from support.lifecycle import SPANS
from support.other_streams import OTHER_STREAMS
from support.readers import READERS
from support.scenarios import FEW
from support.styles import CANARY, STYLES, see, see_async

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.sdk.trace import TracerProvider

    from support.styles import Style

ALL_STYLES = {**STYLES, **OTHER_STREAMS, **READERS}
SOME_STYLES = (
    "create",
    "raw create",
    "stream() events",
    "with_streaming_response, parsed",
    "iter_lines",
    "batches.results",
    "sessions.events.stream",
    "files.download, streamed",
    "completions(stream=True)",
)


@pytest.fixture(scope="module")
def server() -> Iterator[SecretServer]:
    with SecretServer() as running:
        yield running


@pytest.fixture
def exported() -> Iterator[Exported]:
    """Every record has its exemplar."""
    memory = Exported(meter_options={"exemplar_filter": AlwaysOnExemplarFilter()})
    yield memory
    memory.shutdown()


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(styles, "arguments", arguments)
    for name in ("midstream", "opentelemetry", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)


def call(style: Style, flavor: str, server: SecretServer, model: str, provider: TracerProvider | None) -> list[str]:
    """One call with secrets, and what `classify` says about its end."""
    scenario = parse(model)

    async def asynchronous() -> styles.Seen:
        async with async_client(server, scenario, provider) as made:
            return await see_async(style, guarded(made, server.url), model)

    if flavor == "async":
        seen = anyio.run(asynchronous)
    else:
        with client(server, scenario, provider) as made:
            seen = see(style, guarded(made, server.url), model)
    if seen.error is None:
        return []
    failure = classify(seen.error)
    return [str(failure), repr(failure)]


THEIRS = ("anthropic", "httpcore", "httpx")
"""Libraries that log what they send and receive, at DEBUG."""


def all_that_was_said(exported: Exported, caplog: pytest.LogCaptureFixture, capfd: Any, *more: list[str]) -> str:
    """What was exported, logged at any level, by OpenTelemetry for instance, or printed."""
    ours = [record for record in caplog.records if not record.name.startswith(THEIRS)]
    lines = [f"{record.getMessage()} {record.args!r} {record.exc_text or record.exc_info!r}" for record in ours]
    return everything(exported, lines, capfd.readouterr(), *more)


# However a call ends


@pytest.mark.parametrize("flavor", ["sync", "async"])
@pytest.mark.parametrize("spans", SPANS)
def test_planted_secrets_appear_in_nothing(
    server: SecretServer,
    exported: Exported,
    instrumented: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    full: bool,
    spans: str,
    flavor: str,
) -> None:
    provider = exported.tracer_provider if spans == "sdk" else None
    names = ALL_STYLES if full else [name for name in SOME_STYLES if name in ALL_STYLES]
    models = EXAMPLES if full else FEW
    chosen = [
        (name, model)
        for number, model in enumerate(models)
        for place, name in enumerate(names)
        if full or (number + place) % len(names) == 0
    ]
    said: list[str] = []
    with instrumented():
        for name, model in chosen:
            said += call(ALL_STYLES[name], flavor, server, model, provider)
    text = all_that_was_said(exported, caplog, capfd, said)
    assert len(exported.logs) > len(models) / 2
    assert found(text) == []
    assert [secret for secret in (API_KEY, CANARY) if secret in text] == []


def test_a_message_of_the_api_is_recorded_up_to_1024_characters(
    server: SecretServer, exported: Exported, instrumented: Any
) -> None:
    with instrumented():
        for model in (LEAKING_ERROR, "in_band:overloaded_error", "http:overloaded_error"):
            call(STYLES["create(stream=True) in a loop"], "sync", server, model, None)
    messages = [str((log.log_record.attributes or {})["exception.message"]) for log in exported.logs]
    descriptions = [str(span.status.description) for span in exported.spans]
    assert [SAID in text for text in (*messages, *descriptions)] == [True] * 6
    assert max(map(len, messages)) == 1024
    rest = everything(exported)
    for text in (*messages, *descriptions):
        rest = rest.replace(text, "")
    assert found(rest, SAID) == []
    assert found(everything(exported)) == []


@pytest.mark.parametrize("key", [f"sk-{SECRET}\nkey", f"sk-{SECRET}\x00key"], ids=["newline", "nul"])
def test_a_key_that_is_not_a_valid_header_is_not_quoted(
    server: SecretServer, exported: Exported, instrumented: Any, key: str
) -> None:
    """The HTTP client's error quotes it."""
    with instrumented(), client(server, parse("ok")) as made, pytest.raises(anthropic.APIConnectionError) as raised:
        made.copy(api_key=key).messages.create(**arguments("ok"))
    assert SECRET in str(raised.value.__cause__)
    assert len(exported.logs) == 1
    assert found(everything(exported, [str(classify(raised.value))])) == []


@pytest.mark.parametrize(
    "error",
    [
        ValueError(SECRET),
        KeyError(SECRET),
        RuntimeError(f"{SECRET}: {CANARY}"),
        zlib.error(SECRET),
        json.JSONDecodeError(SECRET, SECRET, 0),
        UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_that_can_quote_the_body_is_recorded_by_its_class(
    server: SecretServer, exported: Exported, instrumented: Any, error: Exception
) -> None:
    """Raised in a hook of the application's, as a library below the SDK would raise it."""

    def quote(_response: Any) -> None:
        raise error

    with instrumented(), client(server, parse("ok")) as made, pytest.raises(anthropic.APIConnectionError) as raised:
        made._client.event_hooks = {"response": [quote]}
        made.messages.create(**arguments("ok"))
    assert raised.value.__cause__ is error
    assert len(exported.logs) == 1
    assert found(everything(exported, [str(classify(raised.value)), repr(classify(error))])) == []


@pytest.mark.parametrize("answers", [True, False], ids=["refuses", "is not there"])
def test_the_credentials_of_a_proxy_are_not_quoted(
    server: SecretServer, exported: Exported, instrumented: Any, answers: bool
) -> None:
    address = f"{server.host}:{server.port if answers else 1}"
    proxy = f"http://{SECRET}-user:{SECRET}-password@{address}"
    http_client = anthropic.DefaultHttpxClient(proxy=proxy, verify=False)
    url = f"https://{SECRET}-user:{SECRET}-password@example.invalid"
    made = anthropic.Anthropic(api_key=SECRET, base_url=url, http_client=http_client, max_retries=0)
    with instrumented(), made, pytest.raises(anthropic.APIConnectionError):
        made.messages.create(**arguments("ok"))
    assert exported.outcomes() == {"connection_error": 1}
    assert found(everything(exported)) == []


def test_a_url_in_an_error_of_the_transport_is_not_quoted(
    server: SecretServer, exported: Exported, instrumented: Any
) -> None:
    """aiohttp's transport says the whole URL where it does not know the protocol."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    if HTTP_PACKAGE == "httpx":
        pytest.importorskip("httpx_aiohttp", reason="httpx-aiohttp is not installed")
    url = server.url.replace("http://", f"unknown://{SECRET}-user:{SECRET}-password@")

    async def asynchronous() -> None:
        transport = anthropic.DefaultAioHttpClient()
        async with anthropic.AsyncAnthropic(
            api_key="any", base_url=url, http_client=transport, max_retries=0, default_query={"token": SECRET}
        ) as made:
            await made.messages.create(**arguments("ok"))

    with instrumented(), pytest.raises(anthropic.APIConnectionError) as raised:
        anyio.run(asynchronous)
    assert SECRET in str(raised.value.__cause__)
    assert len(exported.logs) == 1
    assert found(everything(exported, [str(classify(raised.value))])) == []


# However midstream fails


@pytest.mark.injects_faults
def test_a_fault_that_quotes_a_secret_is_recorded_without_it(
    server: SecretServer,
    exported: Exported,
    instrumented: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    said: list[str] = []
    for entry, (owner, name, _) in ENTRIES.items():
        with monkeypatch.context() as patch:
            if entry != "clock":
                patch.setattr(owner, name, raising)
            with instrumented():
                said += call(STYLES["create(stream=True) in a loop"], "sync", server, "in_band:overloaded_error", None)
    assert len([record for record in caplog.records if "caught an internal error" in record.getMessage()]) >= len(
        ENTRIES
    )
    assert found(all_that_was_said(exported, caplog, capfd, said)) == []


class Telling:
    """A provider that says what its exporter sends."""

    def __repr__(self) -> str:
        return f"Telling(headers={{'x-api-key': {SECRET!r}}})"


@pytest.mark.parametrize("option", ["tracer_provider", "meter_provider", "logger_provider"])
def test_the_description_of_a_wrong_provider_is_not_quoted(option: str) -> None:
    wrong: dict[str, Any] = {option: Telling()}
    with pytest.raises(ValueError, match="Telling") as refused:
        AnthropicInstrumentor().instrument(**wrong)
    assert found(str(refused.value)) == []


# On the command line

CREDENTIALS = {
    "ANTHROPIC_API_KEY": f"sk-ant-{SECRET}",
    "ANTHROPIC_AUTH_TOKEN": SECRET,
    "ANTHROPIC_CUSTOM_HEADERS": f"x-secret: {SECRET}",
    "HTTPS_PROXY": f"http://{SECRET}:{SECRET}@127.0.0.1:1",
}


def test_the_demo_prints_no_credentials_of_its_environment() -> None:
    done = midstream("demo", "--json", "--only", "in_band:overloaded_error", "--only", "reset", **CREDENTIALS)
    assert "in_band_error" in done.stdout
    assert found(done.stdout + done.stderr) == []


def test_the_fault_server_prints_nothing_of_its_requests() -> None:
    with midstream_running("faults", "--port", "0", **CREDENTIALS) as command:
        output = command.read_until("Ctrl-C ends the server.")
        host = re.search(r"http://([\d.]+:\d+)", output)
        assert host
        headers = {"x-api-key": SECRET, "authorization": f"Bearer {SECRET}"}
        for path in ("/v1/messages", f"/v1/{SECRET}", f"/{SECRET}?{SECRET}"):
            connection = http.client.HTTPConnection(host[1])
            connection.request("POST", path, json.dumps(arguments("ok")), headers)
            connection.getresponse().read()
            connection.close()
        done = command.stop(signal.SIGINT)
    assert found(output + done.stdout) == []


# The scan itself

PLANTED: dict[str, Callable[[Exported], Any]] = {
    "name of a span": lambda exported: tracer(exported).start_span(SECRET).end(),
    "attribute of a span": lambda exported: tracer(exported).start_span("x", attributes={"x": f"a{SECRET}b"}).end(),
    "list on a span": lambda exported: tracer(exported).start_span("x", attributes={"x": ["a", SECRET]}).end(),
    "event of a span": lambda exported: with_event(tracer(exported).start_span("x")),
    "link of a span": lambda exported: (
        tracer(exported).start_span("x", links=[Link(SpanContext(1, 2, is_remote=False), {"x": SECRET})]).end()
    ),
    "status of a span": lambda exported: with_status(tracer(exported).start_span("x")),
    "metric": lambda exported: exported.meter_provider.get_meter("x").create_counter("x").add(1, {"x": SECRET}),
    "exemplar": lambda exported: exported.meter_provider.get_meter("x").create_histogram("x").record(1, {"x": SECRET}),
    "attribute of a log record": lambda exported: log(exported, "x", {"x": SECRET}),
    "body of a log record": lambda exported: log(exported, {"x": [SECRET]}, {}),
}


def log(exported: Exported, body: Any, attributes: dict[str, Any]) -> None:
    log_events(exported.logger_provider.get_logger("x"), "x").emit(body, attributes, get_current())


def tracer(exported: Exported) -> Any:
    return exported.tracer_provider.get_tracer("x")


def with_event(span: Any) -> None:
    span.add_event("x", {"x": SECRET})
    span.end()


def with_status(span: Any) -> None:
    span.set_status(Status(StatusCode.ERROR, SECRET))
    span.end()


@pytest.mark.parametrize("where", PLANTED)
def test_the_scan_finds_what_is_planted(exported: Exported, where: str) -> None:
    assert found(everything(exported)) == []
    PLANTED[where](exported)
    assert found(everything(exported)) != []


def test_the_scan_finds_what_is_in_a_resource_and_in_an_exemplar_only() -> None:
    resource = Exported()
    resource.tracer_provider._resource = Resource({"x": SECRET})
    tracer(resource).start_span("x").end()
    assert found(everything(resource)) != []
    dropped = {"views": (View(instrument_name="x", attribute_keys=set()),), "exemplar_filter": AlwaysOnExemplarFilter()}
    exemplar = Exported(meter_options=dropped)
    exemplar.meter_provider.get_meter("x").create_counter("x").add(1, {"x": SECRET})
    assert found(everything(exemplar)) != []


def test_the_scan_finds_what_is_logged_and_printed(
    exported: Exported, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("midstream").debug("it is %s", SECRET)
    logging.getLogger("opentelemetry.attributes").debug("it is %s", SECRET)
    print(SECRET)  # noqa: T201 - the point
    assert len(found(all_that_was_said(exported, caplog, capfd))) >= 3


def test_the_secrets_reach_the_application_and_the_server(server: SecretServer) -> None:
    """What is not sent cannot be found."""
    with client(server, parse("ok")) as made:
        answer: Any = guarded(made, server.url).messages.with_raw_response.create(**arguments("ok"))
        sent = answer.http_response.request
    assert SECRET in answer.http_response.text
    assert SECRET in answer.headers["x-secret"]
    assert SECRET in str(sent.url)
    assert SECRET in str(dict(sent.headers))
    assert SECRET.encode() in sent.content
