"""Exceptions that frameworks raise from the SDK's, and what stops a call that is the application's."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from midstream._outcomes import Failure, Outcome, StreamWatch, classify
from support.clients import HTTP_PACKAGE
from support.sdk_errors import body_of, http, http_error, in_band_error, request_raising

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class FrameworkError(Exception):
    """What a framework raises."""


class StatusOnlyError(FrameworkError):
    """What a framework raises that copies the status and drops the cause."""

    def __init__(self, status_code: int, body: object = None) -> None:
        super().__init__("the framework's words, which can quote the prompt")
        self.status_code = status_code
        self.body = body


def raised_from(cause: BaseException) -> BaseException:
    error = FrameworkError()
    error.__cause__ = cause
    return error


def essence(failure: Failure) -> tuple[Any, ...]:
    return (
        failure.outcome,
        failure.error_type,
        failure.status_code,
        failure.retryable,
        failure.leaked,
        failure.misreported,
        failure.request_id,
        failure.message,
    )


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: in_band_error(body_of("overloaded_error")), id="an error in band"),
        pytest.param(
            lambda: http_error(429, body_of("rate_limit_error"), {"retry-after": "3"}), id="an HTTP error with headers"
        ),
        pytest.param(lambda: request_raising(http.ConnectError("refused")), id="a connection error"),
        pytest.param(lambda: http.ReadError("reset"), id="a leaked transport error"),
        pytest.param(lambda: UnicodeDecodeError("utf-8", b"x", 0, 1, "x"), id="a decoding error"),
    ],
)
def test_what_a_framework_raises_from_a_failure_is_that_failure(make: Callable[[], BaseException]) -> None:
    cause = make()
    expected = classify(cause)
    for wrapped in (raised_from(cause), raised_from(raised_from(cause))):
        found = classify(wrapped)
        assert essence(found) == essence(expected)
        assert (found.retry_after, found.exception_type) == (
            expected.retry_after,
            f"{FrameworkError.__module__}.FrameworkError",
        )


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups of exceptions came with Python 3.11")
def test_a_group_is_the_only_failure_in_it() -> None:
    group: Any = __import__("builtins").BaseExceptionGroup
    cause = in_band_error(body_of("overloaded_error"))
    alone = group("", [group("", [asyncio.CancelledError(), cause])])
    assert essence(classify(alone)) == essence(classify(cause))
    assert essence(classify(raised_from(alone))) == essence(classify(cause))
    assert classify(group("", [cause, http.ReadError("reset")])).status_code is None


def test_without_a_cause_the_status_of_the_wrapper_decides() -> None:
    failure = classify(StatusOnlyError(529, body_of("overloaded_error")))
    assert essence(failure) == (
        Outcome.HTTP_ERROR,
        "overloaded_error",
        529,
        True,
        True,
        False,
        "req_body",
        "No luck",
    )
    assert classify(StatusOnlyError(503)).error_type == "503"
    assert classify(StatusOnlyError(200)).outcome is Outcome.CLIENT_ERROR
    assert classify(raised_from(StatusOnlyError(400))).status_code == 400


def test_a_cause_takes_precedence_over_the_status_of_the_wrapper() -> None:
    error = StatusOnlyError(500)
    error.__cause__ = in_band_error(body_of("overloaded_error"))
    assert (classify(error).outcome, classify(error).status_code) == (Outcome.IN_BAND_ERROR, 529)


def test_an_api_error_that_was_raised_from_a_leak_does_not_leak() -> None:
    error = anthropic.APIError("m", http.Request("POST", "http://api.test"), body=None)
    error.__cause__ = http.ReadError("reset")
    assert (classify(error).outcome, classify(error).leaked) == (Outcome.TRANSPORT_ERROR, False)


# --- no retry helps --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        http.UnsupportedProtocol("ftp"),
        http.TooManyRedirects("20"),
        http.ProxyError("407 Proxy Authentication Required"),
        http.ConnectError("certificate verify failed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_that_the_next_attempt_meets_again_is_not_retryable(error: Exception) -> None:
    if isinstance(error, http.ConnectError):
        error.__cause__ = ssl.SSLCertVerificationError(1, "certificate verify failed")
    assert classify(request_raising(error)).retryable is False
    assert classify(request_raising(http.ProxyError("502 Bad Gateway"))).retryable is True


# --- what stops a call that is the application's ----------------------------------------------------------------


class LimitReachedError(Exception):
    """What a worker raises out of a signal handler."""


def plain(_signum: int, _frame: FrameType | None) -> None:
    raise LimitReachedError


def deep(*_arguments: object) -> None:
    _raise()


def _raise() -> None:
    raise TimeoutError


def interrupted_by(handler: Any) -> Exception:
    """What a handler raises in the middle of something."""
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        signal.raise_signal(signal.SIGUSR1)
    except Exception as error:  # noqa: BLE001 - any is what is looked at
        return error
    finally:
        signal.signal(signal.SIGUSR1, before)
    raise AssertionError


@pytest.mark.parametrize("handler", [plain, deep])
def test_an_exception_from_a_signal_handler_is_the_applications_however_wrapped(handler: Any) -> None:
    error = interrupted_by(handler)
    pool_error = http.ReadTimeout("as httpcore maps it")
    pool_error.__cause__ = error
    for stopped in (error, request_raising(error), request_raising(pool_error)):
        failure = classify(stopped)
        assert (failure.outcome, failure.leaked, failure.retryable) == (Outcome.CANCELLED, False, False)
    watch = StreamWatch()
    watch.open()
    verdict = watch.failed(error)
    assert verdict is not None
    assert verdict.outcome is Outcome.CANCELLED


def takes_a_frame(_number: int, name: str) -> None:
    raise LimitReachedError(name)


def test_a_function_that_merely_takes_two_arguments_is_not_a_signal_handler() -> None:
    with pytest.raises(LimitReachedError) as caught:
        takes_a_frame(1, "x")
    assert classify(request_raising(caught.value)).outcome is Outcome.CONNECTION_ERROR


def test_a_deadline_of_the_applications_is_its_own_and_one_of_the_transport_is_not() -> None:
    deadline = TimeoutError()
    deadline.__cause__ = asyncio.CancelledError()
    assert classify(request_raising(deadline)).outcome is Outcome.CANCELLED
    of_transport = http.ReadTimeout("slow")
    of_transport.__cause__ = deadline
    assert classify(request_raising(of_transport)).outcome is Outcome.CONNECTION_ERROR
    assert classify(request_raising(TimeoutError())).error_type == "TimeoutError"


class SoftTimeLimitExceeded(Exception):  # noqa: N818 - the name is billiard's
    """Like billiard's, which need not be installed."""

    __module__ = "billiard.exceptions"


