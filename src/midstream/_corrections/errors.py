"""A failure -> the exception that the SDK should have raised for it.

A corrected exception is an instance of the SDK's class for what happened and of the class that the SDK raised, so
existing `except` clauses catch it as before. `__cause__` is the original.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from midstream._guard import attempt
from midstream._outcomes.classify import classify
from midstream._outcomes.corrected import CorrectedError
from midstream._outcomes.error_classes import qualified_name
from midstream._outcomes.vocabulary import Outcome, StreamTruncatedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream._outcomes.failure import Failure

_log: Final = logging.getLogger("midstream")

_MAX_CLASSES: Final = 256
_TIMEOUTS: Final = frozenset({"TimeoutException", "TimeoutError"})
_OF_A_CONNECTION: Final = frozenset(
    {Outcome.TRANSPORT_ERROR, Outcome.CONNECTION_ERROR, Outcome.MALFORMED, Outcome.TRUNCATED}
)


@dataclass(frozen=True)
class SdkErrors:
    """The exception classes of the installed SDK."""

    of_status: Callable[[int], type[Exception]]
    """The class for an HTTP status from 400 on, as the SDK chooses it."""
    connection: type[Exception]
    timeout: type[Exception]
    invalid: type[Exception]
    """For what arrived instead of an answer, and would again: the usual retry ladder does not repeat it."""


class Corrections:
    """Makes corrected exceptions with the classes of one SDK."""

    def __init__(self, errors: SdkErrors) -> None:
        self._errors = errors
        self._has_warned = False

    def of(self, failure: Failure, original: BaseException | None, response: Any = None) -> CorrectedError | None:
        """The exception that the SDK should have raised for `failure`, in place of `original`.

        `original` is `None` if the SDK raised nothing. `response` is the SDK's HTTP response, `None` if there is none.
        Returns `None` where the SDK is right, and, with one warning, where no class can be made. Never raises.
        """
        if attempt(_is_right, failure, original) is not False:
            return None
        made = attempt(self._made, failure, original, response)
        if made is None and not self._has_warned:
            self._has_warned = True
            name = failure.exception_type or failure.error_type
            _log.warning("cannot correct %s with this version of the SDK: the application receives it unchanged", name)
        return made

    def _made(self, failure: Failure, original: BaseException | None, response: Any) -> CorrectedError:
        status = failure.status_code if failure.outcome is Outcome.IN_BAND_ERROR else None
        if status is not None:
            sdk_class = self._errors.of_status(status)
        elif failure.outcome is Outcome.MALFORMED and not failure.retryable:
            sdk_class = self._errors.invalid
        else:
            sdk_class = self._errors.timeout if _is_timeout(original) else self._errors.connection
        raised: BaseException | None = original
        if original is None and failure.outcome is Outcome.TRUNCATED:
            raised = StreamTruncatedError()
        error = rebuilt(sdk_class, None if raised is None else type(raised), () if raised is None else raised.args)
        # What an exception of the SDK's class has, where the original is of another class and lacks it.
        state: dict[str, Any] = {"message": str(replace(failure, leaked=False)), "body": None}
        if response is not None:
            state |= {"request": response.request}
        if response is not None and sdk_class not in (self._errors.timeout, self._errors.connection):
            state |= {"response": response, "status_code": response.status_code}
            state |= {"request_id": failure.request_id, "type": failure.error_type}
        state |= {} if raised is None else vars(raised)
        for name, value in state.items():
            setattr(error, name, value)
        if status is not None:
            cast("Any", error).status_code = status
        of_original = failure if original is None else classify(original)
        of_original = of_original if of_original.outcome is failure.outcome else failure
        error.failure = replace(of_original, corrected_type=qualified_name(type(error)))
        error.__cause__ = original
        return error


def rebuilt(
    sdk_class: type[Exception], raised: type[BaseException] | None, arguments: tuple[Any, ...]
) -> CorrectedError:
    """A corrected exception without its instance attributes. For copies and pickles, too."""
    made: type[CorrectedError] = cast("Any", _class)(sdk_class, raised)
    error = made.__new__(made, *arguments)
    if raised is not None:
        # Sets what some built-in exceptions have outside of `__dict__`, such as `errno`. Classes of the SDK need more.
        attempt(cast("Any", raised).__init__, error, *arguments)
    vars(error).clear()
    return error


def _reduce(error: CorrectedError) -> tuple[Any, ...]:
    return rebuilt, (*cast("Any", error)._midstream_classes, error.args), vars(error)  # noqa: SLF001 - set below


@lru_cache(maxsize=_MAX_CLASSES)
def _class(sdk_class: Any, raised: Any) -> type[CorrectedError]:
    """The class that is both. Named like the SDK's, as which it is to be seen."""
    bases: list[type] = [CorrectedError, sdk_class]
    if raised is not None and not issubclass(sdk_class, raised):
        bases.append(raised)
    # The name that people search for: the SDK's, or ours if the SDK has none.
    named = StreamTruncatedError if raised is StreamTruncatedError else sdk_class
    names = {
        "__module__": named.__module__,
        "__qualname__": named.__qualname__,
        "__doc__": named.__doc__,
        "__reduce__": _reduce,
        "_midstream_classes": (sdk_class, raised),
    }
    return type(named.__name__, tuple(bases), names)


def _is_right(failure: Failure, original: BaseException | None) -> bool:
    """Whether the application already receives what it should."""
    if failure.outcome is Outcome.IN_BAND_ERROR:
        return failure.status_code is None or getattr(original, "status_code", None) == failure.status_code
    if failure.outcome not in _OF_A_CONNECTION:
        return True
    return original is not None and not failure.leaked


def _is_timeout(original: BaseException | None) -> bool:
    return any(base.__name__ in _TIMEOUTS for base in type(original).__mro__)
