"""The fault server, seen from the other end of its sockets."""

from __future__ import annotations

import gc
import gzip
import json
import logging
import socket
import threading
import zlib
from contextlib import closing
from http.client import BadStatusLine, HTTPConnection, HTTPResponse, IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING, Any

import pytest

from midstream.faults import DEFAULT_EVENTS, EXAMPLES, FaultServer, parse
from midstream.faults._http_request import MAX_BODY_LENGTH, MAX_HEAD_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 10.0
_SHORT = 0.2
_DELTA = "content_block_delta"
_TYPES = ["message_start", "content_block_start", "ping", *[_DELTA] * 4]
_ALL_TYPES = [*_TYPES, "content_block_stop", "message_delta", "message_stop"]


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def _connect(server: FaultServer, timeout: float = _PATIENCE) -> HTTPConnection:
    return HTTPConnection(server.host, server.port, timeout=timeout)


def _ask(
    connection: HTTPConnection,
    model: str,
    *,
    stream: bool,
    path: str = "/v1/messages",
    headers: dict[str, str] | None = None,
) -> HTTPResponse:
    connection.request("POST", path, json.dumps({"model": model, "stream": stream}), headers or {})
    return connection.getresponse()


def _raw(server: FaultServer, model: str, *, stream: bool = True, timeout: float = _PATIENCE) -> tuple[bytes, str]:
    """Return the bytes of the response as they arrive, and how the connection ended."""
    body = json.dumps({"model": model, "stream": stream}).encode()
    request = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
    received = bytearray()
    with socket.create_connection((server.host, server.port), timeout=timeout) as client:
        client.sendall(request % (len(body), body))
        try:
            while data := client.recv(65536):
                received += data
        except ConnectionResetError:
            return bytes(received), "reset"
        except TimeoutError:
            return bytes(received), "silence"
    return bytes(received), "closed"