def test_a_workers_soft_limit_is_the_applications() -> None:
    assert classify(request_raising(SoftTimeLimitExceeded())).outcome is Outcome.CANCELLED


# --- what names a failure ------------------------------------------------------------------------------------------


def test_the_innermost_exception_names_a_failure_that_nothing_else_names() -> None:
    error = anthropic.APIConnectionError(request=http.Request("POST", "http://api.test"))
    error.__cause__ = RuntimeError()
    error.__cause__.__cause__ = KeyError("x")
    assert classify(error).error_type == "KeyError"


def test_a_pool_names_the_exception_that_it_wraps() -> None:
    pool: Any = __import__(HTTP_PACKAGE.replace("httpx", "httpcore"))
    error = http.ConnectError("certificate verify failed")
    error.__cause__ = pool.ConnectError(ssl.SSLCertVerificationError(1, "certificate verify failed"))
    assert classify(request_raising(error)).retryable is False


def test_an_http_error_that_the_sdk_wrapped_like_a_broken_connection_is_an_http_error() -> None:
    """A middleware raised it, and the SDK treats that as a failed connection."""
    error = anthropic.APIConnectionError(request=http.Request("POST", "http://api.test"))
    error.__cause__ = http_error(429, body_of("rate_limit_error"))
    failure = classify(error)
    assert (failure.outcome, failure.status_code) == (Outcome.HTTP_ERROR, 429)
