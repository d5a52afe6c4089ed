"""What an exception says by its class, by what it was raised from, and by where it was raised.

No SDK and no HTTP client is imported: classes are known by their names.
"""

from __future__ import annotations

import os
from traceback import walk_tb
from types import FrameType, MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from weakref import WeakKeyDictionary

from midstream._guard import attempt
from midstream._interrupts import raised_by_signal_handler
from midstream._outcomes.failure import MAX_MESSAGE_LENGTH, OTHER
from midstream._outcomes.redaction import without_quotes
from midstream._outcomes.values import field, text, whole
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


EXCEPTION_OUTCOMES: Final[Mapping[str, Outcome]] = MappingProxyType(
    {
        # An in-band error has this class, too: then its observed status is a success.
        "anthropic.APIStatusError": Outcome.HTTP_ERROR,
        "anthropic.APIConnectionError": Outcome.CONNECTION_ERROR,
        "httpx.TransportError": Outcome.TRANSPORT_ERROR,
        "httpx2.TransportError": Outcome.TRANSPORT_ERROR,
        "httpx.TooManyRedirects": Outcome.TRANSPORT_ERROR,
        "httpx2.TooManyRedirects": Outcome.TRANSPORT_ERROR,
        "httpx.DecodingError": Outcome.MALFORMED,
        "httpx2.DecodingError": Outcome.MALFORMED,
        "httpcore.NetworkError": Outcome.TRANSPORT_ERROR,
        "httpcore.TimeoutException": Outcome.TRANSPORT_ERROR,
        "httpcore.ProtocolError": Outcome.TRANSPORT_ERROR,
        "httpcore.ProxyError": Outcome.TRANSPORT_ERROR,
        "httpcore2.NetworkError": Outcome.TRANSPORT_ERROR,
        "httpcore2.TimeoutException": Outcome.TRANSPORT_ERROR,
        "httpcore2.ProtocolError": Outcome.TRANSPORT_ERROR,
        "httpcore2.ProxyError": Outcome.TRANSPORT_ERROR,
        "httpcore.ConnectionNotAvailable": Outcome.TRANSPORT_ERROR,  # let out where a GOAWAY disowns an open stream
        "httpcore2.ConnectionNotAvailable": Outcome.TRANSPORT_ERROR,
        "h2.H2Error": Outcome.TRANSPORT_ERROR,
        "aiohttp.ClientError": Outcome.TRANSPORT_ERROR,
        "ssl.SSLError": Outcome.TRANSPORT_ERROR,
        "socket.gaierror": Outcome.TRANSPORT_ERROR,
        "builtins.ConnectionError": Outcome.TRANSPORT_ERROR,
        "builtins.TimeoutError": Outcome.TRANSPORT_ERROR,
        "asyncio.TimeoutError": Outcome.TRANSPORT_ERROR,  # the same class from Python 3.11 on
        "json.JSONDecodeError": Outcome.MALFORMED,
        "builtins.UnicodeDecodeError": Outcome.MALFORMED,
        "zlib.error": Outcome.MALFORMED,
        "binascii.Error": Outcome.MALFORMED,
        "botocore.ParserError": Outcome.MALFORMED,
        "botocore.ResponseParserError": Outcome.MALFORMED,
        "midstream.StreamTruncatedError": Outcome.TRUNCATED,
        # Limits of workers, raised wherever the work happens to be.
        "billiard.SoftTimeLimitExceeded": Outcome.CANCELLED,
        "rq.BaseTimeoutException": Outcome.CANCELLED,
        "builtins.Exception": Outcome.CLIENT_ERROR,
        "builtins.GeneratorExit": Outcome.ABANDONED,
        "builtins.BaseException": Outcome.CANCELLED,
    }
)
"""By top-level package and name of a class; the most specific class of an exception's `__mro__` decides."""

_GROUPS: Final = frozenset({"builtins.BaseExceptionGroup", "exceptiongroup.BaseExceptionGroup"})

_HOPELESS: Final = frozenset(
    {
        "ssl.SSLCertVerificationError",
        "httpx.UnsupportedProtocol",
        "httpx2.UnsupportedProtocol",
        "httpx.TooManyRedirects",
        "httpx2.TooManyRedirects",
        "httpx.InvalidURL",
        "httpx2.InvalidURL",
        "httpcore.UnsupportedProtocol",
        "httpcore2.UnsupportedProtocol",
        "aiohttp.ClientConnectorCertificateError",
        "aiohttp.TooManyRedirects",
        "aiohttp.InvalidURL",
    }
)
"""The failures of a transport that the next attempt meets again."""

