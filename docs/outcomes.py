"""Write the marked parts of docs/outcomes.md from calls of the real SDK on the fault server.

A marker names the scenario and the way to call it: `<!-- run: slow, closed after an event -->`. With --check, print the
differences and exit with 1.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import anthropic
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel

from midstream import AnthropicInstrumentor
from midstream._cli.clients import (
    MAX_TOKENS,
    MESSAGES,
    async_client,
    open_async_stream,
    open_stream,
    sync_client,
)
from midstream.faults import EXAMPLES, FaultServer, Scenario, parse
from writing import is_check, publish

__all__ = ("page",)

PAGE: Final = Path(__file__).with_name("outcomes.md")

_MARKED: Final = re.compile(r"(<!-- run: (?P<run>[^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_EVERY: Final = "every fault"

_SHOWN_HEADERS: Final = ("content-type", "content-length", "content-encoding", "transfer-encoding", "retry-after")
_SHOWN_EVENTS: Final = 2
_WIDTH: Final = 110
_SILENCE_SECONDS: Final = 1.0

_SHOWN: Final = ("midstream.", "error.type", "http.response.status_code", "gen_ai.response.finish_reasons")
_MEASURED: Final = ("midstream.stream.bytes", "midstream.stream.longest_wait")


class _Weather(BaseModel):
    degrees: int


@dataclass(frozen=True)
class _Ended:
    """A call: the exception that the application got, and the span."""

    error: BaseException | None
    span: Any

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(self.span.attributes)


# The wire


def _wire(scenario: Scenario) -> str:
    """An excerpt of the response."""
    with FaultServer() as server:
        received, ending = _received(server, scenario)
    if not received:
        return f"```http\n({ending}, before any byte)\n```\n"
    head, _, body = received.partition(b"\r\n\r\n")
    status, *headers = head.decode().split("\r\n")
    shown = [status, *(line for line in headers if line.startswith(_SHOWN_HEADERS)), ""]
    chunked = "transfer-encoding: chunked" in headers
    text, whole = _dechunked(body) if chunked else (body, True)
    pieces = text.decode(errors="replace").replace("\r\n", "\n").rstrip("\n").split("\n\n")
    start = _start(pieces, scenario)
    shown += _left_out(pieces[:start])
    for piece in pieces[start : start + _SHOWN_EVENTS]:
        shown += [*(_cut(line) for line in piece.split("\n")), ""]
    shown += _left_out(pieces[start + _SHOWN_EVENTS :])
    if chunked:
        shown.append("(the last chunk: for HTTP, the body is complete)" if whole else f"({ending})")
    return "```http\n" + "\n".join(shown).rstrip("\n") + "\n```\n"


def _start(pieces: list[str], scenario: Scenario) -> int:
    """The index of the first piece of the body to show: the last before the fault, or the last but one."""
    if scenario.k:
        events = [number for number, piece in enumerate(pieces) if not piece.startswith("event: ping")]
        return min(events[scenario.k - 1], max(len(pieces) - _SHOWN_EVENTS, 0))
    return max(len(pieces) - _SHOWN_EVENTS, 0)


def _left_out(pieces: list[str]) -> list[str]:
    kinds = [piece.partition("\n")[0].removeprefix("event: ") for piece in pieces]
    return [f"({len(kinds)} events: {', '.join(dict.fromkeys(kinds))})", ""] if kinds else []


def _received(server: FaultServer, scenario: Scenario) -> tuple[bytes, str]:
    """The response to a request for a stream, and how the connection ends."""
    body = json.dumps({"model": scenario.name, "stream": True}).encode()
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    received = b""
    with socket.create_connection((server.host, server.port), timeout=_SILENCE_SECONDS) as connection:
        connection.sendall(head.encode() + body)
        try:
            while block := connection.recv(65536):
                received += block
        except ConnectionResetError:
            return received, "TCP RST: the connection is reset"
        except TimeoutError:
            return received, "no more data arrives, and the connection stays open"
    return received, "TCP FIN: the connection is closed"


def _dechunked(body: bytes) -> tuple[bytes, bool]:
    """The content of the chunks, and whether the last chunk arrived."""
    text = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        if not (length := int(size, 16)):
            return text, True
        text, body = text + rest[:length], rest[length + 2 :]
    return text, False


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[:_WIDTH]}..."


# Ways to call


def _read(url: str, scenario: Scenario) -> None:
    with sync_client(url) as client, open_stream(client, scenario) as stream:
        for _event in stream:
            pass


def _closed(url: str, scenario: Scenario) -> None:
    with sync_client(url) as client, open_stream(client, scenario) as stream:
        for _event in stream:
            break


def _cancelled(url: str, scenario: Scenario) -> None:
    async def call() -> None:
        async with async_client(url) as client:
            async for _event in await open_async_stream(client, scenario):
                task = asyncio.current_task()
                assert task is not None  # noqa: S101 - this is a coroutine
                task.cancel()

    asyncio.run(call())


def _parsed(url: str, scenario: Scenario) -> None:
    with sync_client(url) as client:
        client.messages.parse(model=scenario.name, max_tokens=MAX_TOKENS, messages=MESSAGES, output_format=_Weather)


_STYLES: Final[dict[str, Callable[[str, Scenario], None]]] = {
    "": _read,
    "closed after an event": _closed,
    "cancelled after an event": _cancelled,
    "parsed as something else": _parsed,
}


def _called(scenario: Scenario, style: Callable[[str, Scenario], None], spans: InMemorySpanExporter) -> _Ended:
    error: BaseException | None = None
    spans.clear()
    with FaultServer() as server:
        try:
            style(server.url, scenario)
        except (Exception, asyncio.CancelledError) as raised:  # noqa: BLE001 - the page shows what the application gets
            error = raised
    (span,) = spans.get_finished_spans()
    return _Ended(error, span)


# The page


def _section(run: str, spans: InMemorySpanExporter) -> str:
    name, _, how = run.partition(", ")
    scenario = parse(name)
    call = _called(scenario, _STYLES[how], spans)
    rows = [("the SDK", _raised(call.error))]
    if isinstance(call.error, Exception):
        rows.append(("its message", f"`{_cut(str(call.error).splitlines()[0])}`"))
    # The verdict is recorded last and shown first.
    shown = {name: value for name, value in reversed(call.attributes.items()) if name.startswith(_SHOWN)}
    rows += [(f"`{name}`", f"`{_value(value)}`") for name, value in shown.items() if name not in _MEASURED]
    if call.span.status.description:
        rows.append(("span status", f"`ERROR`, `{call.span.status.description}`"))
    table = "".join(f"| {' | '.join(row)} |\n" for row in [("", ""), ("---", "---"), *rows])
    return f"{_wire(scenario) if not how else ''}\n{table}"


def _value(value: object) -> str:
    return json.dumps(value) if isinstance(value, (bool, tuple)) else str(value)


def _raised(error: BaseException | None) -> str:
    if error is None:
        return "raises nothing"
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    status = getattr(error, "status_code", None)
    caught = "" if isinstance(error, anthropic.APIError) else "; `except anthropic.APIError` misses it"
    carried = "" if status is None else f", `status_code` {status}"
    return f"`{module}{kind.__qualname__}`{carried}{caught}"


def _every(spans: InMemorySpanExporter) -> str:
    head = ("fault", "what happens", "outcome", "the SDK", "`error.type`", "effective status")
    rows = [_row(parse(name), spans) for name in EXAMPLES]
    return "\n" + "".join(f"| {' | '.join(row)} |\n" for row in [head, ("---",) * len(head), *rows])


def _row(scenario: Scenario, spans: InMemorySpanExporter) -> tuple[str, ...]:
    call = _called(scenario, _read, spans)
    kind, status = call.attributes.get("error.type"), call.attributes.get("midstream.status_code")
    return (
        f"`{scenario.name}`",
        scenario.explanation,
        f"`{call.attributes['midstream.outcome']}`",
        _raised(call.error).partition(";")[0],
        f"`{kind}`" if kind else "",
        str(status or ""),
    )


def page() -> str:
    """Return the page with its marked parts made from new calls."""
    spans = InMemorySpanExporter()
    nowhere = Resource.get_empty()
    tracing = TracerProvider(resource=nowhere, shutdown_on_exit=False)
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    instrumentor = AnthropicInstrumentor()
    instrumentor.instrument(
        tracer_provider=tracing, meter_provider=MeterProvider(resource=nowhere, shutdown_on_exit=False)
    )
    try:
        return _MARKED.sub(partial(_made, spans), PAGE.read_text(encoding="utf-8"))
    finally:
        instrumentor.uninstrument()


def _made(spans: InMemorySpanExporter, marked: re.Match[str]) -> str:
    run = marked["run"]
    return f"{marked[1]}{_every(spans) if run == _EVERY else _section(run, spans)}{marked[3]}"


def main() -> int:
    """Return the exit status."""
    check = is_check(__doc__)
    return publish({PAGE: page()}, "the calls", check=check)


if __name__ == "__main__":
    sys.exit(main())
