"""What an exception means by its causes, and by the functions that it passed through.

The tracebacks that are walked here belong to exceptions; the frames of the running stack are the business of `_sdk`.
"""

from __future__ import annotations

import os
from traceback import walk_tb
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from midstream._guard import attempt
from midstream._interrupts import raised_by_signal_handler
from midstream._outcomes.error_classes import HOPELESS, HTTP_CLIENTS, LIBRARIES, POOLS, TRANSPORTS, ErrorClass, class_of
from midstream._outcomes.redaction import without_quotes
from midstream._outcomes.values import MAX_TEXT_LENGTH, as_int, field, package_of, words_of
from midstream._outcomes.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator


_PROXY_REFUSES: Final = "407"
"""The status of a proxy that requires a password, with which the message of its error begins."""

_BODY_READERS: Final = frozenset({"iter_raw", "aiter_raw"})
"""The methods of an HTTP client's response that everything else reads its body with."""

_SAYS_NOTHING: Final = "All connection attempts failed"
"""anyio's message after several attempts, where the exception of each attempt is the reason."""

_MAX_CHAIN: Final = 16


class Link(NamedTuple):
    """An exception of a chain, with what its class alone implies."""

    error: BaseException
    kind: ErrorClass


Chain = list[Link]
"""An exception and its causes, outermost first."""


def chain_of(error: BaseException) -> Chain:
    """The chain of `error`, at most 16 long."""
    return [Link(link, class_of(link)) for link in causes(error, _MAX_CHAIN)]


def causes(error: BaseException, longest: int) -> tuple[BaseException, ...]:
    """`error` and its causes, outermost first, each once and at most `longest` of them.

    The cause of a group of exceptions is the only failure in it, and that of an exception of httpcore is the one that
    it wraps. `__context__` does not count: the application's own exceptions may be among them.
    """
    chain = [error]
    while len(chain) < longest:
        cause = _cause_of(chain[-1])
        if not issubclass(type(cause), BaseException) or any(cause is link for link in chain):
            break
        chain.append(cast("BaseException", cause))
    return tuple(chain)


def _cause_of(error: BaseException) -> object:
    kind = class_of(error)
    inner = _only_failure_in(error) if kind.is_group else _wrapped_in(error) if kind.package in POOLS else None
    return attempt(getattr, error, "__cause__", None) if inner is None else inner


def source_of(chain: Chain) -> BaseException | None:
    """The transport or decoding exception that names the failure. `None` if the chain has none.

    The innermost of the HTTP client, else the outermost of any kind.
    """
    found = [link for link in chain if link.kind.outcome in (Outcome.TRANSPORT_ERROR, Outcome.MALFORMED)]
    of_client = [link.error for link in found if link.kind.package in HTTP_CLIENTS]
    return of_client[-1] if of_client else found[0].error if found else None


def reason_in(chain: Chain) -> str | None:
    """The reason that the innermost exception of the transport gives, if any does, without bytes and URLs."""
    found = [error for error, kind in chain if kind.outcome is Outcome.TRANSPORT_ERROR or _is_of_the_system(error)]
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
    return any(not HOPELESS.isdisjoint(link.kind.names) or _is_refused(link) for link in chain)


def stopped_by_the_application(chain: Chain) -> bool:
    """Whether the application stopped the call, even if the SDK or its HTTP client wrapped that like a failure.

    By a cancellation or a worker's limit, unless it comes from a time limit of the transport, or by an exception out
    of a signal handler.
    """
    for _, kind in chain:
        if kind.package in TRANSPORTS:
            break
        if kind.outcome is Outcome.CANCELLED and not kind.is_group:
            return True
    strange = [error for error, kind in chain if kind.package not in LIBRARIES]
    return any(raised_by_signal_handler(field(error, "__traceback__")) for error in strange)


def raised_while_reading_a_body(error: BaseException) -> bool:
    """Whether the HTTP client raised `error` while it read a body, so that the headers had arrived."""
    return any(name in _BODY_READERS and package in HTTP_CLIENTS for package, name in functions_of(error))


def functions_of(error: BaseException) -> Iterator[tuple[str, str]]:
    """The functions that `error` passed through, outermost first, each with its top-level package."""
    traceback = attempt(lambda: error.__traceback__)
    # No other class can be a traceback, and only the real one is sure to end.
    for frame, _ in walk_tb(traceback if type(traceback) is TracebackType else None):
        yield package_of(frame.f_globals.get("__name__")), frame.f_code.co_name


def _only_failure_in(error: BaseException) -> BaseException | None:
    """The failure in a group of exceptions, if there is just one."""
    failures = [member for member in _members(error) if _is_failure(class_of(member))]
    return failures[0] if len(failures) == 1 else None


def _is_failure(kind: ErrorClass) -> bool:
    return kind.is_group or kind.outcome.is_failure


def _members(error: BaseException) -> list[BaseException]:
    """The exceptions in a group, at most 16. Empty for any other exception."""
    members: object = field(error, "exceptions") if class_of(error).is_group else ()
    if type(members) is not tuple:
        return []
    first = cast("tuple[object, ...]", members)[:_MAX_CHAIN]
    return [cast("BaseException", member) for member in first if issubclass(type(member), BaseException)]


def _wrapped_in(error: BaseException) -> BaseException | None:
    """The exception that an exception of httpcore has as its argument."""
    arguments: object = field(error, "args")
    first = next(iter(cast("tuple[object, ...]", arguments)), None) if type(arguments) is tuple else None
    return cast("BaseException", first) if issubclass(type(first), BaseException) else None


def _is_of_the_system(error: BaseException) -> bool:
    return issubclass(type(error), OSError)


def _is_refused(link: Link) -> bool:
    """Whether a proxy requires a password, or a header is not allowed, such as a key with a line break."""
    error, names = link.error, link.kind.names
    if any(name.endswith("LocalProtocolError") for name in names):
        return "header" in (words_of(error) or "").lower()
    if any(name.endswith("ProxyError") for name in names):
        status = str(field(error, "status"))
        return status == _PROXY_REFUSES or (words_of(error) or "").startswith(_PROXY_REFUSES)
    return False
