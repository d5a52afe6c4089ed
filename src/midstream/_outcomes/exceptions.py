"""What an exception means by its class, by its causes, and by the functions that it passed through.

Imports no SDK and no HTTP client: classes are known by their names. The tracebacks that are walked here belong to
exceptions; the frames of the running stack are the business of `_sdk`.
"""

from __future__ import annotations

import os
from traceback import walk_tb
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from weakref import ref

from midstream._guard import attempt
from midstream._interrupts import raised_by_signal_handler
from midstream._outcomes.failure import OTHER
from midstream._outcomes.redaction import without_quotes
from midstream._outcomes.values import MAX_TEXT_LENGTH, as_int, as_text, field, package_of, words_of
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


HTTP_CLIENTS: Final = frozenset({"httpx", "httpx2"})
"""The packages of the HTTP clients that the SDK uses: httpx2 from SDK 1.0 on."""

_POOLS: Final = frozenset({"httpcore", "httpcore2"})
_TRANSPORTS: Final = HTTP_CLIENTS | _POOLS | {"aiohttp", "anyio", "ssl", "h2", "h11"}
"""The packages whose own time limits are limits of the transport, not of the application."""

_LIBRARIES: Final = _TRANSPORTS | {"anthropic", "midstream", "asyncio", "socket", "wrapt", "contextlib"}
"""The packages between a call and the wire. None of them has signal handlers that raise."""


def _each(packages: Iterable[str], *names: str) -> tuple[str, ...]:
    return tuple(f"{package}.{name}" for package in sorted(packages) for name in names)


