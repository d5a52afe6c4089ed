"""What the class of an exception implies, by its name and those of its base classes.

Imports no SDK and no HTTP client: a class is known by its top-level package and its name.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from midstream._outcomes.failure import OTHER
from midstream._outcomes.values import as_text, forgotten_with, mro_of, package_of
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from weakref import ref


HTTP_CLIENTS: Final = frozenset({"httpx", "httpx2"})
"""The packages of the HTTP clients that the SDK uses: httpx2 from SDK 1.0 on."""

POOLS: Final = frozenset({"httpcore", "httpcore2"})
TRANSPORTS: Final = HTTP_CLIENTS | POOLS | {"aiohttp", "anyio", "ssl", "h2", "h11"}
"""The packages whose own time limits are limits of the transport, not of the application."""

LIBRARIES: Final = TRANSPORTS | {"anthropic", "midstream", "asyncio", "socket", "wrapt", "contextlib"}
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
                *_each(POOLS, "NetworkError", "TimeoutException", "ProtocolError", "ProxyError"),
                *_each(POOLS, "ConnectionNotAvailable"),  # escapes where a GOAWAY disowns an open stream
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

HOPELESS: Final = frozenset(
    {
        "ssl.SSLCertVerificationError",
        *_each(HTTP_CLIENTS, "UnsupportedProtocol", "TooManyRedirects", "InvalidURL"),
        *_each(POOLS, "UnsupportedProtocol"),
        *_each(["aiohttp"], "ClientConnectorCertificateError", "TooManyRedirects", "InvalidURL"),
    }
)
"""The failures of a transport that the next attempt meets again."""

_GROUPS: Final = frozenset({"builtins.BaseExceptionGroup", "exceptiongroup.BaseExceptionGroup"})

_API_ERROR: Final = "anthropic.APIError"


class ErrorClass:
    """What a class of exceptions implies. Does not refer to the class."""

    __slots__ = ("is_api_error", "is_group", "name", "names", "outcome", "package")

    def __init__(self, kind: type[BaseException]) -> None:
        self.package: Final = package_of(kind.__module__)
        self.name: Final = qualified_name(kind)
        self.names: Final = tuple(f"{package_of(base.__module__)}.{base.__name__}" for base in mro_of(kind))
        """By top-level package and name, the classes that it is made of, the most specific first."""
        self.outcome: Final = next(EXCEPTION_OUTCOMES[name] for name in self.names if name in EXCEPTION_OUTCOMES)
        self.is_api_error: Final = _API_ERROR in self.names
        self.is_group: Final = not _GROUPS.isdisjoint(self.names)


def class_of(error: BaseException) -> ErrorClass:
    """What the class of `error` implies."""
    kind = type(error)
    key = id(kind)
    found = _known.get(key)
    if found is not None and found[0]() is kind:
        return found[1]
    made = ErrorClass(kind)
    _known[key] = (forgotten_with(kind, _known), made)
    return made


# There are few classes. Weak, because they belong to the application, and by id, because its metaclasses may have
# another hash.
_known: Final[dict[int, tuple[ref[type[BaseException]], ErrorClass]]] = {}


def qualified_name(kind: type) -> str:
    """The class's module and name as OpenTelemetry writes them: `httpx2.ReadError`, and `ValueError` for a builtin."""
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return as_text(name) or OTHER
