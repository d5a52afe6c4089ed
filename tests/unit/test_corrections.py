"""The corrected exception of a failure, and what cannot be corrected."""

from __future__ import annotations

import ssl
from typing import Any

import anthropic
import pytest

from midstream import classify
from midstream._corrections.errors import Corrections, SdkErrors

ERRORS = SdkErrors(
    lambda _status: anthropic.RateLimitError,
    anthropic.APIConnectionError,
    anthropic.APITimeoutError,
    anthropic.APIResponseValidationError,
)


def corrected(error: BaseException) -> Any:
    return Corrections(ERRORS).of(classify(error), error)


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset"), ssl.SSLError(1, "bad record")])
def test_the_state_of_a_built_in_exception_is_kept(error: OSError) -> None:
    found = corrected(error)
    assert isinstance(found, anthropic.APIConnectionError)
    assert isinstance(found, type(error))
    assert (found.errno, found.strerror, found.args) == (error.errno, error.strerror, error.args)


def test_a_timeout_is_one_of_the_sdk() -> None:
    assert isinstance(corrected(TimeoutError("timed out")), anthropic.APITimeoutError)


def test_a_corrected_exception_does_not_claim_that_it_leaked() -> None:
    error = ConnectionResetError(104, "reset")
    assert str(classify(error)).endswith("; not an anthropic.APIError")
    without = str(classify(error)).removesuffix("; not an anthropic.APIError")
    assert str(corrected(error)) == without
    assert str(classify(corrected(error))) == f"{without}; corrected to anthropic.APIConnectionError"
    assert classify(corrected(error)) == classify(error)


@pytest.mark.parametrize("error", [ValueError("the application's"), KeyboardInterrupt(), KeyError("k")])
def test_an_exception_of_the_application_is_not_corrected(error: BaseException) -> None:
    assert corrected(error) is None


def test_a_class_that_cannot_be_made_is_warned_of_once_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class SealedError(ConnectionResetError):
        def __init_subclass__(cls) -> None:
            raise TypeError

    corrections = Corrections(ERRORS)
    for error in (SealedError(104, "reset"), SealedError(104, "reset")):
        assert corrections.of(classify(error), error) is None
    (warning,) = caplog.messages
    assert warning.startswith("cannot correct ")
    assert warning.endswith("SealedError with this version of the SDK: the application receives it unchanged")
