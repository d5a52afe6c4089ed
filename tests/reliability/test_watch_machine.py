"""A `StreamWatch` gives one verdict: the first, and one that the contract allows. Whatever comes, in any order."""

from __future__ import annotations

import math
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from midstream._outcomes import Outcome, Phase, StreamWatch, Verdict, classify
from midstream._outcomes.classify import failure_of
from midstream._outcomes.kinds import COMPLETIONS, MESSAGES, UNDELIMITED
from support.ends import assert_allowed, every_exception
from support.hostile import MAKERS
from support.sdk_errors import body_of
from support.strategies import any_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream._outcomes import Failure
    from midstream._outcomes.kinds import StreamKind

KINDS: Final = {"messages": MESSAGES, "completions": COMPLETIONS, "unmarked": UNDELIMITED}
EXCEPTIONS: Final = every_exception()

TYPES: Final = (
    *("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"),
    *("message_stop", "ping", "error", "completion", "agent.message", "brand_new_event"),
)

usage = st.dictionaries(
    st.sampled_from(["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]),
    st.integers(-1, 2**61) | any_json,
)
known_fields = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional={
        "message": st.fixed_dictionaries({}, optional={"id": any_json, "model": any_json, "usage": usage}),
        "delta": st.fixed_dictionaries({}, optional={"stop_reason": any_json}),
        "usage": usage,
        "stop_reason": st.none() | st.just("stop_sequence"),
        "error": any_json,
    },
)


def as_object(value: Any) -> Any:
    """A decoded event as the SDK gives it: with attributes instead of items."""
    if isinstance(value, dict):
        known: dict[str, Any] = {str(name): as_object(item) for name, item in value.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] # any JSON
        return SimpleNamespace(**known)
    return value


# Functions that create them, because hypothesis inspects the values that it draws, and some of these raise then.
events: st.SearchStrategy[Callable[[], object]] = st.sampled_from(MAKERS) | (
    known_fields | known_fields.map(as_object) | any_json
).map(lambda event: lambda: event)


def _fields(event: object) -> dict[str, Any]:
    """Those of a well-made event, an object or a mapping. Of everything else, none."""
    known: Any = vars(event) if type(event) is SimpleNamespace else event
    return cast("dict[str, Any]", known) if type(known) is dict else {}


END_NAMES: Final = ("answered", "closed", "failed", "read", "read_without_events")
# The exceptions by their places, because hypothesis hashes what it chooses from.
ends = st.tuples(st.sampled_from(END_NAMES), st.integers(0, len(EXCEPTIONS) - 1), st.none() | events)


End = tuple[str, int, "Callable[[], object] | None"]


class Watched(RuleBasedStateMachine):
    """What a call can meet, in any order, also in impossible ones."""

    @initialize(kind=st.sampled_from(sorted(KINDS)))
    def begin(self, kind: str) -> None:
        self.now = 0.0
        self.kind: StreamKind = KINDS[kind]
        self.watch = StreamWatch(lambda: self.now, self.kind)
        self.opened = False
        self.content_seen = self.content_before = False
        self.end_seen = False
        self.found: Failure | None = None
        self.first: Verdict | None = None
        self.told_as = ""

    @rule()
    def open(self) -> None:
        self.watch.open()
        self.opened = self.opened or self.first is None

    @rule(seconds=st.floats(0, 1e6))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(received=st.integers(0, 2**40), wait=st.floats(0, 1e6))
    def bytes_arrive(self, received: int, wait: float) -> None:
        self.watch.received += received
        self.watch.longest_wait = max(self.watch.longest_wait, wait)

    @rule(event=events)
    def an_event_arrives(self, event: Callable[[], object]) -> None:
        shown = event()
        since = self.watch.event(shown)
        assert since is None or (math.isfinite(since) and since >= 0)
        self._learn(shown)

    @rule(event=known_fields)
    def an_event_of_the_api_arrives(self, event: dict[str, Any]) -> None:
        self.an_event_arrives(lambda: event)

    @rule()
    def a_failure_is_found(self) -> None:
        failure = classify(body_of("overloaded_error"))
        self.watch.found(failure)
        if self.first is None:
            self._find(failure)

    @rule(end=ends)
    def it_ends(self, end: End) -> None:
        verdict = self._end(*end)
        assert (verdict is not None) == (self.first is None)
        self._check(end[0], end[1], verdict)

    @rule(at_once=st.lists(ends, min_size=2, max_size=4))
    def several_threads_end_it_at_the_same_moment(self, at_once: list[End]) -> None:
        told: list[tuple[str, int, Verdict]] = []
        barrier = threading.Barrier(len(at_once))

        def end(how: str, error: int, last: Callable[[], object] | None) -> None:
            barrier.wait()
            verdict = self._end(how, error, last)
            if verdict is not None:
                told.append((how, error, verdict))

        threads = [threading.Thread(target=end, args=one) for one in at_once]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(told) == (1 if self.first is None else 0)
        for one in told:
            self._check(*one)

    @precondition(lambda self: self.first is not None)
    @invariant()
    def the_verdict_stays_as_it_was(self) -> None:
        assert repr(self.first) == self.told_as

    @invariant()
    def it_says_whether_it_has_ended(self) -> None:
        assert self.watch.ended == (self.first is not None)

    def _learn(self, event: object) -> None:
        """The model, from the words of the contract and not from its code."""
        if self.first is not None:
            return
        shown = _fields(event)
        name = shown.get("type")
        if self.kind is MESSAGES:
            self.content_seen = self.content_seen or name in ("content_block_delta", "message_delta", "message_stop")
            self.end_seen = self.end_seen or name == "message_stop"
        elif self.kind is COMPLETIONS:
            self.content_seen = self.content_seen or name == "completion"
            # Its stop reason ends it: one that an event has said before counts.
            self.end_seen = self.end_seen or self.watch._end_seen
        else:
            self.content_seen = True
        if name == "error":
            self._find(classify({part: shown.get(part) for part in ("error", "request_id")}))

    def _find(self, failure: Failure) -> None:
        if self.found is None:
            self.found, self.content_before = failure, self.content_seen

    def _end(self, how: str, error: int, last: Callable[[], object] | None) -> Verdict | None:
        given = () if last is None else (last(),)
        last_event = given[0] if given else None
        if how == "failed":
            return self.watch.failed(EXCEPTIONS[error], last_event)
        if how == "answered":
            return self.watch.answered(*given, judge=False)
        if how == "read_without_events":
            return self.watch.read_without_events()
        return self.watch.read(last_event) if how == "read" else self.watch.closed(last_event)

    def _check(self, how: str, error: int, verdict: Verdict | None) -> None:
        if verdict is None:
            return
        self.first, self.told_as = verdict, repr(verdict)
        assert_allowed(verdict)
        assert verdict.outcome in self._expected(how, EXCEPTIONS[error])
        assert verdict.opened == self.opened
        assert (verdict.ended_at, verdict.received) == (self.now, self.watch.received)
        if verdict.failure is not None:
            phase = verdict.failure.phase
            content_seen = self.content_seen if self.found is None else self.content_before
            assert (phase in (Phase.CONTENT, Phase.CLOSING)) == content_seen
            if self.found is not None:
                assert verdict.failure == replace(self.found, phase=phase)

    def _expected(self, how: str, error: BaseException) -> set[Outcome]:
        if self.found is not None:
            return {Outcome.IN_BAND_ERROR}
        if how in ("answered", "read_without_events"):
            return {Outcome.COMPLETED}
        if how == "read":
            return {Outcome.COMPLETED if self.end_seen or self.kind is UNDELIMITED else Outcome.TRUNCATED}
        if how == "closed":
            return {Outcome.COMPLETED if self.end_seen else Outcome.ABANDONED}
        if not isinstance(error, Exception):
            stopped = Outcome.ABANDONED if isinstance(error, GeneratorExit) else Outcome.CANCELLED
            return {Outcome.COMPLETED if self.end_seen else stopped}
        return {failure_of(error, opened=self.opened).outcome}


@pytest.fixture(autouse=True)
def _threads_take_turns_often() -> Any:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_a_watch_keeps_its_first_verdict_and_it_is_allowed(long: bool) -> None:
    run_state_machine_as_test(
        Watched, settings=settings(max_examples=1_500 if long else 60, stateful_step_count=60 if long else 25)
    )


@pytest.mark.parametrize("how", END_NAMES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("opened", [True, False], ids=["opened", "not opened"])
def test_every_exception_and_every_end_gives_an_allowed_verdict(kind: str, how: str, opened: bool) -> None:
    for error in range(len(EXCEPTIONS) if how == "failed" else 1):
        machine = Watched()
        machine.begin(kind)
        if opened:
            machine.open()
        machine.it_ends((how, error, None))
