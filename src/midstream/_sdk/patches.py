"""The patch table: which methods of the SDK are wrapped, with what, and what is lost without them."""

from __future__ import annotations

import copy
import inspect
import logging
import sys
from dataclasses import dataclass
from enum import Enum
from types import MethodType
from typing import TYPE_CHECKING, Any, Final, cast

import wrapt

from midstream._guard import attempt
from midstream._sdk.calls import current_call, current_entry
from midstream._sdk.results import response_of
from midstream._sdk.streams import ObservedAsyncEvents, ObservedAsyncHelper, observed_events, observed_helper

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
    from typing import SupportsIndex

    from midstream._sdk.calls import Calls

    _Function = wrapt.FunctionWrapper[..., Any]
    _Bound = wrapt.BoundFunctionWrapper[..., Any]
else:
    # wrapt 1 has no types, and its classes take no parameters.
    _Function, _Bound = wrapt.FunctionWrapper, wrapt.BoundFunctionWrapper


_log: Final = logging.getLogger("midstream")

SUPPORTED: Final = ((0, 49), (3, 0))
"""The first version of the SDK that is supported, and the first that is not any more."""


class Role(Enum):
    """What a target is needed for."""

    CALLS = "calls"
    STREAMS = "streamed answers"
    LINES = "how the reading of batch results ends"
    SPANS = "the SDK's own spans"
    ANSWERS = "whether what arrived is an answer"
    HELPERS = "exceptions of the SDK's helpers for streams"


@dataclass(frozen=True)
class Target:
    """A method of the SDK that is wrapped."""

    module: str
    owner: str
    method: str
    role: Role
    wrapper: Callable[[Calls], Any]
    """Makes the wrapper, as `wrapt.FunctionWrapper` takes it, for the calls of one `instrument()`."""
    optional: bool = False
    """Whether an SDK without it lacks what it is needed for as well."""

    @property
    def name(self) -> str:
        """The target in full."""
        return f"{self.module}.{self.owner}.{self.method}"


