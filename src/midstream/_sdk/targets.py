"""The patch targets: which methods of the SDK are wrapped, with what, and what is not observed without them.

A wrapper gets the observer of its `instrument()`, and what wrapt passes: the wrapped method, the object that it is
bound to, and its arguments.
"""

from __future__ import annotations

import sys
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from midstream._guard import attempt
from midstream._sdk.closing import Closing
from midstream._sdk.corrected_helpers import CorrectedAsyncHelper, CorrectedHelper
from midstream._sdk.entry import current_call, current_request
from midstream._sdk.events import (
    ObservedAsyncEvents,
    ObservedAsyncHelper,
    observed_events,
    observed_helper,
    raise_corrected,
)
from midstream._sdk.results import response_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from midstream._sdk.entry import RequestObserver

    _Sync = Callable[..., Any]
    _Async = Callable[..., Awaitable[Any]]
    _Args = tuple[Any, ...]
    _Kwargs = Mapping[str, Any]


class Role(Enum):
    """What a target is needed for."""

    CALLS = "calls"
    STREAMS = "streamed answers"
    LINES = "how the reading of batch results ends"
    SPANS = "the SDK's own spans"
    ANSWERS = "whether what arrived is an answer"
    HELPERS = "exceptions of the SDK's helpers for streams"


class Target(NamedTuple):
    """A method of the SDK that is wrapped."""

    module: str
    owner: str
    method: str
    role: Role
    wrapper: Callable[..., Any]
    optional: bool = False
    """Whether an SDK without the method also lacks what it is needed for."""

    @property
    def name(self) -> str:
        """The target in full."""
        return f"{self.module}.{self.owner}.{self.method}"

    def find(self) -> type | None:
        """The class that defines the method, if its module is imported. `None` in an SDK without the method."""
        owner = getattr(sys.modules.get(self.module), self.owner, None)
        return owner if owner is not None and callable(own_attribute(owner, self.method)) else None


def own_attribute(owner: Any, name: str) -> Any:
    """What `owner` itself defines as `name`. `None` if it inherits or lacks it."""
    return cast("Mapping[str, Any]", owner.__dict__).get(name)


def _request(observer: RequestObserver, wrapped: _Sync, client: Any, args: _Args, kwargs: _Kwargs) -> Any:
    request = observer.enter(client, args, kwargs)
    try:
        with request:
            result = wrapped(*args, **kwargs)
    except BaseException as error:
        raise_corrected(request.failed(error), error)
        raise
    raise_corrected(observer.returned(request, result))
    return result


async def _async_request(observer: RequestObserver, wrapped: _Async, client: Any, args: _Args, kwargs: _Kwargs) -> Any:
    request = observer.enter(client, args, kwargs)
    try:
        with request:
            result = await wrapped(*args, **kwargs)
    except BaseException as error:
        raise_corrected(request.failed(error), error)
        raise
    raise_corrected(observer.returned(request, result))
    return result


# None of the following three is a coroutine function. `_build_request` is not one in the SDK either. The coroutine of
# an async `_request` is awaited immediately, and an async `_process_response` has its response before it runs.


def _build_request(_observer: RequestObserver, wrapped: _Sync, _client: Any, args: _Args, kwargs: _Kwargs) -> Any:
    http_request = wrapped(*args, **kwargs)
    call = current_call()
    if call is not None:
        call.attempted(http_request)
    return http_request


def _within_request(_observer: RequestObserver, wrapped: _Sync, _client: Any, args: _Args, kwargs: _Kwargs) -> Any:
    request = current_request()
    if request is not None:
        request.within_span()
    return wrapped(*args, **kwargs)


def _process_response(_observer: RequestObserver, wrapped: _Sync, _client: Any, args: _Args, kwargs: _Kwargs) -> Any:
    call = current_call()
    if call is not None:
        call.parsing(kwargs.get("response"))
    return wrapped(*args, **kwargs)


