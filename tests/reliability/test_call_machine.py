"""A call is reported exactly once, whatever happens to it and in whatever order, and nothing raises."""

from __future__ import annotations

import gc
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

import anthropic
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
from opentelemetry.context import get_current

from midstream._outcomes import classify
from midstream._outcomes.kinds import COMPLETIONS, MESSAGES, UNDELIMITED
from midstream._sdk.call import ObservedCall
from midstream._sdk.deferred import DEFERRED
from midstream._sdk.entry import ObservedRequest, RequestObserver
from midstream._sdk.event_types import EventTypes
from midstream._sdk.reporting import CallReport, Reporter
from midstream._telemetry.call_record import CallRequest
from midstream._telemetry.operation import Operation
from midstream._telemetry.recorder import Recorder
from midstream._telemetry.signals import Signals
from support.ends import assert_allowed, every_exception
from support.hostile import Explosive
from support.sdk_errors import body_of, http, response

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from midstream._outcomes import Verdict
    from midstream._sdk.closing import Closing
    from midstream._telemetry.call_record import CallRecord
    from midstream._telemetry.spans import CallSpan

EXCEPTIONS: Final = every_exception()
KINDS: Final = {"messages": MESSAGES, "completions": COMPLETIONS, "unmarked": UNDELIMITED}
MESSAGE: Final = anthropic.types.Message.construct(None, id="msg_1")
EVENTS: Final[dict[str, dict[str, Any]]] = {
    name: {"type": name, "message": {}, "delta": {"stop_reason": "end_turn"}}
    for name in ("message_start", "content_block_delta", "message_delta", "message_stop", "completion")
}