def _request(calls: Calls) -> Any:
    def request(wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        entry = calls.enter(client, args, kwargs)
        try:
            with entry:
                result = wrapped(*args, **kwargs)
        except BaseException as error:
            entry.failed(error)
            raise
        entry.returned(result)
        return result

    return request


def _async_request(calls: Calls) -> Any:
    async def request(
        wrapped: Callable[..., Awaitable[Any]], client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        entry = calls.enter(client, args, kwargs)
        try:
            with entry:
                result = await wrapped(*args, **kwargs)
        except BaseException as error:
            entry.failed(error)
            raise
        entry.returned(result)
        return result

    return request


def _build_request(calls: Calls) -> Any:
    del calls

    def build_request(
        wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        del client
        http_request = wrapped(*args, **kwargs)
        call = current_call()
        if call is not None:
            call.attempted(http_request)
        return http_request

    return build_request


def _within_request(calls: Calls) -> Any:
    del calls

    # Not a coroutine function for the async one: to make the coroutine is enough, for it is awaited at once.
    def within_request(
        wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        del client
        entry = current_entry()
        if entry is not None:
            entry.within_span()
        return wrapped(*args, **kwargs)

    return within_request


def _process_response(calls: Calls) -> Any:
    del calls

    # Not a coroutine function for the async one: the response is there before the coroutine runs.
    def process_response(
        wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        del client
        call = current_call()
        if call is not None:
            call.responded(kwargs.get("response"))
        return wrapped(*args, **kwargs)

    return process_response


def _helper(calls: Calls) -> Any:
    return _of_helper(calls, observed_helper)


def _async_helper(calls: Calls) -> Any:
    return _of_helper(calls, ObservedAsyncHelper)


def _of_helper(calls: Calls, observed: Callable[..., Any]) -> Any:
    def stream(wrapped: Callable[..., Any], helper: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        events = wrapped(*args, **kwargs)
        response = attempt(lambda: helper._raw_stream.response)  # noqa: SLF001
        return events if calls.of(response) is None else observed(events, lambda: calls.of(response))

    return stream


def _events(calls: Calls) -> Any:
    return _iterator(calls, observed_events)


def _async_events(calls: Calls) -> Any:
    return _iterator(calls, ObservedAsyncEvents)


def _iterator(calls: Calls, observed: Callable[..., Any]) -> Any:
    def stream(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        events = wrapped(*args, **kwargs)
        response = attempt(response_of, instance)
        # Below SDK 1.14 the iterator is made inside `request()`, when the call does not have its response yet.
        if current_call() is None and calls.of(response) is None:
            return events
        return observed(events, lambda: calls.of(response))

    return stream


def _close(calls: Calls) -> Any:
    def close(wrapped: Callable[..., Any], stream: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        with calls.closing(stream):
            return wrapped(*args, **kwargs)

    return close


def _async_close(calls: Calls) -> Any:
    async def close(
        wrapped: Callable[..., Awaitable[Any]], stream: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        with calls.closing(stream):
            return await wrapped(*args, **kwargs)

    return close


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
    Target(_HELPERS, "MessageStream", "__stream__", Role.HELPERS, _helper),
    Target(_HELPERS, "AsyncMessageStream", "__stream__", Role.HELPERS, _async_helper),
    Target(_BETA_HELPERS, "BetaMessageStream", "__stream__", Role.HELPERS, _helper),
    Target(_BETA_HELPERS, "BetaAsyncMessageStream", "__stream__", Role.HELPERS, _async_helper),
)


class Place(Enum):
    """What is where a target should be."""

    WRAPPED = "wrapped"
    BARE = "not wrapped"
    ABSENT = "not there"


def place_of(target: Target) -> Place:
    """What has become of `target` in the SDK that this process has imported."""
    owner = _owner(target)
    if owner is None:
        return Place.ABSENT
    ours = any(map(_mark_on, _layers(_own(owner, target.method))))
    return Place.WRAPPED if ours else Place.BARE


def _layers(method: Any) -> Iterator[Any]:
    """`method`, and what it is wrapped around."""
    while method is not None:
        yield method
        method = getattr(method, "__wrapped__", None)


_MARK: Final = "_self_midstream"
"""Where the wrappers of midstream have their mark. Copies of it find each other by this name, so it stays."""


_HOME: Final = "_self_home"


def _mark_on(method: Any) -> Callable[[], bool] | None:
    """The mark on a wrapper, of this copy of midstream or of another: its `Patches.give_way`. `None`: not a wrapper."""
    # A method that was looked up on the class, by whoever wrapped it again, is bound.
    parent: object = attempt(getattr, method, "_self_parent", None)
    found: object = attempt(getattr, method if parent is None else parent, _MARK, None)
    return found if isinstance(found, MethodType) else None  # a mock has every attribute


class _ByName:
    """Copies and pickles a wrapped method like a method that is not wrapped: by name, with what it is bound to."""

    # Neither a `__dict__` nor annotations: they would hide those of the method.
    __slots__ = ()

    def __copy__(self: Any) -> Any:
        return self if self._self_instance is None else getattr(self._self_instance, _home_of(self)[1])

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        if self._self_instance is None:
            return self
        return getattr(copy.deepcopy(self._self_instance, memo), _home_of(self)[1])

    def __reduce_ex__(self: Any, protocol: SupportsIndex) -> Any:
        del protocol
        owner, method = _home_of(self)
        return getattr, (owner if self._self_instance is None else self._self_instance, method)


def _home_of(wrapper: Any) -> tuple[Any, str]:
    """The class and the name of what `wrapper` is, or is bound from."""
    parent = wrapper._self_parent  # noqa: SLF001 - as wrapt has it
    home: tuple[Any, str] = getattr(wrapper if parent is None else parent, _HOME)
    return home


class _BoundWrapper(_ByName, _Bound):
    """A `_Wrapper` that was looked up on a class or on an object."""


class _Wrapper(_ByName, _Function):
    """A wrapped method, with the mark, and with its home: the class and the name."""

    __bound_function_wrapper__ = _BoundWrapper


@dataclass(frozen=True)
class _Patch:
    owner: Any
    method: str
    original: Any
    wrapper: Any


class Patches:
    """The wrapped methods of one `instrument()`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._wanted = True
        self._patches: list[_Patch] = []

    def put_in(self, sdk: Any) -> None:
        """Wraps the methods of `sdk`, the imported package, if it is a version that is supported."""
        if _supported(sdk):
            self._patch()

    def give_way(self) -> bool:
        """Ends this observation for another one, which takes over. Whether it was observing until now."""
        observed = bool(self._patches)
        self.remove()
        return observed

    def remove(self) -> None:
        """Restores every method. One that somebody else has wrapped after us stays, but does nothing any more.

        Streams that are open now are still recorded when they end.
        """
        self._wanted = False
        while self._patches:
            patch = self._patches.pop()
            if _own(patch.owner, patch.method) is patch.wrapper:
                setattr(patch.owner, patch.method, patch.original)
        self._calls.stop()

    def _patch(self) -> None:
        found = {target: _owner(target) for target in TARGETS}
        missing = [target for target, owner in found.items() if owner is None and not target.optional]
        lost = {target.role for target in missing}
        if missing:
            _warn(missing, lost)
        if Role.CALLS in lost:
            return
        _take_over((owner, target.method) for target, owner in found.items() if owner is not None)
        self._calls.streams_observed = Role.STREAMS not in lost
        self._calls.spans_observed = all(owner for target, owner in found.items() if target.role is Role.SPANS)
        for target, owner in found.items():
            if owner is not None and target.role not in lost:
                for one in _owners(owner, target.method):
                    self._wrap(target, one)

    def _wrap(self, target: Target, owner: Any) -> None:
        original = _own(owner, target.method)
        arguments = (target.wrapper(self._calls), lambda: self._wanted)
        wrapper = wrapt.wrap_object(owner, target.method, _Wrapper, arguments)
        setattr(wrapper, _HOME, (owner, target.method))
        setattr(wrapper, _MARK, self.give_way)
        self._patches.append(_Patch(owner, target.method, original, wrapper))


def _take_over(methods: Iterable[tuple[type, str]]) -> None:
    """Ends the observation of every other copy of midstream, so that a call is recorded once."""
    layers = (
        layer for owner, method in methods for one in _owners(owner, method) for layer in _layers(_own(one, method))
    )
    observed = [give_way() for give_way in filter(None, map(_mark_on, layers))]
    if any(observed):
        _log.warning(
            "midstream observed anthropic already, for an instrument() of another copy of its modules: "
            "that one has ended, and calls are recorded once, for this one"
        )


def _owner(target: Target) -> Any | None:
    """The class that defines the method of `target`. `None` in an SDK that has no such method."""
    owner = getattr(sys.modules.get(target.module), target.owner, None)
    return owner if owner is not None and callable(_own(owner, target.method)) else None


def _owners(owner: type, method: str) -> list[type]:
    """`owner`, and its subclasses that have a wrapper of somebody's around its method, which goes past `owner` itself.

    logfire looks `request` up on the client classes, and sets what it wraps it in there.
    """
    original = inspect.unwrap(_own(owner, method))
    return [owner, *(one for one in _subclasses(owner) if inspect.unwrap(_own(one, method)) is original)]


def _subclasses(owner: type) -> Iterator[type]:
    found: list[type] = owner.__subclasses__()
    for one in found:
        yield one
        yield from _subclasses(one)


def _own(owner: Any, method: str) -> Any:
    """What `owner` itself defines as `method`; `None` if it only inherits it or lacks it."""
    return cast("Mapping[str, Any]", owner.__dict__).get(method)


def _warn(missing: list[Target], lost: set[Role]) -> None:
    everything = "anything" if Role.CALLS in lost else " and ".join(role.value for role in lost)
    names = ", ".join(target.name for target in missing)
    _log.warning("midstream does not observe %s: this version of anthropic has no %s", everything, names)


def _supported(sdk: Any) -> bool:
    told = str(getattr(sdk, "__version__", ""))
    first, end = SUPPORTED
    numbers = told.split(".")[:2]
    version = tuple(int(number) for number in numbers if number.isdecimal())
    if first <= version < end:
        return True
    _log.warning(
        "midstream does not observe anthropic %s: it supports %s and later, below %s",
        told or "of an unknown version",
        ".".join(map(str, first)),
        end[0],
    )
    return False
