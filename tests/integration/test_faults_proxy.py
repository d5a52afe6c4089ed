"""The fault server in front of an upstream: what it passes through, and what it breaks on the way."""

from __future__ import annotations

import gc
import json
import logging
import socket
import ssl
import sys
import threading
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from midstream.faults import EXAMPLES, End, FaultProxy, FaultServer, Sequence, parse
from midstream.faults._routes import script_for
from support.checks import check_log, check_metrics, check_span
from support.seen import run
from support.styles import STYLES

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from midstream.faults._http_request import HttpRequest
    from midstream.faults._script import Script
    from support.exported import Exported

_PATIENCE = 30.0
_REAL = "claude-some-model"
_KEY = "sk-ant-canary-77aa"
_LOOP, _CREATE = "create(stream=True) in a loop", "create"
_BY_THE_PROXY = tuple(model for model in EXAMPLES if model not in {"tool_use", "thinking"})
_BY_THE_UPSTREAM = tuple(model for model in EXAMPLES if model != "hangup")


class _Upstream(FaultServer):
    """A `FaultServer` that remembers its requests."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[HttpRequest] = []

    def answer(self, request: HttpRequest, number: int) -> Script:
        self.asked.append(request)
        return script_for(request, number, self.plan)


@pytest.fixture(name="upstream")
def upstream_() -> Iterator[_Upstream]:
    with _Upstream() as running:
        yield running


@pytest.fixture(name="proxy")
def proxy_(upstream: FaultServer) -> Iterator[FaultProxy]:
    with FaultProxy(upstream.url) as running:
        yield running


def _connect(server: FaultServer) -> HTTPConnection:
    return HTTPConnection(server.host, server.port, timeout=_PATIENCE)


def _ask(connection: HTTPConnection, model: str = _REAL, *, stream: bool = True, **headers: str) -> HTTPResponse:
    body = json.dumps({"model": model, "stream": stream})
    connection.request("POST", "/v1/messages", body, {name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse()


def _answer(server: FaultServer, method: str, path: str, body: str | None) -> tuple[int, dict[str, str], bytes]:
    with closing(_connect(server)) as connection:
        connection.request(method, path, body, {"accept-encoding": "gzip"})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        headers.pop("connection", None)
        return response.status, headers, response.read()


# What is broken


@pytest.mark.parametrize("style", [_LOOP, _CREATE])
@pytest.mark.parametrize("model", _BY_THE_PROXY)
def test_a_fault_on_the_way_ends_a_call_as_the_fault_server_s_own_does(
    upstream: FaultServer,
    proxy: FaultProxy,
    instrumented: Callable[..., AbstractContextManager[Exported]],
    model: str,
    style: str,
) -> None:
    upstream.plan = Sequence(["ok"], repeat=True)
    scenario, chosen = parse(model), STYLES[style]
    proxy.script(model)
    with instrumented() as exported:
        seen = run(chosen, "sync", proxy, scenario, None)
    check_span(exported.span, scenario, chosen, proxy, seen, own=True)
    check_metrics(exported, scenario, chosen, proxy)
    check_log(exported, scenario, chosen, proxy, seen)


@pytest.mark.parametrize("model", _BY_THE_UPSTREAM)
def test_a_fault_of_the_upstream_is_passed_through_as_it_is(
    proxy: FaultProxy, instrumented: Callable[..., AbstractContextManager[Exported]], model: str
) -> None:
    scenario, chosen = parse(model), STYLES[_LOOP]
    with instrumented() as exported:
        seen = run(chosen, "sync", proxy, scenario, None)
    check_span(exported.span, scenario, chosen, proxy, seen, own=True)


@pytest.mark.parametrize("model", ["http", "http_html", "hangup"])
def test_a_fault_without_upstream_data_sends_nothing_upstream(
    upstream: _Upstream, proxy: FaultProxy, model: str
) -> None:
    proxy.script(model)
    with closing(_connect(proxy)) as connection:
        if model == "hangup":
            with pytest.raises(ConnectionError):
                _ask(connection)
        else:
            assert _ask(connection).status == {"http": 529, "http_html": 502}[model]
    assert upstream.asked == []


def test_an_answer_shorter_than_the_faults_position_fails_before_its_last_event(
    upstream: FaultServer, proxy: FaultProxy
) -> None:
    upstream.plan = Sequence(["ok:1"], repeat=True)
    proxy.script("cut@8")
    with closing(_connect(proxy)) as connection:
        body = _ask(connection).read()
    assert body.count(b"event: ") == 6  # one of them a ping
    assert b"message_delta" in body
    assert b"message_stop" not in body


def test_a_response_that_is_not_an_answer_stays_unchanged(upstream: _Upstream, proxy: FaultProxy) -> None:
    upstream.script("http:rate_limit_error")
    proxy.script("reset", "in_band")
    with closing(_connect(proxy)) as connection:
        assert _ask(connection).status == 429
    status, _, body = _answer(proxy, "GET", "/v1/files/file_1/content", None)
    assert (status, len(body)) == (200, 512 * 9)
    assert [served.scenario for served in proxy.requests] == ["ok", "ok"]


# What is passed through


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/messages", {"model": "ok:200", "stream": True}),
        ("POST", "/v1/messages", {"model": "tool_use"}),
        ("POST", "/v1/messages?beta=true", {"model": "thinking", "stream": True}),
        ("POST", "/v1/messages/count_tokens", {"model": "ok"}),
        ("POST", "/v1/messages", {"model": "eof", "stream": True}),
        ("POST", "/v1/messages", {"model": "http_html:503"}),
        ("POST", "/v1/messages", {}),
        ("GET", "/v1/files/ok/content", None),
        ("GET", "/v1/messages/batches/ok/results", None),
        ("GET", "/v1/models", None),
        ("HEAD", "/v1/models", None),
    ],
)
def test_an_untouched_answer_is_the_upstream_s_byte_by_byte(
    method: str, path: str, body: dict[str, Any] | None
) -> None:
    text = None if body is None else json.dumps(body)
    with FaultServer() as upstream, FaultProxy(upstream.url, plan=Sequence(["ok"])) as proxy:
        proxied = _answer(proxy, method, path, text)
    with FaultServer() as upstream:
        direct = _answer(upstream, method, path, text)
    if "eof" in str(text):  # no client can distinguish the end of such a body from a broken connection
        direct[1]["transfer-encoding"] = "chunked"
    assert proxied == direct


def test_events_arrive_as_they_come(proxy: FaultProxy) -> None:
    with closing(_connect(proxy)) as connection:
        response = _ask(connection, "stall@4")
        read = b"".join(response.readline() for _ in range(15))
    assert read.count(b"\n\n") == 5


def test_the_upstream_gets_the_client_s_headers_and_body_and_none_of_the_connection(
    upstream: _Upstream, proxy: FaultProxy
) -> None:
    with closing(_connect(proxy)) as connection:
        connection.putrequest("POST", "/v1/messages?beta=true", skip_accept_encoding=True)
        for name, value in (
            ("x-api-key", _KEY),
            ("Anthropic-Beta", "one"),
            ("Anthropic-Beta", "two"),
            ("connection", "keep-alive, X-Hop"),
            ("x-hop", "mine"),
            ("te", "trailers"),
            ("content-length", "26"),
        ):
            connection.putheader(name, value)
        connection.endheaders(b'{"model":"ok","user":"\xc3\xa4"}')
        assert connection.getresponse().status == 200
    (asked,) = upstream.asked
    assert (asked.method, asked.path, asked.query) == ("POST", "/v1/messages", "beta=true")
    assert asked.body == b'{"model":"ok","user":"\xc3\xa4"}'
    assert dict(asked.headers) | {"Anthropic-Beta": ""} == {
        "x-api-key": _KEY,
        "Anthropic-Beta": "",
        "content-length": "26",
        "host": f"127.0.0.1:{upstream.port}",
        "connection": "close",
    }
    assert [value for name, value in asked.headers if name == "Anthropic-Beta"] == ["one", "two"]


def test_the_path_of_the_upstream_comes_before_that_of_the_request(upstream: _Upstream) -> None:
    with FaultProxy(f"{upstream.url}/gateway/") as proxy, closing(_connect(proxy)) as connection:
        assert _ask(connection).status == 404
    assert [asked.path for asked in upstream.asked] == ["/gateway/v1/messages"]


def test_a_client_that_leaves_ends_the_request_to_the_upstream() -> None:
    ended = threading.Event()
    with (
        FaultServer(tell=lambda _served: ended.set()) as upstream,
        FaultProxy(upstream.url) as proxy,
    ):
        with closing(_connect(proxy)) as connection:
            response = _ask(connection, "stall@1")
            assert response.readline() == b"event: message_start\n"
            response.close()
        assert ended.wait(_PATIENCE)
    assert [served.end for served in proxy.requests] == [End.LEFT]


# What the log says


def test_neither_keys_nor_bodies_are_in_the_log(proxy: FaultProxy) -> None:
    with closing(_connect(proxy)) as connection:
        connection.request(
            "POST", f"/v1/messages?key={_KEY}", json.dumps({"model": "ok", "system": _KEY}), {"x-api-key": _KEY}
        )
        connection.getresponse().read()
    (served,) = proxy.requests
    assert (served.model, served.scenario, served.status, served.end) == ("ok", "ok", 200, End.PLAYED)
    assert _KEY not in repr(proxy.requests)


def test_the_log_says_where_the_upstream_broke_off(proxy: FaultProxy) -> None:
    with closing(_connect(proxy)) as connection, pytest.raises(IncompleteRead):
        _ask(connection, "fin").read()
    assert [(served.scenario, served.status, served.end) for served in proxy.requests] == [("ok", 200, End.BROKEN)]


# Upstreams that cannot be reached


def _refused(proxy: FaultProxy, model: str = _REAL) -> str:
    """The message of the proxy's own error."""
    with closing(_connect(proxy)) as connection:
        response = _ask(connection, model, x_api_key=_KEY)
        body = response.read().decode()
    assert response.status == 502
    assert _KEY not in body
    error: dict[str, str] = json.loads(body)["error"]
    assert error["type"] == "api_error"
    return error["message"]


