"""Whether the same call may succeed later, and how long to wait: the rules of the SDK's own retries."""

from __future__ import annotations

import math
import time
from email.utils import mktime_tz, parsedate_tz
from typing import Any, Final, NamedTuple, cast

from midstream._guard import attempt
from midstream._outcomes.status import RETRYABLE_BELOW_500, SERVER_ERROR
from midstream._outcomes.values import as_name

_MAX_WAIT: Final = 4_294_967.0
"""Seconds. `time.sleep` raises above a limit of the platform; the SDK waits no longer either."""

_NAMES: Final = ("x-should-retry", "retry-after-ms", "retry-after")


class Hints(NamedTuple):
    """What the headers of a response say about a retry, as texts. `None` where one is missing."""

    should_retry: str | None = None
    milliseconds: str | None = None
    seconds: str | None = None
    """Or a date."""


_NO_HINTS: Final = Hints()


def hints_in(headers: object) -> Hints:
    """What `headers` say, those that came with an error. `None` where the error has no headers. Never raises."""
    return _NO_HINTS if headers is None else attempt(_hints, cast("Any", headers)) or _NO_HINTS


def _hints(headers: Any) -> Hints:
    found = [headers[name] if name in headers else None for name in _NAMES]  # noqa: SIM401 - see `header`
    return _NO_HINTS if found == [None, None, None] else Hints(*map(as_name, found))


def helps(status: int, hints: Hints) -> bool:
    """Whether a retry may help after an error with this effective status, which the hints can overrule."""
    if hints.should_retry in ("true", "false"):
        return hints.should_retry == "true"
    return status >= SERVER_ERROR or status in RETRYABLE_BELOW_500


def retry_after(hints: Hints) -> float | None:
    """The seconds to wait, by the headers that the SDK reads too: milliseconds, seconds, or a date."""
    if hints is _NO_HINTS:
        return None
    milliseconds = _number(hints.milliseconds)
    seconds = _until(hints.seconds) if milliseconds is None else milliseconds / 1000
    return None if seconds is None else min(seconds, _MAX_WAIT)


def header(headers: object, name: str) -> str | None:
    """The text of a header of at most 128 characters. `None` if there is none, or a longer one. Never raises."""
    return None if headers is None else as_name(attempt(_existing, cast("Any", headers), name))


def _existing(headers: Any, name: str) -> object:
    return headers[name] if name in headers else None  # noqa: SIM401 - `get` of a missing header is much slower in httpx


def _until(value: str | None) -> float | None:
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    date = attempt(lambda: parsedate_tz(value))
    return None if date is None else _number(attempt(lambda: max(0.0, mktime_tz(date) - time.time())))


def _number(value: object) -> float | None:
    if value is None:
        return None
    number = attempt(lambda: float(cast("Any", value)))
    return number if number is not None and math.isfinite(number) and number >= 0 else None