_PROXY: Final = "ProxyError"
_PROXY_REFUSES: Final = "407"
"""How the message of a proxy error begins if the proxy wants a password."""

_HTTP_CLIENTS: Final = frozenset({"httpx", "httpx2"})
_POOLS: Final = frozenset({"httpcore", "httpcore2"})
_TRANSPORTS: Final = _HTTP_CLIENTS | _POOLS | {"aiohttp", "anyio", "ssl", "h2", "h11"}
"""The packages whose own time limits are limits of the transport, not of the application."""

_BODY_READERS: Final = frozenset({"iter_raw", "aiter_raw"})
"""The methods of an HTTP client's response that everything else reads its body with."""

_SAYS_NOTHING: Final = "All connection attempts failed"
"""What anyio says of several attempts, where what each met is the reason."""

_MRO: Final[Callable[[type], tuple[type, ...]]] = type.__dict__["__mro__"].__get__
"""The classes that a class is made of, whatever its metaclass says they are."""

_MAX_CHAIN: Final = 16


class Link(NamedTuple):
    """An exception of a chain, with what its class alone says."""

    error: BaseException
    by_class: Outcome


Chain = list[Link]
"""An exception and what it was raised from, outermost first."""


def chain_of(error: BaseException) -> Chain:
    """The chain of `error`, at most 16 long."""
    return [Link(one, _by_class(type(one))) for one in causes(error, _MAX_CHAIN)]


def causes(error: BaseException, most: int) -> tuple[BaseException, ...]:
    """`error` and what it was raised from, outermost first, each once and at most `most` of them.

    A group of exceptions was raised from the only failure in it, and an exception of httpcore from the one that it
    wraps. No contexts: the application's own exceptions may be among them.
    """
    chain = [error]
    while len(chain) < most:
        cause = _only_failure_in(chain[-1]) or _wrapped_in(chain[-1]) or field(chain[-1], "__cause__")
        if not issubclass(type(cause), BaseException) or any(cause is one for one in chain):
            break
        chain.append(cast("BaseException", cause))
    return tuple(chain)


def qualified_name(kind: type) -> str:
    """The class's module and name as OpenTelemetry writes them: `httpx2.ReadError`, and `ValueError` for a builtin."""
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return text(name) or OTHER


def is_of(error: BaseException, name: str) -> bool:
    """Whether `error` is of the class that `name` names by top-level package and name."""
    return name in names_of(error)


def source_of(chain: Chain) -> BaseException | None:
    """The transport or decoding exception that names the failure. `None` if the chain has none.

    The innermost of the HTTP client's, else the outermost of any kind.
    """
    found = [one.error for one in chain if one.by_class in (Outcome.TRANSPORT_ERROR, Outcome.MALFORMED)]
    of_client = [error for error in found if _package(type(error)) in _HTTP_CLIENTS]
    return of_client[-1] if of_client else next(iter(found), None)


def reason_in(chain: Chain) -> str | None:
    """What the innermost exception of the transport says that says something, without bytes and URLs."""
    said = [error for error, by_class in chain if by_class is Outcome.TRANSPORT_ERROR or _is_of_the_system(error)]
    # Of several attempts to connect, the first is as good as any.
    said += filter(_is_of_the_system, _members(chain[-1].error)[:1])
    return next(filter(None, map(words_of, reversed(said))), None)


def is_group(error: BaseException) -> bool:
    """Whether `error` is a group of exceptions, which says nothing itself."""
    return not _GROUPS.isdisjoint(names_of(error))


def is_hopeless(chain: Chain) -> bool:
    """Whether no retry helps after this failure of a transport: the next attempt meets the same."""
    return any(
        not _HOPELESS.isdisjoint(names_of(error)) or _is_refused_by_proxy(error) or _is_refused_by_protocol(error)
        for error, _ in chain
    )


def stopped_by_the_application(chain: Chain) -> bool:
    """Whether the application stopped the call, even if the SDK or its HTTP client wrapped that like a failure.

    By a cancellation or a worker's limit, unless a time limit of the transport's made it, or by an exception out of
    a signal handler.
    """
    for error, by_class in chain:
        if _package(type(error)) in _TRANSPORTS:
            break
        if by_class is Outcome.CANCELLED and not is_group(error):
            return True
    return any(
        raised_by_signal_handler(field(error, "__traceback__"))
        for error, _ in chain
        if _package(type(error)) not in _LIBRARIES
    )