def test_an_upstream_that_cannot_be_reached_is_a_502_that_says_so() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with FaultProxy(f"http://127.0.0.1:{port}") as proxy:
        assert _refused(proxy).startswith(f"no answer from the upstream 127.0.0.1:{port}: ")


def test_an_upstream_that_hangs_up_is_a_502_that_says_so(proxy: FaultProxy) -> None:
    assert _refused(proxy, "hangup").endswith("Server disconnected without sending a response.")
    proxy.script("reset")
    assert _refused(proxy, "reset@0").endswith("it broke off before there was anything to break")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.anthropic.com",
        "ftp://host",
        "http://",
        "http://host:0",
        "http://host:99999",
        "http://host?q=1",
        "http://host#f",
        "http://ho st",
        "http://user:secret@host",
    ],
)
def test_a_url_that_cannot_be_an_upstream_is_refused_immediately(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must be an http or https URL without user, query and fragment"):
        FaultProxy(url)


# TLS


class _Says(BaseHTTPRequestHandler):
    """Answers in chunks, like an upstream behind TLS."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200, "Fine")
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"7;ext=1\r\ndata: \n\r\n1\r\n\n\r\n0\r\ntrailer: x\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - that is its name there


@contextmanager
def _with_tls(certificate: str) -> Generator[str]:
    with HTTPServer(("127.0.0.1", 0), _Says) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that does not trust it
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_an_upstream_with_tls_and_a_trusted_certificate_gets_the_request(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with _with_tls(str(certificate)) as url, FaultProxy(url) as proxy, closing(_connect(proxy)) as connection:
        response = _ask(connection)
        assert (response.status, response.reason, response.read()) == (200, "Fine", b"data: \n\n")


def test_an_upstream_whose_certificate_is_not_trusted_gets_no_request(certificate: Path) -> None:
    with _with_tls(str(certificate)) as url, FaultProxy(url) as proxy:
        assert "certificate verify failed" in _refused(proxy)


# To the end


def test_the_proxy_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    threads = threading.active_count()
    with FaultServer() as upstream, FaultProxy(upstream.url) as proxy:
        stalled, silent, plain = (_connect(proxy) for _ in range(3))
        _ask(stalled, "stall")
        silent.request("POST", "/v1/messages", json.dumps({"model": "silent"}))
        _ask(plain, "ok").read()
    assert threading.active_count() == threads
    for connection in (stalled, silent, plain):
        connection.close()
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_no_key_is_logged_at_any_level(proxy: FaultProxy, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    with closing(_connect(proxy)) as connection:
        _ask(connection, "ok", x_api_key=_KEY, authorization=f"Bearer {_KEY}").read()
    assert "httpcore" in caplog.text
    assert _KEY not in caplog.text


def test_without_the_sdk_s_http_client_a_proxy_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("httpcore", "httpcore2"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="pip install anthropic"):
        FaultProxy("http://127.0.0.1:1")