def _iterator(observed: Callable[..., Any]) -> Callable[..., Any]:
    def iterator(observer: RequestObserver, wrapped: _Sync, stream: Any, args: _Args, kwargs: _Kwargs) -> Any:
        events = wrapped(*args, **kwargs)
        response = attempt(response_of, stream)
        # Below SDK 1.14 the iterator is made inside `request()`, before the call has its response. An earlier call may
        # have it: doubles return one twice.
        if current_call() is not None:
            return observed(events, partial(observer.registry.of, response))
        call = observer.registry.of(response)
        return events if call is None else observed(events, call.itself)

    return iterator


def _helper(observed: Callable[..., Any], corrected: Callable[..., Any]) -> Callable[..., Any]:
    def iterator(observer: RequestObserver, wrapped: _Sync, helper: Any, args: _Args, kwargs: _Kwargs) -> Any:
        events = wrapped(*args, **kwargs)
        find = partial(observer.registry.of, attempt(lambda: helper._raw_stream.response))  # noqa: SLF001
        call = find()
        if call is None:
            return events
        return (observed if call.corrections is None else corrected)(events, find)

    return iterator


def _close(observer: RequestObserver, wrapped: _Sync, stream: Any, args: _Args, kwargs: _Kwargs) -> Any:
    with _closing(observer, stream):
        return wrapped(*args, **kwargs)


async def _async_close(observer: RequestObserver, wrapped: _Async, stream: Any, args: _Args, kwargs: _Kwargs) -> Any:
    with _closing(observer, stream):
        return await wrapped(*args, **kwargs)


def _closing(observer: RequestObserver, stream: Any) -> Closing:
    """To be entered while `stream` is closed. Never raises."""
    call = observer.registry.of(attempt(response_of, stream))
    # A wrapper that closes the stream whenever its response is closed does so at the end of the SDK's parser, too.
    if call is None or call.is_closed_by_parser():
        return Closing()
    return call.closing(by_application=True)


_events = _iterator(observed_events)
_async_events = _iterator(ObservedAsyncEvents)
_sync_helper = _helper(observed_helper, CorrectedHelper)
_async_helper = _helper(ObservedAsyncHelper, CorrectedAsyncHelper)

_CLIENT: Final = "anthropic._base_client"
_STREAMING: Final = "anthropic._streaming"
_LINES: Final = "anthropic._decoders.jsonl"
_HELPERS: Final = "anthropic.lib.streaming._messages"
_BETA_HELPERS: Final = "anthropic.lib.streaming._beta_messages"

TARGETS: Final = (
    Target(_CLIENT, "SyncAPIClient", "request", Role.CALLS, _request),
    Target(_CLIENT, "AsyncAPIClient", "request", Role.CALLS, _async_request),
    Target(_CLIENT, "BaseClient", "_build_request", Role.CALLS, _build_request),
    # From SDK 1.14 on it runs inside the SDK's own span, and around the application's middleware.
    Target(_CLIENT, "SyncAPIClient", "_request", Role.SPANS, _within_request, optional=True),
    Target(_CLIENT, "AsyncAPIClient", "_request", Role.SPANS, _within_request, optional=True),
    Target(_CLIENT, "SyncAPIClient", "_process_response", Role.ANSWERS, _process_response),
    Target(_CLIENT, "AsyncAPIClient", "_process_response", Role.ANSWERS, _process_response),
    Target(_STREAMING, "Stream", "__stream__", Role.STREAMS, _events),
    Target(_STREAMING, "AsyncStream", "__stream__", Role.STREAMS, _async_events),
    Target(_STREAMING, "Stream", "close", Role.STREAMS, _close),
    Target(_STREAMING, "AsyncStream", "close", Role.STREAMS, _async_close),
    Target(_LINES, "JSONLDecoder", "__decode__", Role.LINES, _events),
    Target(_LINES, "AsyncJSONLDecoder", "__decode__", Role.LINES, _async_events),
    Target(_HELPERS, "MessageStream", "__stream__", Role.HELPERS, _sync_helper),
    Target(_HELPERS, "AsyncMessageStream", "__stream__", Role.HELPERS, _async_helper),
    Target(_BETA_HELPERS, "BetaMessageStream", "__stream__", Role.HELPERS, _sync_helper),
    Target(_BETA_HELPERS, "BetaAsyncMessageStream", "__stream__", Role.HELPERS, _async_helper),
)
