"""`pickle`, `copy.copy` and `copy.deepcopy` work on everything that they work on without midstream."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import pickle
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import anthropic
import anyio
import pytest
from anthropic import _base_client
from anthropic._decoders import jsonl

from midstream import AnthropicInstrumentor
from midstream.faults import parse
from support.clients import HTTP_PACKAGE, async_client, client
from support.styles import arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from midstream.faults import FaultServer
    from support.exported import Exported

http: Any = importlib.import_module(HTTP_PACKAGE)
Stream: Any = anthropic.Stream
AsyncStream: Any = anthropic.AsyncStream

LONG = "ok:200"

EVENTS = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'


def create(made: Any, model: str = "ok", **options: Any) -> Any:
    return made.messages.create(**arguments(model), **options)


def stream(made: Any) -> Any:
    return create(made, LONG, stream=True)


def begun(made: Any) -> Any:
    found = stream(made)
    next(found)
    return found


def finished(made: Any) -> Any:
    found = create(made, stream=True)
    list(found)
    return found


def closed(made: Any) -> Any:
    found = begun(made)
    found.close()
    return found


def raw(made: Any, **options: Any) -> Any:
    return made.messages.with_raw_response.create(**arguments("ok"), **options)


def streaming(made: Any) -> Any:
    return made.messages.with_streaming_response.create(**arguments("ok")).__enter__()


def helper(made: Any) -> Any:
    found = made.messages.stream(**arguments(LONG)).__enter__()
    next(iter(found))
    return found


def error(made: Any, model: str) -> Any:
    try:
        list(create(made, model, stream=True))
    except Exception as raised:  # noqa: BLE001 - whatever it is
        raised.__traceback__ = None
        return raised
    raise AssertionError(model)


def unreachable(made: Any) -> Any:
    return error(made.with_options(base_url="http://127.0.0.1:1"), "ok")


def in_memory(_made: Any) -> Any:
    """A response with its body in memory, as in tests: it can be copied before it is read."""

    def answer(_request: Any) -> Any:
        return http.Response(200, stream=http.ByteStream(EVENTS))

    transport = http.MockTransport(answer)
    made = anthropic.Anthropic(api_key="none", base_url="http://api.test", http_client=http.Client(transport=transport))
    return create(made, stream=True).response


def looked_up(_made: Any, owner: Any, name: str) -> Any:
    return getattr(owner, name)


FAILURES = (
    "http:overloaded_error",
    "in_band:overloaded_error",
    "http_html:502",
    "reset",
    "bad_json",
    "bad_utf8",
    "bad_gzip",
    "hangup",
)

HELD: dict[str, Callable[[Any], Any]] = {
    "a message": create,
    "an event": lambda made: next(begun(made)),
    "a stream, not read": stream,
    "a stream in the middle": begun,
    "a stream, read": finished,
    "a stream, closed": closed,
    "the close of a stream": lambda made: begun(made).close,
    "the iterator of a stream, not begun": lambda made: stream(made)._iterator,
    "the iterator of a stream": lambda made: begun(made)._iterator,
    "a stream's response, not read": lambda made: stream(made).response,
    "a stream's response, read": lambda made: finished(made).response,
    "a stream's body, not read": lambda made: stream(made).response.stream,
    "a stream's body, read": lambda made: finished(made).response.stream,
    "a response in memory": in_memory,
    "a body in memory": lambda made: in_memory(made).stream,
    "a raw response": raw,
    "the HTTP response of a raw one": lambda made: raw(made).http_response,
    "a raw response of a stream": lambda made: raw(made, stream=True),
    "a streaming response": streaming,
    "the HTTP response of a streaming one": lambda made: streaming(made).http_response,
    "a helper's manager": lambda made: made.messages.stream(**arguments("ok")),
    "a helper's stream": helper,
    "a helper's message": lambda made: helper(made).current_message_snapshot,
    "a helper's response": lambda made: helper(made).response,
    **{f"the exception of {model}": functools.partial(error, model=model) for model in FAILURES},
    "the response of an exception": lambda made: error(made, FAILURES[0]).response,
    "the body of an exception": lambda made: error(made, FAILURES[0]).response.stream,
    "the response of an exception of a stream": lambda made: error(made, FAILURES[1]).response,
    "the body of an exception of a stream": lambda made: error(made, FAILURES[1]).response.stream,
    "the exception of a connection": unreachable,
    "a client": lambda made: made,
    "a resource": lambda made: made.messages,
    "a resource's method": lambda made: made.messages.create,
    "a client's request": lambda made: made.request,
    "a client's post": lambda made: made.post,
    "a client's request, bound twice": lambda made: made.request.__get__(made),
    "a raw resource's method": lambda made: made.messages.with_raw_response.create,
    "a function of the client class": lambda _: anthropic.Anthropic.request,
    "a function as it is on its class": lambda _: vars(_base_client.SyncAPIClient)["request"],
    "a partial function": lambda _: functools.partial(Stream.close),
    "a class": lambda _: Stream,
    **{
        f"{owner.__qualname__}.{name}": functools.partial(looked_up, owner=owner, name=name)
        for owner, name in (
            (_base_client.SyncAPIClient, "request"),
            (_base_client.AsyncAPIClient, "request"),
            (_base_client.BaseClient, "_build_request"),
            (Stream, "close"),
            (Stream, "__stream__"),
            (AsyncStream, "close"),
            (AsyncStream, "__stream__"),
            (jsonl.JSONLDecoder, "__decode__"),
            (jsonl.AsyncJSONLDecoder, "__decode__"),
        )
    },
}
"""What an application can hold, made with a sync client."""


async def astream(made: Any) -> Any:
    return await create(made, LONG, stream=True)


async def abegun(made: Any) -> Any:
    found = await astream(made)
    await found.__anext__()
    return found


async def afinished(made: Any) -> Any:
    found = await create(made, stream=True)
    async for _ in found:
        pass
    return found


async def aerror(made: Any) -> Any:
    try:
        async for _ in await create(made, "in_band:overloaded_error", stream=True):
            pass
    except anthropic.APIError as raised:
        raised.__traceback__ = None
        return raised
    raise AssertionError


async def of(held: Any, name: str) -> Any:
    return getattr(await held, name)


ASYNC: dict[str, Callable[[Any], Any]] = {
    "a stream, not read": astream,
    "a stream in the middle": abegun,
    "a stream, read": afinished,
    "the close of a stream": lambda made: of(abegun(made), "close"),
    "the iterator of a stream": lambda made: of(abegun(made), "_iterator"),
    "a stream's response": lambda made: of(astream(made), "response"),
    "a stream's body": lambda made: of(of(astream(made), "response"), "stream"),
    "a read stream's body": lambda made: of(of(afinished(made), "response"), "stream"),
    "an exception": aerror,
    "the response of an exception": lambda made: of(aerror(made), "response"),
}
"""The same for an async client."""


class Made(NamedTuple):
    """The result of one way to copy an object."""

    kind: str
    is_equal: bool


_OURS = {"_Wrapper": "function", "_BoundWrapper": "method"}
"""By class of midstream, what is in its place without midstream, with the bound functions."""


def _reload(held: Any, protocol: int) -> Any:
    return pickle.loads(pickle.dumps(held, protocol))  # noqa: S301 - we made these bytes


WAYS: dict[str, Callable[[Any], Any]] = {
    "pickle, the oldest protocol": functools.partial(_reload, protocol=0),
    "pickle": functools.partial(_reload, protocol=pickle.HIGHEST_PROTOCOL),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def made_of(held: Any) -> dict[str, Made]:
    """By way to copy that works on `held`, its result."""
    found: dict[str, Made] = {}
    for name, way in WAYS.items():
        with suppress(Exception):
            made = way(held)
            kind = type(made).__qualname__
            is_function = inspect.isfunction(inspect.unwrap(made)) and inspect.isfunction(inspect.unwrap(held))
            found[name] = Made("function" if is_function else _OURS.get(kind, kind), made == held)
    return found


@contextmanager
def observed(wanted: bool, exported: Exported) -> Generator[None]:
    if not wanted:
        yield
        return
    AnthropicInstrumentor().instrument(**exported.providers)
    try:
        yield
    finally:
        AnthropicInstrumentor().uninstrument()


@pytest.mark.parametrize("name", HELD)
def test_what_can_be_copied_and_pickled_without_us_can_be_with_us(
    server: FaultServer, exported: Exported, name: str
) -> None:
    found: list[dict[str, Made]] = []
    for wanted in (False, True):
        with observed(wanted, exported), client(server, parse("ok")) as made:
            found.append(made_of(HELD[name](made)))
    bare, ours = found
    assert ours == bare


@pytest.mark.parametrize("name", ASYNC)
def test_objects_of_an_async_client_stay_copyable_and_picklable(
    server: FaultServer, exported: Exported, name: str
) -> None:
    async def run() -> dict[str, Made]:
        async with async_client(server, parse("ok")) as made:
            return made_of(await ASYNC[name](made))

    found: list[dict[str, Made]] = []
    for wanted in (False, True):
        with observed(wanted, exported):
            found.append(anyio.run(run))
    bare, ours = found
    assert {way: ours.get(way) for way in bare} == bare


def test_what_was_pickled_with_us_is_the_method_itself_in_a_process_without_us(exported: Exported) -> None:
    with observed(wanted=True, exported=exported):
        pickled = [pickle.dumps(one) for one in (Stream.close, vars(_base_client.SyncAPIClient)["request"])]
    loaded = [pickle.loads(one) for one in pickled]  # noqa: S301 - we made these bytes
    assert loaded == [Stream.close, _base_client.SyncAPIClient.request]
    assert all(map(inspect.isfunction, loaded))


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy])
def test_the_method_of_a_copy_is_the_method_of_that_copy(exported: Exported, way: Callable[[Any], Any]) -> None:
    """A stream whose iterator the application replaced can be deep-copied."""
    stream = Stream.__new__(Stream)
    stream.response = http.Response(200, content=EVENTS)
    with observed(wanted=True, exported=exported):
        copied = way(stream.close)
        assert (copied.__self__ is stream, type(copied.__self__)) == (way is copy.copy, Stream)
        copied()


def test_a_copied_body_is_not_observed(exported: Exported) -> None:
    with observed(wanted=True, exported=exported):
        response = in_memory(None)
        for copied in (copy.copy(response.stream), copy.deepcopy(response.stream), _reload(response.stream, 2)):
            assert b"".join(copied) == EVENTS
        assert exported.outcomes() == {}
        response.close()
        assert exported.outcomes() == {"abandoned": 1}


NAMES = ("__module__", "__doc__", "__name__", "__qualname__", "__dict__", "__annotations__", "__defaults__", "__code__")


def test_a_wrapped_method_describes_itself_as_without_us(exported: Exported) -> None:
    def told() -> list[Any]:
        methods: list[Any] = [Stream.close, vars(Stream)["close"], vars(_base_client.AsyncAPIClient)["request"]]
        return [(inspect.signature(one), *(getattr(one, name) for name in NAMES)) for one in methods]

    bare = told()
    with observed(wanted=True, exported=exported):
        assert told() == bare
