"""What every verdict must be, whatever it is about: the contract of docs/telemetry.md as assertions."""

from __future__ import annotations

import asyncio
import builtins
import math
from typing import TYPE_CHECKING, Any, Final

import anthropic

from midstream._outcomes import Outcome, Phase
from support.clients import HTTP_PACKAGE
from support.exception_kinds import exceptions_in, importable, sdk_exceptions
from support.hostile import Explosive, assert_harmless, raising
from support.sdk_errors import body_of, http, http_error, in_band_error, request_raising

if TYPE_CHECKING:
    from midstream._outcomes import Failure, Verdict

__all__ = ("assert_allowed", "every_exception")

_WITH_STATUS: Final = (Outcome.HTTP_ERROR, Outcome.IN_BAND_ERROR)
_OUT_OF_A_BODY: Final = (Outcome.IN_BAND_ERROR, Outcome.TRANSPORT_ERROR, Outcome.MALFORMED, Outcome.TRUNCATED)


def assert_allowed(verdict: Verdict) -> None:
    """Whether the parts of `verdict` agree, and each of them can be recorded."""
    outcome, failure = verdict.outcome, verdict.failure
    assert type(outcome) is Outcome
    assert outcome.is_failure == (failure is not None)
    if failure is not None:
        assert failure.outcome is outcome
        _assert_allowed_failure(failure, opened=verdict.opened)
    _assert_exact(verdict)


def _assert_allowed_failure(failure: Failure, *, opened: bool) -> None:
    assert_harmless(failure)
    outcome = failure.outcome
    assert type(failure.phase) is Phase
    if opened:
        assert outcome is not Outcome.CONNECTION_ERROR
        assert failure.phase is not Phase.REQUEST
    if outcome in _OUT_OF_A_BODY:
        assert failure.phase is not Phase.REQUEST
    effective, reported = failure.status_code, failure.reported_status_code
    assert (effective is not None) == (outcome in _WITH_STATUS)
    assert failure.misreported == (None not in (effective, reported) and effective != reported)
    assert not (failure.leaked and failure.exception_type is None)
    if outcome is Outcome.TRUNCATED:
        told = (failure.error_type, failure.leaked, failure.retryable, failure.exception_type, reported)
        assert told == ("stream_truncated", False, True, None, None)
    if outcome is not Outcome.IN_BAND_ERROR:
        assert failure.in_band_request_id is None


def _assert_exact(verdict: Verdict) -> None:
    answer = verdict.answer
    for value in answer:
        assert value is None or type(value) in (str, int)
        assert type(value) is not int or 0 <= value < 2**63
    for text in (answer.id, answer.model, answer.stop_reason, verdict.last_event):
        assert text is None or (text.encode().decode() == text and 0 < len(text) <= 128)
    assert (type(verdict.received), verdict.received >= 0) == (int, True)
    for number in (verdict.longest_wait, verdict.ended_at, verdict.first_chunk_at or 0.0):
        assert math.isfinite(number)
        assert number >= 0
    assert verdict.first_chunk_at is None or verdict.first_chunk_at <= verdict.ended_at


def every_exception() -> list[BaseException]:
    """One of each kind that can come out of the SDK, and some that hardly can."""
    as_raised = [
        in_band_error(body_of("overloaded_error")),
        in_band_error("no json"),
        http_error(529, body_of("overloaded_error")),
        http_error(502, "<html>"),
        request_raising(http.ConnectError("refused")),
        request_raising(http.ReadTimeout("slow")),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"),
    ]
    clients = [
        kind
        for package in importable(HTTP_PACKAGE, "httpcore", "httpcore2", "aiohttp")
        for kind in sorted(exceptions_in(package), key=lambda one: one.__name__)
    ]
    plain = (
        *(Exception, ValueError, TimeoutError, ConnectionResetError, RecursionError, MemoryError, RuntimeError),
        *(StopIteration, StopAsyncIteration),
        *(BaseException, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError),
    )
    sdk = sorted(sdk_exceptions(), key=lambda one: one.__name__)
    # Without their construction, as a copy or a pickle makes them: most have no attributes at all.
    kinds: list[type[BaseException]] = [*sdk, *clients, *plain]
    bare = [kind.__new__(kind) for kind in kinds]
    return [*as_raised, *bare, *_groups(), *_hostile()]


def _groups() -> list[BaseException]:
    group_of: Any = getattr(builtins, "BaseExceptionGroup", None)  # Python 3.11 and later
    if group_of is None:
        return []
    group = group_of("of two", [ValueError("one"), http.ReadError("two")])
    return [group, group_of("of two", [group, KeyboardInterrupt()])]


def _hostile() -> list[BaseException]:
    cyclic = http.ReadError("of itself")
    cyclic.__cause__ = cyclic
    lies: list[dict[str, Any]] = [
        {"__getattribute__": raising},
        {"__str__": raising, "__repr__": raising, "__eq__": raising, "__hash__": raising, "__bool__": raising},
        {"status_code": 10**30, "response": Explosive(), "body": Explosive(), "type": Explosive()},
        {"__class__": property(raising), "__cause__": property(raising), "__traceback__": property(raising)},
        {"__module__": None},
    ]
    kinds: list[type[BaseException]] = [
        _kind("Odd", base, lie)
        for base in (anthropic.APIStatusError, anthropic.APIConnectionError, http.ReadError, ValueError)
        for lie in lies
    ]
    return [cyclic, *(kind.__new__(kind) for kind in kinds)]


def _kind(name: str, base: type[BaseException], members: dict[str, Any]) -> Any:
    made: Any = type(name, (base,), dict(members))
    return made
