"""The calls of a test, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING, Final, overload

from midstream._instrumentor import observed
from midstream._outcomes.summary import NO_ANSWER, MessageSummary
from midstream._telemetry.call_observer import set_call_observer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from midstream._outcomes import Failure, Outcome, Phase
    from midstream._telemetry.call_record import CallRecord, CallRequest

__all__ = ("Call", "Calls", "heard")

_PATIENCE_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Call:
    """How one call really ended. `str()` gives it in one line."""

    operation: str
    """What it asked for, as `gen_ai.operation.name` has it: `chat`, `count_tokens`, ..."""
    model: str | None
    stream: bool
    """Whether it asked for a stream."""
    outcome: Outcome
    attempts: int = 1
    """The HTTP requests that the SDK sent for it."""
    failure: Failure | None = None
    """How it failed. `None` exactly when the outcome is no failure."""
    answer: MessageSummary = field(default=NO_ANSWER, repr=False)
    """What the API said about its answer, as far as it got."""

    @property
    def phase(self) -> Phase | None:
        """Where it failed: in the request, or how far into the answer."""
        return None if self.failure is None else self.failure.phase

    @property
    def error_type(self) -> str | None:
        """The `error.type` of the failure."""
        return None if self.failure is None else self.failure.error_type

    @property
    def status_code(self) -> int | None:
        """The status that the failure really had: observed, or synthesized for an error in the stream."""
        return None if self.failure is None else self.failure.status_code

    @property
    def reported_status_code(self) -> int | None:
        """The status on the exception that the code under test got."""
        return None if self.failure is None else self.failure.reported_status_code

    @property
    def leaked(self) -> bool:
        """Whether `except anthropic.APIError` misses the failure."""
        return self.failure is not None and self.failure.leaked

    @property
    def misreported(self) -> bool:
        """Whether the exception has another status than the failure really had."""
        return self.failure is not None and self.failure.misreported

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self.failure is not None and self.failure.retryable

    def __str__(self) -> str:
        asked = " ".join(filter(None, (self.operation, self.model, "streamed" if self.stream else "")))
        remarks = (
            f"{self.attempts} attempts" if self.attempts > 1 else "",
            f"reported as {self.reported_status_code}" if self.misreported else "",
            "retryable" if self.retryable else "",
        )
        what = f"{self.outcome.value}: {self.failure}" if self.failure else self.outcome.value
        return "; ".join(filter(None, (f"{asked}: {what}", *remarks)))


class Calls(Sequence[Call]):
    """The calls that a test made and that have ended, in the order of their ends. Any thread may make them."""

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
        """How they ended, and nothing else: `["in_band_error", "completed"]`."""
        return [call.outcome.value for call in self._ended]

    @property
    def open(self) -> int:
        """How many calls have not ended: requests under way, and streams neither read to their end nor closed."""
        return self._open

    def wait(self, ended: int, seconds: float = _PATIENCE_SECONDS) -> None:
        """Waits until `ended` calls have ended. For calls that other threads make.

        Raises `AssertionError` if they have not after `seconds`.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._ended) >= ended, seconds):
                told = "\n".join(self.lines())
                message = f"{ended} calls were to end, and after {seconds:g} seconds {len(self)} have\n{told}"
                raise AssertionError(message)

    def lines(self) -> list[str]:
        """Each call in a line, and how many are open, for people."""
        lines = [f"{number}. {call}" for number, call in enumerate(self._ended, start=1)] or ["no call has ended"]
        return [*lines, f"{self._open} still open"] if self._open else lines

    def __repr__(self) -> str:
        return f"<Calls: {', '.join(self.outcomes) or 'none'}; {self._open} open>"

    def started(self, request: CallRequest) -> Callable[[CallRecord | None], None]:
        """A call has started. What is returned is to be told how it ended; `None` if that could not be observed."""
        del request
        with self._changed:
            self._open += 1
        return self._told

    def _told(self, ended: CallRecord | None) -> None:
        if ended is None:
            with self._changed:
                self._open -= 1
            return
        request, verdict = ended.request, ended.verdict
        call = Call(
            operation=request.operation.value,
            model=request.model,
            stream=request.stream,
            outcome=verdict.outcome,
            attempts=ended.attempts,
            failure=verdict.failure,
            answer=verdict.answer,
        )
        with self._changed:
            self._open -= 1
            self._ended.append(call)
            self._changed.notify_all()


@contextmanager
def heard() -> Generator[Calls]:
    """The calls that this process makes within it. One at a time."""
    calls = Calls()
    set_call_observer(calls)
    try:
        with observed():
            yield calls
    finally:
        set_call_observer(None)
