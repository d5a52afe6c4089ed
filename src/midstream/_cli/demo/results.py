"""What the demo found: what the application saw of each call, what really happened, and what that adds up to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from midstream._outcomes import Outcome, Phase
    from midstream.faults import Scenario


_FIRST_ERROR_STATUS = 400


class Style(str, Enum):
    """How the SDK was called."""

    SYNC = "sync"
    ASYNC = "async"


@dataclass(frozen=True)
class Seen:
    """What the application's code saw of a call."""

    exception: str | None = None
    """The qualified class of the exception. `None` if there was none: the stream just ended."""
    status: int | None = None
    """The status on the exception. `None` if it has none."""
    is_api_error: bool = False
    """Whether `except anthropic.APIError` catches it."""


@dataclass(frozen=True)
class Truth:
    """What really happened, as midstream exported it."""

    outcome: Outcome
    error_type: str | None = None
    status: int | None = None
    """The effective status."""
    reported_status: int | None = None
    leaked: bool = False
    misreported: bool = False
    phase: Phase | None = None


@dataclass(frozen=True)
class Call:
    """One call of the demo."""

    scenario: Scenario
    style: Style
    seen: Seen
    truth: Truth | None
    """`None` if midstream exported no span, or one without an outcome."""
    expected: Truth
    """How the scenario says that the call ends."""

    @property
    def as_expected(self) -> bool:
        """Whether midstream told the call as its scenario says, and the application saw the status that it says."""
        return self.truth == self.expected and self.seen.status == self.expected.reported_status


@dataclass(frozen=True)
class Row:
    """A fault, called in both styles."""

    scenario: Scenario
    calls: tuple[Call, ...]
    """One per `Style`, in its order."""

    @property
    def as_expected(self) -> bool:
        """Whether both calls ended as the scenario says."""
        return all(call.as_expected for call in self.calls)

    @property
    def distinct_calls(self) -> tuple[Call, ...]:
        """One call if the styles agree in everything, all of them otherwise."""
        first = self.calls[0]
        agree = all((call.seen, call.truth) == (first.seen, first.truth) for call in self.calls)
        return (first,) if agree else self.calls


@dataclass(frozen=True)
class Counts:
    """What the usual ways to notice a failure miss. All numbers are of failed calls, of one style."""

    failures: int
    missed_by_except: int
    """`except anthropic.APIError` misses them: another exception came, or none."""
    raised_another: int
    """Of those that it misses: another exception came."""
    raised_nothing: int
    """Of those that it misses: no exception came."""
    missed_by_status: int
    """A check for a status of 400 or more misses them."""
    reported_success: int
    """Of those that it misses: the exception has a status below 400."""
    without_status: int
    """Of those that it misses: there is no exception, or none with a status."""


@dataclass(frozen=True)
class Results:
    """Everything that the demo found."""

    sdk: str
    """The SDK and its version: `anthropic 2.14.0`."""
    rows: tuple[Row, ...]
    """One per example, in the order of the examples."""

    @property
    def as_expected(self) -> bool:
        """Whether every call ended as its scenario says."""
        return all(row.as_expected for row in self.rows)

    def counts(self, style: Style) -> Counts:
        """What is missed when the SDK is called in `style`."""
        return _count(call for row in self.rows for call in row.calls if call.style is style)


def _count(calls: Iterable[Call]) -> Counts:
    failed = [call.seen for call in calls if call.truth is not None and call.truth.outcome.is_failure]
    unlike = [seen for seen in failed if not seen.is_api_error]
    quiet = [seen for seen in failed if seen.status is None or seen.status < _FIRST_ERROR_STATUS]
    return Counts(
        failures=len(failed),
        missed_by_except=len(unlike),
        raised_another=sum(seen.exception is not None for seen in unlike),
        raised_nothing=sum(seen.exception is None for seen in unlike),
        missed_by_status=len(quiet),
        reported_success=sum(seen.status is not None for seen in quiet),
        without_status=sum(seen.status is None for seen in quiet),
    )
