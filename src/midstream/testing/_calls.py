"""The calls of a test, and how they ended."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import Final, overload

from midstream._instrumentor import observed
from midstream._outcomes import Failure, Outcome, Phase
from midstream._outcomes.summary import NO_ANSWER, MessageSummary
from midstream._telemetry.call_observer import add_call_observer, remove_call_observer
from midstream._telemetry.call_record import CallRecord, CallRequest

__all__ = ("Call", "Calls", "recorded_calls")

_PATIENCE_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Call:
    """How one call really ended. `str()` gives it in one line."""

    operation: str
    """The `gen_ai.operation.name`: `chat`, `count_tokens`, ..."""
    model: str | None
    stream: bool
    """Whether it requested a stream."""
    outcome: Outcome
    attempts: int = 1
    """The HTTP requests that the SDK sent for it."""
    failure: Failure | None = None
    """How it failed. `None` exactly when the outcome is not a failure."""
    answer: MessageSummary = field(default=NO_ANSWER, repr=False)
    """What the API said about its answer, as far as it arrived."""

    @property
    def phase(self) -> Phase | None:
        """Where it failed: in the request, or at which part of the answer."""
        return None if self.failure is None else self.failure.phase

    @property
    def error_type(self) -> str | None:
        """The `error.type` of the failure."""
        return None if self.failure is None else self.failure.error_type

    @property
    def status_code(self) -> int | None:
        """The real status of the failure: observed, or synthesized for an error in the stream."""
        return None if self.failure is None else self.failure.status_code

    @property
    def reported_status_code(self) -> int | None:
        """The status of the exception that the SDK raised."""
        return None if self.failure is None else self.failure.reported_status_code

    @property
    def leaked(self) -> bool:
        """Whether `except anthropic.APIError` misses what the SDK raised."""
        return self.failure is not None and self.failure.leaked

    @property
    def misreported(self) -> bool:
        """Whether the status of what the SDK raised differs from the real one."""
        return self.failure is not None and self.failure.misreported

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self.failure is not None and self.failure.retryable

    def __str__(self) -> str:
        asked = " ".join(filter(None, (self.operation, self.model, "streamed" if self.stream else "")))
        corrected = self.failure is not None and self.failure.corrected_type is not None
        remarks = (
            f"{self.attempts} attempts" if self.attempts > 1 else "",
            f"reported as {self.reported_status_code}" if self.misreported and not corrected else "",
            "retryable" if self.retryable else "",
        )
        what = f"{self.outcome.value}: {self.failure}" if self.failure else self.outcome.value
        return "; ".join(filter(None, (f"{asked}: {what}", *remarks)))


class Calls(Sequence[Call]):
    """The calls of a test that have ended, in the order of their ends. Any thread may make them."""

    def __init__(self) -> None:
        self._ended: list[Call] = []
        self._open = 0
        self._changed = Condition()

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Call]: ...
    def __getitem__(self, index: int | slice) -> Call | Sequence[Call]:
        __tracebackhide__ = True  # pytest then points at the line of the test
        return self._ended[index]

    def __len__(self) -> int:
        return len(self._ended)

    @property
    def outcomes(self) -> list[str]:
        """The outcomes alone: `["in_band_error", "completed"]`."""
        return [call.outcome.value for call in self._ended]

    @property
    def open(self) -> int:
        """How many calls have not ended: requests in progress, and streams neither read to their end nor closed."""
        return self._open

    def wait(self, ended: int, seconds: float = _PATIENCE_SECONDS) -> None:
        """Waits until `ended` calls have ended, for calls in other threads.

        Raises `AssertionError` if they have not after `seconds`.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._ended) >= ended, seconds):
                calls = "\n".join(self.lines())
                message = f"expected {ended} calls to end, but after {seconds:g} seconds {len(self)} have\n{calls}"
                raise AssertionError(message)

    def lines(self) -> list[str]:
        """One line per call, and one for those that are open, for people."""
        lines = [f"{number}. {call}" for number, call in enumerate(self._ended, start=1)] or ["no call has ended"]
        return [*lines, f"{self._open} still open"] if self._open else lines

    def __repr__(self) -> str:
        return f"<Calls: {', '.join(self.outcomes) or 'none'}; {self._open} open>"

    def started(self, request: CallRequest) -> Callable[[CallRecord | None], None]:
        """A call has started. Returns what takes its record, or `None` if its end could not be observed."""
        del request
        with self._changed:
            self._open += 1
        return self._ended_with

    def _ended_with(self, record: CallRecord | None) -> None:
        call = None if record is None else _call_of(record)
        with self._changed:
            self._open -= 1
            if call is not None:
                self._ended.append(call)
                self._changed.notify_all()


def _call_of(record: CallRecord) -> Call:
    request, verdict = record.request, record.verdict
    return Call(
        operation=request.operation.value,
        model=request.model,
        stream=request.stream,
        outcome=verdict.outcome,
        attempts=record.attempts,
        failure=verdict.failure,
        answer=verdict.answer,
    )


@contextmanager
def recorded_calls() -> Generator[Calls]:
    """The calls that this process makes inside it. Not to be nested."""
    calls = Calls()
    add_call_observer(calls)
    try:
        with observed():
            yield calls
    finally:
        remove_call_observer(calls)
