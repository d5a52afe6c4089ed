"""The results of the demo: what the application saw of each call, what really happened, and the totals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import Enum

from midstream._version import __version__
from midstream.faults import Expectation, Scenario

_FIRST_ERROR_STATUS = 400


class Flavor(str, Enum):
    """The kind of client."""

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
class DemoCall:
    """One call of the demo."""

    scenario: Scenario
    flavor: Flavor
    seen: Seen
    recorded: Expectation | None
    """How it really ended, as midstream recorded it. `None` if there is no span with an outcome."""
    expected: Expectation
    """How it really ended, as its scenario says."""

    @property
    def as_expected(self) -> bool:
        """Whether midstream recorded what the scenario says, and the application saw the status that it says."""
        return self.recorded == self.expected and self.seen.status == self.expected.reported_status_code

    def as_json(self) -> dict[str, object]:
        """The call as the JSON report has it. The members of an enum are written as their values."""
        ended = self.recorded
        really = ended and {
            "outcome": ended.outcome,
            "error_type": ended.error_type,
            "status": ended.status_code,
            "leaked": ended.leaked,
            "misreported": ended.misreported,
            "phase": ended.phase,
        }
        return {"seen": asdict(self.seen), "really": really, "as_expected": self.as_expected}


@dataclass(frozen=True)
class Row:
    """A fault, called with both kinds of client."""

    scenario: Scenario
    calls: tuple[DemoCall, ...]
    """One per `Flavor`, in its order."""

    @property
    def as_expected(self) -> bool:
        """Whether both calls ended as the scenario says."""
        return all(call.as_expected for call in self.calls)

    @property
    def distinct_calls(self) -> tuple[DemoCall, ...]:
        """One call if they agree in everything, all of them otherwise."""
        first = self.calls[0]
        agree = all((call.seen, call.recorded) == (first.seen, first.recorded) for call in self.calls)
        return (first,) if agree else self.calls


@dataclass(frozen=True)
class Counts:
    """How many failures the usual checks miss. All numbers are of failed calls, of one kind of client."""

    failures: int
    missed_by_except: int
    """`except anthropic.APIError` misses them: another exception came, or none."""
    raised_another: int
    """Missed by `except`: another exception came."""
    raised_nothing: int
    """Missed by `except`: no exception came."""
    missed_by_status: int
    """A check for a status of 400 or more misses them."""
    reported_success: int
    """Missed by the status: the exception has a status below 400."""
    without_status: int
    """Missed by the status: there is no exception, or none with a status."""

    @classmethod
    def of(cls, calls: Iterable[DemoCall]) -> Counts:
        """Counts the calls that failed."""
        failed = [call.seen for call in calls if call.recorded is not None and call.recorded.outcome.is_failure]
        uncaught = [seen for seen in failed if not seen.is_api_error]
        unnoticed = [seen for seen in failed if seen.status is None or seen.status < _FIRST_ERROR_STATUS]
        return cls(
            failures=len(failed),
            missed_by_except=len(uncaught),
            raised_another=sum(seen.exception is not None for seen in uncaught),
            raised_nothing=sum(seen.exception is None for seen in uncaught),
            missed_by_status=len(unnoticed),
            reported_success=sum(seen.status is not None for seen in unnoticed),
            without_status=sum(seen.status is None for seen in unnoticed),
        )


@dataclass(frozen=True)
class Results:
    """Everything that the demo found."""

    sdk: str
    """The SDK and its version: `anthropic 2.14.0`."""
    rows: tuple[Row, ...]
    """One per fault, in the order in which they were requested."""

    @property
    def as_expected(self) -> bool:
        """Whether every call ended as its scenario says."""
        return all(row.as_expected for row in self.rows)

    def counts(self, flavor: Flavor) -> Counts:
        """How many failures are missed with clients of `flavor`."""
        return Counts.of(call for row in self.rows for call in row.calls if call.flavor is flavor)

    def as_json(self) -> dict[str, object]:
        """The JSON report."""
        return {
            "midstream": __version__,
            "sdk": self.sdk,
            "as_expected": self.as_expected,
            "faults": [
                {
                    "fault": row.scenario.name,
                    "explanation": row.scenario.explanation,
                    "as_expected": row.as_expected,
                    **{call.flavor.value: call.as_json() for call in row.calls},
                }
                for row in self.rows
            ],
            "counts": {flavor.value: asdict(self.counts(flavor)) for flavor in Flavor},
        }