def _body(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[2]


def _chunks(body: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole chunks of a chunked body, and what comes after the last of them."""
    chunks: list[bytes] = []
    while True:
        size, _, rest = body.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            return chunks, body
        if len(rest) < length + 2:
            return chunks, body
        chunks.append(rest[:length])
        body = rest[length + 2 :]
        if not length:
            return chunks[:-1], b"<end>" + body


def _events(body: bytes) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    for event in body.decode().split("\n\n")[:-1]:
        first, second = event.split("\n")
        data = json.loads(second.removeprefix("data: "))
        assert first == f"event: {data['type']}"
        events.append(data)
    return events


def _is_json(chunk: bytes) -> bool:
    try:
        return bool(_events(chunk))
    except json.JSONDecodeError:
        return False


def _types(body: bytes) -> list[str]:
    return [event["type"] for event in _events(body)]


def _text(events: list[dict[str, Any]]) -> str:
    return "".join(event["delta"]["text"] for event in events if event["type"] == _DELTA)


# Whole answers


def test_a_streamed_answer_arrives_event_by_event_each_in_a_chunk_of_its_own(server: FaultServer) -> None:
    raw, end = _raw(server, "ok")
    chunks, rest = _chunks(_body(raw))
    assert (end, rest) == ("closed", b"<end>")
    assert [_types(chunk) for chunk in chunks] == [[name] for name in _ALL_TYPES]
    events = _events(b"".join(chunks))
    assert events[0]["message"] == {
        "id": "msg_faults",
        "type": "message",
        "role": "assistant",
        "model": "ok",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 25,
            "cache_creation_input_tokens": 10,
            "cache_read_input_tokens": 8,
            "output_tokens": 1,
        },
    }
    assert events[-2] == {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 15},
    }
    assert _text(events) == "All is well. "


def test_the_head_of_a_stream_names_its_type_its_framing_and_the_request(server: FaultServer) -> None:
    with closing(_connect(server)) as connection:
        response = _ask(connection, "ok", stream=True)
        headers = dict(response.getheaders())
        assert response.status == 200
        assert headers.pop("request-id").startswith("req_")
        assert headers == {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            "transfer-encoding": "chunked",
        }


def test_an_answer_that_is_not_streamed_is_one_json_message(server: FaultServer) -> None:
    with closing(_connect(server)) as connection:
        response = _ask(connection, "ok", stream=False, path="/v1/messages?beta=true")
        assert response.getheader("content-type") == "application/json"
        assert json.loads(response.read()) == {
            "id": "msg_faults",
            "type": "message",
            "role": "assistant",
            "model": "ok",
            "content": [{"type": "text", "text": "All is well. "}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": 25,
                "cache_creation_input_tokens": 10,
                "cache_read_input_tokens": 8,
                "output_tokens": 15,
            },
        }


def test_an_answer_has_the_requested_number_of_content_deltas(server: FaultServer) -> None:
    with closing(_connect(server)) as connection:
        few = _types(_ask(connection, "ok:1", stream=True).read())
        many = _types(_ask(connection, "ok:20000", stream=True).read())
    assert few == ["message_start", "content_block_start", "ping", _DELTA, *_ALL_TYPES[-3:]]
    assert many.count(_DELTA) == 20_000


def test_an_answer_can_call_a_tool(server: FaultServer) -> None:
    with closing(_connect(server)) as connection:
        events = _events(_ask(connection, "tool_use", stream=True).read())
        message = json.loads(_ask(connection, "tool_use", stream=False).read())
    pieces = [event["delta"]["partial_json"] for event in events if event["type"] == _DELTA]
    assert json.loads("".join(pieces)) == message["content"][0]["input"]
    assert message["content"][0]["name"] == events[1]["content_block"]["name"] == "get_weather"
    assert message["stop_reason"] == events[-2]["delta"]["stop_reason"] == "tool_use"


def test_an_answer_can_think_first(server: FaultServer) -> None:
    with closing(_connect(server)) as connection:
        events = _events(_ask(connection, "thinking", stream=True).read())
        message = json.loads(_ask(connection, "thinking", stream=False).read())
    deltas = [event["delta"]["type"] for event in events if event["type"] == _DELTA]
    assert deltas == [*["thinking_delta"] * 2, "signature_delta", *["text_delta"] * 4]
    assert [block["type"] for block in message["content"]] == ["thinking", "text"]


def test_tokens_are_counted(server: FaultServer) -> None:
    with closing(_connect(server)) as connection:
        response = _ask(connection, "ok", stream=False, path="/v1/messages/count_tokens?beta=true")
        assert (response.status, json.loads(response.read())) == (200, {"input_tokens": 43})


def test_a_slow_answer_is_whole(server: FaultServer) -> None:
    with closing(_connect(server)) as connection:
        assert _types(_ask(connection, "slow:1", stream=True).read()) == _ALL_TYPES


def test_a_retried_request_is_answered_at_the_requested_attempt(server: FaultServer) -> None:
    with closing(_connect(server)) as connection:
        answers: list[tuple[int, str | None]] = []
        for resends in ("0", "1", "2"):
            response = _ask(connection, "retry:3", stream=True, headers={"x-stainless-retry-count": resends})
            response.read()
            answers.append((response.status, response.getheader("retry-after-ms")))
    assert answers == [(529, "1"), (529, "1"), (200, None)]


def test_a_connection_is_reused_and_every_request_has_its_own_id(
    server: FaultServer,
) -> None:
    with closing(_connect(server)) as connection:
        sockets: set[object] = set()
        ids: set[str | None] = set()
        for model in ("ok", "in_band", "cut", "bad_json", "http", "http_html"):
            response = _ask(connection, model, stream=True)
            response.read()
            sockets.add(connection.sock)
            ids.add(response.getheader("request-id"))
    assert (len(sockets), len(ids)) == (1, 6)


# Errors that the API reports


@pytest.mark.parametrize(
    ("model", "k", "message", "data"),
    [
        ("in_band:overloaded_error@0", 0, "Overloaded", "overloaded_error"),
        ("in_band:rate_limit_error", 4, "Rate limited", "rate_limit_error"),
        ("in_band:made_up@8", 8, "Something unheard of", "made_up"),
    ],
)
def test_an_error_event_ends_a_stream(server: FaultServer, model: str, k: int, message: str, data: str) -> None:
    raw, _ = _raw(server, model)
    chunks, rest = _chunks(_body(raw))
    *before, error = _events(b"".join(chunks))
    assert rest == b"<end>"
    assert [event["type"] for event in before if event["type"] != "ping"] == [
        name for name in _ALL_TYPES if name != "ping"
    ][:k]
    assert error.pop("request_id").startswith("req_in_band_")
    assert error == {"type": "error", "error": {"type": data, "message": message}}


def test_the_ping_comes_with_the_event_after_it(server: FaultServer) -> None:
    types = {k: _types(b"".join(_chunks(_body(_raw(server, f"cut@{k}")[0]))[0])) for k in (2, 3)}
    assert types == {2: _TYPES[:2], 3: _TYPES[:4]}


def test_an_error_event_may_be_a_proxys_text(server: FaultServer) -> None:
    chunks, rest = _chunks(_body(_raw(server, "in_band_text@1")[0]))
    text = b"event: error\ndata: upstream connect error or disconnect/reset before headers\n\n"
    assert (chunks[1:], rest) == ([text], b"<end>")


def test_an_error_event_may_lack_the_error(server: FaultServer) -> None:
    chunks, _ = _chunks(_body(_raw(server, "in_band_bare@0")[0]))
    (error,) = _events(chunks[0])
    assert set(error) == {"type", "request_id"}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("error_type", "status"),
    [
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("billing_error", 402),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("conflict_error", 409),
        ("request_too_large", 413),
        ("rate_limit_error", 429),
        ("api_error", 500),
        ("timeout_error", 504),
        ("overloaded_error", 529),
        ("made_up", 500),
    ],
)
def test_an_http_error_has_the_apis_envelope(
    server: FaultServer, error_type: str, status: int, *, stream: bool
) -> None:
    with closing(_connect(server)) as connection:
        response = _ask(connection, f"http:{error_type}", stream=stream)
        envelope = json.loads(response.read())
    assert response.status == status
    assert response.getheader("content-type") == "application/json"
    assert envelope["error"].pop("message")
    assert envelope == {
        "type": "error",
        "error": {"type": error_type},
        "request_id": response.getheader("request-id"),
    }


def test_a_proxys_error_is_a_page(server: FaultServer) -> None:
    with closing(_connect(server)) as connection:
        response = _ask(connection, "http_html:503", stream=True)
        assert (response.status, response.reason) == (503, "Service Unavailable")
        assert response.getheader("content-type") == "text/html; charset=utf-8"
        assert response.read().startswith(b"<html>")


def test_a_gateway_s_error_comes_in_an_event_without_a_name_and_then_its_end(server: FaultServer) -> None:
    chunks, rest = _chunks(_body(_raw(server, "unnamed_error@2")[0]))
    *before, error, done = chunks
    assert (_types(b"".join(before)), rest) == (["message_start", "content_block_start"], b"<end>")
    told = {"message": "gateway timed out", "type": "None", "param": None, "code": "408"}
    assert json.loads(error.removeprefix(b"data: ")) == {"error": told}
    assert (error[-2:], done) == (b"\n\n", b"data: [DONE]\n\n")


def test_without_names_the_events_of_an_answer_have_their_data_and_nothing_else(server: FaultServer) -> None:
    whole, nameless = (b"".join(_chunks(_body(_raw(server, model)[0]))[0]) for model in ("ok", "unnamed"))
    lines = [line for line in whole.splitlines(keepends=True) if not line.startswith(b"event: ")]
    assert nameless == b"".join(lines).replace(b'"model":"ok"', b'"model":"unnamed"')


def test_without_its_last_blank_line_an_answer_is_whole_but_for_one_byte(server: FaultServer) -> None:
    whole, shorter = (b"".join(_chunks(_body(_raw(server, model)[0]))[0]) for model in ("ok", "no_blank_line"))
    assert whole.endswith(b"\n\n")
    assert shorter == whole[:-1].replace(b'"model":"ok"', b'"model":"no_blank_line"')


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("model", "media_type", "body"),
    [
        ("html", "text/html; charset=utf-8", b"<h1>Sign in</h1>"),
        (
            "envelope:rate_limit_error",
            "application/json",
            b'"error":{"type":"rate_limit_error","message":"Rate limited"}',
        ),
    ],
)
def test_a_document_with_status_200_comes_instead_of_an_answer(
    server: FaultServer, model: str, media_type: str, body: bytes, *, stream: bool
) -> None:
    with closing(_connect(server)) as connection:
        response = _ask(connection, model, stream=stream)
        assert (response.status, response.headers["content-type"]) == (200, media_type)
        assert body in response.read()


@pytest.mark.parametrize("model", ["unnamed", "no_blank_line"])
def test_what_only_events_can_lack_is_not_lacking_in_a_document(server: FaultServer, model: str) -> None:
    with closing(_connect(server)) as connection:
        assert json.loads(_ask(connection, model, stream=False).read())["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("model", "status"), [("in_band:billing_error", 402), ("in_band_text", 500), ("in_band_bare", 500)]
)
def test_without_a_stream_an_error_event_is_an_http_error(server: FaultServer, model: str, status: int) -> None:
    with closing(_connect(server)) as connection:
        assert _ask(connection, model, stream=False).status == status


# Broken bodies


@pytest.mark.parametrize("k", range(DEFAULT_EVENTS))
def test_a_chunked_body_is_cut_cleanly_after_any_number_of_events(server: FaultServer, k: int) -> None:
    chunks, rest = _chunks(_body(_raw(server, f"cut@{k}")[0]))
    assert len([name for name in _types(b"".join(chunks)) if name != "ping"]) == k
    assert rest == b"<end>"


@pytest.mark.parametrize("k", [0, 4])
def test_a_reset_reaches_the_client_after_the_events_before_it(server: FaultServer, k: int) -> None:
    raw, end = _raw(server, f"reset@{k}")
    chunks, rest = _chunks(_body(raw))
    assert (len(chunks), rest, end) == (5 if k else 0, b"", "reset")


def test_a_connection_is_closed_inside_a_chunk(server: FaultServer) -> None:
    raw, end = _raw(server, "fin")
    chunks, rest = _chunks(_body(raw))
    assert (_types(b"".join(chunks)), end) == (_TYPES[:5], "closed")
    assert b"content_block_delta" in rest
    assert b"\n\n" not in rest


@pytest.mark.parametrize("stream", [True, False])
def test_a_connection_is_closed_before_the_content_length(server: FaultServer, *, stream: bool) -> None:
    with closing(_connect(server)) as connection:
        response = _ask(connection, "fin_length", stream=stream)
        with pytest.raises(IncompleteRead) as caught:
            response.read()
        assert caught.value.expected
        assert caught.value.partial


def test_a_stall_is_silence_after_the_events(server: FaultServer) -> None:
    raw, end = _raw(server, "stall@8", timeout=_SHORT)
    chunks, rest = _chunks(_body(raw))
    assert (_types(b"".join(chunks)), rest, end) == (_ALL_TYPES[:-1], b"", "silence")


def test_the_chunk_framing_becomes_garbage(server: FaultServer) -> None:
    chunks, rest = _chunks(_body(_raw(server, "bad_chunk@1")[0]))
    assert (len(chunks), rest) == (1, b"no chunk begins like this\r\n")


def test_a_body_that_the_closed_connection_ends_has_no_framing(server: FaultServer) -> None:
    raw, end = _raw(server, "eof@2")
    assert (_types(_body(raw)), end) == (_TYPES[:2], "closed")
    assert b"transfer-encoding" not in raw
    assert b"content-length" not in raw


@pytest.mark.parametrize("k", range(DEFAULT_EVENTS))
def test_one_data_line_is_not_json_and_the_events_around_it_are(server: FaultServer, k: int) -> None:
    chunks, rest = _chunks(_body(_raw(server, f"bad_json@{k}")[0]))
    bad = [chunk for chunk in chunks if not _is_json(chunk)]
    assert (len(bad), rest) == (1, b"<end>")
    assert b"ping" not in bad[0]
    assert len([chunk for chunk in chunks[: chunks.index(bad[0])] if b"ping" not in chunk]) == k


@pytest.mark.parametrize("k", range(DEFAULT_EVENTS))
def test_one_data_line_is_not_utf8_and_the_events_around_it_are(server: FaultServer, k: int) -> None:
    chunks, _ = _chunks(_body(_raw(server, f"bad_utf8@{k}")[0]))
    assert [b"\xff" in chunk for chunk in chunks if b"ping" not in chunk].index(True) == k
    assert b"".join(chunks).count(b"\xff") == 1


@pytest.mark.parametrize(("k", "types"), [(0, []), (4, _TYPES[:5])])
def test_a_gzip_body_decodes_up_to_the_fault(server: FaultServer, k: int, types: list[str]) -> None:
    raw, _ = _raw(server, f"bad_gzip@{k}")
    assert b"content-encoding: gzip\r\n" in raw
    *good, bad = _chunks(_body(raw))[0]
    decoder = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    assert _types(b"".join(map(decoder.decompress, good))) == types
    with pytest.raises(zlib.error):
        decoder.decompress(bad)


def test_a_connection_is_closed_without_any_response(server: FaultServer) -> None:
    with closing(_connect(server)) as connection, pytest.raises(RemoteDisconnected):
        _ask(connection, "hangup", stream=True)


def test_a_request_is_never_answered(server: FaultServer) -> None:
    with closing(_connect(server, timeout=_SHORT)) as connection, pytest.raises(TimeoutError):
        _ask(connection, "silent", stream=True)


@pytest.mark.parametrize("model", ["cut", "eof", "bad_json"])
def test_without_a_stream_a_body_is_half_its_json(server: FaultServer, model: str) -> None:
    with closing(_connect(server)) as connection:
        response = _ask(connection, model, stream=False)
        body = response.read()
    assert body.startswith(b'{"id":"msg_faults"')
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


def test_without_a_stream_a_body_is_not_utf8_or_corrupt_gzip(server: FaultServer) -> None:
    with closing(_connect(server)) as connection:
        assert b"\xff" in _ask(connection, "bad_utf8", stream=False).read()
        corrupt = _ask(connection, "bad_gzip", stream=False).read()
    with pytest.raises((OSError, EOFError, zlib.error)):
        gzip.decompress(corrupt)


# Requests that are wrong


def _error(response: HTTPResponse) -> tuple[int, str, str]:
    error = json.loads(response.read())["error"]
    return response.status, error["type"], error["message"]


def test_a_model_that_is_not_a_scenario_is_not_found_and_the_message_helps(server: FaultServer) -> None:
    with closing(_connect(server)) as connection:
        status, error_type, message = _error(_ask(connection, "claude", stream=True))
    assert (status, error_type) == (404, "not_found_error")
    assert message.startswith("model 'claude' is not a scenario: ")
    assert message.endswith("`midstream faults --list` and `midstream.faults.FAMILIES` list the scenarios")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/messages"), ("POST", "/v1/nothing"), ("DELETE", "/"), ("POST", "*")]
)
def test_an_unknown_endpoint_is_not_found(server: FaultServer, method: str, path: str) -> None:
    with closing(_connect(server)) as connection:
        connection.request(method, path, b"{}")
        assert _error(connection.getresponse()) == (404, "not_found_error", f"no endpoint: {method} {path}")


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"{}", b'{"model": 1}', b"\xff", b"[" * 100_000])
def test_a_body_without_a_model_is_an_invalid_request(server: FaultServer, body: bytes) -> None:
    with closing(_connect(server)) as connection:
        connection.request("POST", "/v1/messages", body)
        status, error_type, message = _error(connection.getresponse())
    assert (status, error_type) == (400, "invalid_request_error")
    assert message == "the body must be a JSON object whose `model` is a string"


@pytest.mark.parametrize(
    ("request_bytes", "status", "error_type"),
    [
        (b"nonsense\r\n\r\n", 400, "invalid_request_error"),
        (b"POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n", 400, "invalid_request_error"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", 400, "invalid_request_error"),
        (b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY_LENGTH + 1), 413, "request_too_large"),
        (b"POST / HTTP/1.1\r\nx: %b\r\n\r\n" % (b"x" * MAX_HEAD_LENGTH), 413, "request_too_large"),
    ],
)
def test_a_request_that_is_too_long_or_no_http_is_refused(
    server: FaultServer, request_bytes: bytes, status: int, error_type: str
) -> None:
    with socket.create_connection((server.host, server.port), timeout=_PATIENCE) as client:
        client.sendall(request_bytes)
        client.shutdown(socket.SHUT_WR)
        response = HTTPResponse(client)
        response.begin()
        assert _error(response)[:2] == (status, error_type)


def test_a_client_that_disconnects_during_its_request_does_not_stop_the_server(
    server: FaultServer,
) -> None:
    with socket.create_connection((server.host, server.port), timeout=_PATIENCE) as client:
        client.sendall(b"POST /v1/messages HTTP/1.1\r\ncontent-length: 10\r\n\r\nhalf")
    with closing(_connect(server)) as connection:
        assert _ask(connection, "ok", stream=False).status == 200


# Start and stop


def test_the_server_has_an_address_while_it_runs_and_only_then() -> None:
    server = FaultServer()
    with server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        with pytest.raises(RuntimeError, match="already running"):
            server.start()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.port


def test_a_stopped_server_can_be_stopped_again_and_started_again() -> None:
    server = FaultServer()
    server.stop()
    for _ in range(2):
        with server, closing(_connect(server)) as connection:
            assert _ask(connection, "ok", stream=False).status == 200
        server.stop()


def test_a_taken_port_is_an_os_error(server: FaultServer) -> None:
    with pytest.raises(OSError, match="ddress"):
        FaultServer(port=server.port).start()


def test_stopping_ends_every_open_connection_and_leaves_nothing_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    threads = threading.active_count()
    with FaultServer() as server:
        idle, answered, stalled, silent, slow = (_connect(server) for _ in range(5))
        late = _connect(server)
        idle.connect()
        _ask(answered, "ok", stream=True).read()
        responses = [_ask(stalled, "stall", stream=True), _ask(slow, "slow:60000", stream=True)]
        silent.request("POST", "/v1/messages", json.dumps({"model": "silent"}))
    assert threading.active_count() == threads
    for response in responses:
        with pytest.raises((IncompleteRead, ConnectionResetError)):
            response.read()
    with pytest.raises((BadStatusLine, ConnectionResetError)):
        silent.getresponse()
    with pytest.raises(ConnectionRefusedError):
        late.connect()
    for response in responses:
        response.close()
    for connection in (idle, answered, stalled, silent, slow):
        connection.close()
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_no_example_makes_the_server_say_anything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FaultServer() as server:
        for model in EXAMPLES:
            stays_open = parse(model).family in {"stall", "silent"}
            _raw(server, model, timeout=_SHORT if stays_open else _PATIENCE)
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG] == []