class Counting(Recorder):
    """A recorder that only keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(Signals.silent(), spans=False)
        self.told: list[Verdict] = []

    def ended(self, call: CallRecord, span: CallSpan, error: BaseException | None) -> None:  # noqa: ARG002 # of the base
        self.told.append(call.verdict)


def bodies() -> Generator[bytes]:
    yield b"event: ping\n\n"


RESULTS: Final[dict[str, Callable[[], Any]]] = {
    "a message": lambda: MESSAGE,
    "a stream": lambda: http.Response(200, content=bodies()),
    "an answer read whole": lambda: response(200, {"id": "msg_1"}),
    "an answer that cannot be decoded": lambda: response(200, "{", {"content-type": "application/json"}),
    "what cannot be looked at": Explosive,
    "nothing": lambda: None,
}
errors = st.integers(0, len(EXCEPTIONS) - 1)


def _here(work: Callable[[], None]) -> None:
    work()


def _inside_telemetry(work: Callable[[], None]) -> None:
    """As if the garbage collector ran while OpenTelemetry holds a lock."""
    FunctionType(_here.__code__, {"__name__": "opentelemetry.sdk.metrics"})(work)


places = st.sampled_from([_here, _inside_telemetry])


class Called(RuleBasedStateMachine):
    """What the patches can report of a call."""

    @initialize(kind=st.sampled_from(sorted(KINDS)), timings=st.booleans())
    def begin(self, kind: str, timings: bool) -> None:
        self.recorder = Counting()
        reporter = Reporter(self.recorder)
        self.observer = RequestObserver(reporter)
        request, event_types = CallRequest(Operation.CHAT, "anthropic"), None if timings else EventTypes()
        report = CallReport(reporter, request, get_current())
        self.call: ObservedCall | None = ObservedCall(report, KINDS[kind], event_types)
        self.kept: list[Any] = []
        self.closings: list[Closing] = []
        self.ended = False

    @property
    def _call(self) -> ObservedCall:
        assert self.call is not None
        return self.call

    @precondition(lambda self: self.call is not None)
    @rule()
    def attempted(self) -> None:
        self._call.attempted(http.Request("POST", "http://api.test/v1/messages"))

    @precondition(lambda self: self.call is not None)
    @rule(result=st.sampled_from(sorted(RESULTS)))
    def returned(self, result: str) -> None:
        self.kept.append(RESULTS[result]())
        self.observer.returned(ObservedRequest(self._call), self.kept[-1])

    @precondition(lambda self: self.call is not None)
    @rule(error=errors)
    def failed(self, error: int) -> None:
        self._call.failed(EXCEPTIONS[error])
        self.ended = True

    @precondition(lambda self: self.call is not None)
    @rule(event=st.sampled_from(sorted(EVENTS)))
    def an_event_is_seen(self, event: str) -> None:
        self._call.on_event(EVENTS[event])

    @precondition(lambda self: self.call is not None)
    @rule()
    def an_event_that_cannot_be_looked_at_is_seen(self) -> None:
        self._call.on_event(Explosive())

    @precondition(lambda self: self.call is not None)
    @rule()
    def a_parser_begins(self) -> None:
        self.kept.append(iter(()))
        parser = bodies()
        self.kept.append(parser)
        self._call.parsed_by(parser)

    @precondition(lambda self: self.call is not None)
    @rule()
    def read(self) -> None:
        self._call.on_end()
        self.ended = True

    @precondition(lambda self: self.call is not None)
    @rule()
    def answered(self) -> None:
        self._call.on_document({"id": "msg_1"})
        self.ended = True

    @precondition(lambda self: self.call is not None)
    @rule()
    def a_failure_is_found(self) -> None:
        self._call.on_hidden_failure(classify(body_of("overloaded_error")))

    @precondition(lambda self: self.call is not None)
    @rule(reading=st.booleans())
    def the_body_is_being_closed(self, reading: bool) -> None:
        self._call.is_reading = reading
        self._judged(self._call.closing_body())

    @precondition(lambda self: self.call is not None)
    @rule()
    def the_stream_is_being_closed(self) -> None:
        self._judged(self._call.closing())
        self.ended = True

    @precondition(lambda self: self.call is not None and bool(self.closings))
    @rule(where=places)
    def it_is_closed(self, where: Callable[[Callable[[], None]], None]) -> None:
        where(self._close)

    @precondition(lambda self: self.call is not None)
    @rule()
    def the_body_ends(self) -> None:
        self._call.body_read()

    @precondition(lambda self: self.call is not None)
    @rule(error=errors)
    def the_body_fails(self, error: int) -> None:
        self._call.body_failed(EXCEPTIONS[error])

    @precondition(lambda self: self.call is not None)
    @rule(where=places)
    def dropped(self, where: Callable[[Callable[[], None]], None]) -> None:
        where(self._call.dropped)
        self.ended = True

    @precondition(lambda self: self.call is not None and not self.closings)
    @rule(where=places)
    def garbage(self, where: Callable[[Callable[[], None]], None]) -> None:
        self.kept.clear()
        where(self._forget)
        self.ended = True

    @rule()
    def another_call_begins(self) -> None:
        DEFERRED.flush()

    @rule()
    def the_interpreter_exits(self) -> None:
        self.observer.registry.end_open_calls()

    @invariant()
    def it_is_told_at_most_once(self) -> None:
        assert len(self.recorder.told) <= 1

    def teardown(self) -> None:
        if not hasattr(self, "observer"):
            return
        while self.closings:
            self._close()
        self.kept.clear()
        self._forget()
        gc.collect(0)
        DEFERRED.flush()
        self.observer.registry.stop()
        (verdict,) = self.recorder.told
        assert_allowed(verdict)

    def _judged(self, closing: Closing) -> None:
        if closing._verdict is not None:
            assert not self.closings
            self.closings.append(closing)

    def _close(self) -> None:
        with self.closings.pop():
            pass

    def _forget(self) -> None:
        self.call = None


def test_every_call_is_recorded_exactly_once_with_an_allowed_verdict(long: bool) -> None:
    run_state_machine_as_test(
        Called, settings=settings(max_examples=1_500 if long else 60, stateful_step_count=40 if long else 15)
    )


@pytest.mark.parametrize("opened", [True, False], ids=["opened", "not opened"])
def test_every_exception_is_recorded_where_it_is_raised(opened: bool) -> None:
    for error in EXCEPTIONS:
        machine = Called()
        machine.begin("messages", timings=False)
        if opened:
            machine.returned("a stream")
        machine._call.failed(error)
        (verdict,) = machine.recorder.told
        assert_allowed(verdict)
        assert verdict.outcome.is_failure == classify(error).outcome.is_failure
        machine.teardown()


@pytest.mark.parametrize("result", RESULTS)
def test_every_result_that_is_not_a_stream_is_recorded_immediately(result: str) -> None:
    machine = Called()
    machine.begin("messages", timings=False)
    machine.returned(result)
    assert len(machine.recorder.told) == (result != "a stream")
    machine.teardown()