EXCEPTION_OUTCOMES: Final[Mapping[str, Outcome]] = MappingProxyType(
    {
        # An in-band error has this class, too: then its observed status is a success.
        "anthropic.APIStatusError": Outcome.HTTP_ERROR,
        "anthropic.APIConnectionError": Outcome.CONNECTION_ERROR,
        **dict.fromkeys(
            (
                *_each(HTTP_CLIENTS, "TransportError", "TooManyRedirects"),
                *_each(_POOLS, "NetworkError", "TimeoutException", "ProtocolError", "ProxyError"),
                *_each(_POOLS, "ConnectionNotAvailable"),  # escapes where a GOAWAY disowns an open stream
                "h2.H2Error",
                "aiohttp.ClientError",
                "ssl.SSLError",
                "socket.gaierror",
                "builtins.ConnectionError",
                "builtins.TimeoutError",
                "asyncio.TimeoutError",  # the same class from Python 3.11 on
            ),
            Outcome.TRANSPORT_ERROR,
        ),
        **dict.fromkeys(
            (
                *_each(HTTP_CLIENTS, "DecodingError"),
                "json.JSONDecodeError",
                "builtins.UnicodeDecodeError",
                "zlib.error",
                "binascii.Error",
                "botocore.ParserError",
                "botocore.ResponseParserError",
            ),
            Outcome.MALFORMED,
        ),
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

_HOPELESS: Final = frozenset(
    {
        "ssl.SSLCertVerificationError",
        *_each(HTTP_CLIENTS, "UnsupportedProtocol", "TooManyRedirects", "InvalidURL"),
        *_each(_POOLS, "UnsupportedProtocol"),
        *_each(["aiohttp"], "ClientConnectorCertificateError", "TooManyRedirects", "InvalidURL"),
    }
)
"""The failures of a transport that the next attempt meets again."""

_GROUPS: Final = frozenset({"builtins.BaseExceptionGroup", "exceptiongroup.BaseExceptionGroup"})

_PROXY_REFUSES: Final = "407"
"""The status of a proxy that requires a password, with which the message of its error begins."""

_BODY_READERS: Final = frozenset({"iter_raw", "aiter_raw"})
"""The methods of an HTTP client's response that everything else reads its body with."""

_SAYS_NOTHING: Final = "All connection attempts failed"
"""anyio's message after several attempts, where the exception of each attempt is the reason."""

_MRO: Final[Callable[[type], tuple[type, ...]]] = type.__dict__["__mro__"].__get__
"""The classes that a class is made of, even if its metaclass lies about them."""

_MAX_CHAIN: Final = 16


class Link(NamedTuple):
    """An exception of a chain, with the outcome that its class alone implies."""

    error: BaseException
    by_class: Outcome


Chain = list[Link]
"""An exception and its causes, outermost first."""


def chain_of(error: BaseException) -> Chain:
    """The chain of `error`, at most 16 long."""
    return [Link(link, _by_class(type(link))) for link in causes(error, _MAX_CHAIN)]


def causes(error: BaseException, longest: int) -> tuple[BaseException, ...]:
    """`error` and its causes, outermost first, each once and at most `longest` of them.

    The cause of a group of exceptions is the only failure in it, and that of an exception of httpcore is the one that
    it wraps. `__context__` does not count: the application's own exceptions may be among them.
    """
    chain = [error]
    while len(chain) < longest:
        cause = _only_failure_in(chain[-1]) or _wrapped_in(chain[-1]) or field(chain[-1], "__cause__")
        if not issubclass(type(cause), BaseException) or any(cause is link for link in chain):
            break
        chain.append(cast("BaseException", cause))
    return tuple(chain)


def names_of(error: BaseException) -> tuple[str, ...]:
    """By top-level package and name, the classes that `error` is made of, the most specific first."""
    return _names_of_class(type(error))


def is_of(error: BaseException, name: str) -> bool:
    """Whether `error` is an instance of the class with this top-level package and name."""
    return name in names_of(error)


def qualified_name(kind: type) -> str:
    """The class's module and name as OpenTelemetry writes them: `httpx2.ReadError`, and `ValueError` for a builtin."""
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return as_text(name) or OTHER


def source_of(chain: Chain) -> BaseException | None:
    """The transport or decoding exception that names the failure. `None` if the chain has none.

    The innermost of the HTTP client, else the outermost of any kind.
    """
    found = [error for error, by_class in chain if by_class in (Outcome.TRANSPORT_ERROR, Outcome.MALFORMED)]
    of_client = [error for error in found if package_of(type(error).__module__) in HTTP_CLIENTS]
    return of_client[-1] if of_client else next(iter(found), None)


def reason_in(chain: Chain) -> str | None:
    """The reason that the innermost exception of the transport gives, if any does, without bytes and URLs."""
    found = [error for error, by_class in chain if by_class is Outcome.TRANSPORT_ERROR or _is_of_the_system(error)]
    # Of several attempts to connect, the first is as good as any.
    found += filter(_is_of_the_system, _members(chain[-1].error)[:1])
    return next(filter(None, map(reason_of, reversed(found))), None)


def reason_of(error: BaseException) -> str | None:
    """The reason that `error` of a transport gives, without bytes and URLs. `None` if it gives none."""
    number = as_int(field(error, "errno")) if issubclass(type(error), ConnectionError) else None
    if number is not None:
        return f"[Errno {number}] {os.strerror(number)}"  # asyncio names the function that it called instead
    words = words_of(error, MAX_TEXT_LENGTH)
    return None if words is None or words == _SAYS_NOTHING else without_quotes(words) or None


def is_hopeless(chain: Chain) -> bool:
    """Whether no retry helps after this failure of a transport: the next attempt meets the same."""
    return any(not _HOPELESS.isdisjoint(names_of(error)) or _is_refused(error) for error, _ in chain)


def stopped_by_the_application(chain: Chain) -> bool:
    """Whether the application stopped the call, even if the SDK or its HTTP client wrapped that like a failure.

    By a cancellation or a worker's limit, unless it comes from a time limit of the transport, or by an exception out
    of a signal handler.
    """
    for error, by_class in chain:
        if package_of(type(error).__module__) in _TRANSPORTS:
            break
        if by_class is Outcome.CANCELLED and not _is_group(error):
            return True
    return any(
        raised_by_signal_handler(field(error, "__traceback__"))
        for error, _ in chain
        if package_of(type(error).__module__) not in _LIBRARIES
    )


def raised_while_reading_a_body(error: BaseException) -> bool:
    """Whether the HTTP client raised `error` while it read a body, so that the headers had arrived."""
    return any(name in _BODY_READERS and package in HTTP_CLIENTS for package, name in functions_of(error))


def functions_of(error: BaseException) -> Iterator[tuple[str, str]]:
    """The functions that `error` passed through, outermost first, each with its top-level package."""
    traceback = attempt(lambda: error.__traceback__)
    # No other class can be a traceback, and only the real one is sure to end.
    for frame, _ in walk_tb(traceback if type(traceback) is TracebackType else None):
        yield package_of(frame.f_globals.get("__name__")), frame.f_code.co_name


def _by_class(kind: type[BaseException]) -> Outcome:
    return next(EXCEPTION_OUTCOMES[name] for name in _names_of_class(kind) if name in EXCEPTION_OUTCOMES)


def _names_of_class(kind: type[BaseException]) -> tuple[str, ...]:
    key = id(kind)
    found = _names.get(key)
    if found is not None and found[0]() is kind:
        return found[1]
    names = tuple(f"{package_of(base.__module__)}.{base.__name__}" for base in _MRO(kind))
    _names[key] = (ref(kind, lambda _: _names.pop(key, None)), names)
    return names


# There are few classes, and each is looked up several times. Weak, because they belong to the application, and by id,
# because its metaclasses may have another hash.
_names: Final[dict[int, tuple[ref[type[BaseException]], tuple[str, ...]]]] = {}


def _is_group(error: BaseException) -> bool:
    return not _GROUPS.isdisjoint(names_of(error))


def _only_failure_in(error: BaseException) -> BaseException | None:
    """The failure in a group of exceptions, if there is just one. `None` for any other exception."""
    failures = [member for member in _members(error) if _is_group(member) or _by_class(type(member)).is_failure]
    return failures[0] if len(failures) == 1 else None


def _members(error: BaseException) -> list[BaseException]:
    """The exceptions in a group, at most 16. Empty for any other exception."""
    members: object = field(error, "exceptions") if _is_group(error) else ()
    if type(members) is not tuple:
        return []
    first = cast("tuple[object, ...]", members)[:_MAX_CHAIN]
    return [cast("BaseException", member) for member in first if issubclass(type(member), BaseException)]


def _wrapped_in(error: BaseException) -> BaseException | None:
    """The exception that an exception of httpcore has as its argument."""
    arguments: object = field(error, "args") if package_of(type(error).__module__) in _POOLS else ()
    first = next(iter(cast("tuple[object, ...]", arguments)), None) if type(arguments) is tuple else None
    return cast("BaseException", first) if issubclass(type(first), BaseException) else None


def _is_of_the_system(error: BaseException) -> bool:
    return issubclass(type(error), OSError)


def _is_refused(error: BaseException) -> bool:
    """Whether a proxy requires a password, or a header is not allowed, such as a key with a line break."""
    names = names_of(error)
    if any(name.endswith("LocalProtocolError") for name in names):
        return "header" in (words_of(error) or "").lower()
    if any(name.endswith("ProxyError") for name in names):
        status = str(field(error, "status"))
        return status == _PROXY_REFUSES or (words_of(error) or "").startswith(_PROXY_REFUSES)
    return False