def raised_while_reading_a_body(error: BaseException) -> bool:
    """Whether `error` came out of the HTTP client's reading of a body, so that the headers had arrived."""
    return any(
        frame.f_code.co_name in _BODY_READERS
        and str(frame.f_globals.get("__name__")).partition(".")[0] in _HTTP_CLIENTS
        for frame in _frames(error)
    )


def _by_class(kind: type[BaseException]) -> Outcome:
    return next(EXCEPTION_OUTCOMES[name] for name in _names_of_class(kind) if name in EXCEPTION_OUTCOMES)


def names_of(error: BaseException) -> tuple[str, ...]:
    """By top-level package and name, the classes that `error` is made of, the most specific first."""
    return _names_of_class(type(error))


def _names_of_class(kind: type[BaseException]) -> tuple[str, ...]:
    """By top-level package and name, the classes that `kind` is made of, the most specific first."""
    found = attempt(_names_of.get, kind)
    if found is None:
        found = tuple(f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in _MRO(kind))
        attempt(_names_of.__setitem__, kind, found)
    return found


# There are few, and each is asked for several times. Weak, for the classes are the application's.
_names_of: Final[WeakKeyDictionary[type[BaseException], tuple[str, ...]]] = WeakKeyDictionary()


def _package(kind: type) -> str:
    return str(kind.__module__).partition(".")[0]


def _only_failure_in(error: BaseException) -> BaseException | None:
    """The failure in a group of exceptions, if there is just one. `None` for any other exception."""
    failures = [one for one in _members(error) if is_group(one) or _by_class(type(one)).is_failure]
    return failures[0] if len(failures) == 1 else None


def _members(error: BaseException) -> list[BaseException]:
    """The exceptions in a group, at most 16. Empty for any other exception."""
    members: object = field(error, "exceptions") if is_group(error) else ()
    if type(members) is not tuple:
        return []
    first = cast("tuple[object, ...]", members)[:_MAX_CHAIN]
    return [cast("BaseException", one) for one in first if issubclass(type(one), BaseException)]


def _wrapped_in(error: BaseException) -> BaseException | None:
    """The exception that one of httpcore's wraps as its argument."""
    arguments: object = field(error, "args") if _package(type(error)) in _POOLS else ()
    first = next(iter(cast("tuple[object, ...]", arguments)), None) if type(arguments) is tuple else None
    return cast("BaseException", first) if issubclass(type(first), BaseException) else None


def _is_of_the_system(error: BaseException) -> bool:
    return issubclass(type(error), OSError)


def words_of(error: BaseException) -> str | None:
    """What `error` of a transport says, without bytes and URLs. `None` if that is nothing."""
    number = whole(field(error, "errno")) if issubclass(type(error), ConnectionError) else None
    if number is not None:
        return f"[Errno {number}] {os.strerror(number)}"  # asyncio says what it called instead
    words = text(attempt(lambda: str(error)), 2 * MAX_MESSAGE_LENGTH)
    return None if words is None or words == _SAYS_NOTHING else without_quotes(words) or None


def _is_refused_by_protocol(error: BaseException) -> bool:
    """Whether a header of the request is not allowed, such as a key with a line break."""
    is_local = any(name.endswith("LocalProtocolError") for name in names_of(error))
    return is_local and "header" in (text(attempt(lambda: str(error))) or "").lower()


def _is_refused_by_proxy(error: BaseException) -> bool:
    if any(name.endswith(_PROXY) for name in names_of(error)):
        return (text(attempt(lambda: str(error))) or "").startswith(_PROXY_REFUSES) or (
            str(field(error, "status")) == _PROXY_REFUSES
        )
    return False


def _frames(error: BaseException) -> Iterator[FrameType]:
    """The frames of the traceback of `error`, outermost first."""
    traceback = error.__traceback__
    # No other class can be one, and only the real one is sure to end.
    return (frame for frame, _ in walk_tb(traceback if type(traceback) is TracebackType else None))


_LIBRARIES: Final = _TRANSPORTS | {"anthropic", "midstream", "asyncio", "socket", "wrapt", "contextlib"}
"""The packages between a call and the wire. None of them has signal handlers that raise."""
