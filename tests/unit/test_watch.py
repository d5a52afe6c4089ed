"""One call goes by, and one verdict comes out: the whole `Verdict` each time."""

from __future__ import annotations

import asyncio
import itertools
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from midstream._outcomes import Failure, MessageSummary, Outcome, Phase, StreamWatch, Verdict, classify
from midstream._outcomes.kinds import COMPLETIONS, MESSAGES, RESULTS, UNDELIMITED
from midstream._outcomes.remains import Remains
from support.sdk_errors import body_of, http, http_error, in_band_error, request_raising

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream._outcomes.kinds import StreamKind

START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "model": "claude-x",
        "stop_reason": None,
        "usage": {
            "input_tokens": 25,
            "cache_read_input_tokens": 8,
            "cache_creation_input_tokens": 10,
            "output_tokens": 1,
        },
    },
}
BLOCK = {"type": "content_block_start"}
CONTENT = {"type": "content_block_delta"}
BLOCK_STOP = {"type": "content_block_stop"}
FINAL: dict[str, Any] = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn"},
    "usage": {"output_tokens": 15},
}
STOP = {"type": "message_stop"}
EVENTS = (START, BLOCK, CONTENT, CONTENT, BLOCK_STOP, FINAL, STOP)
UNTIL = {"opening": EVENTS[:2], "content": EVENTS[:4], "closing": EVENTS[:6]}
"""By phase, the events after which a stream is in it."""

STARTED = MessageSummary("msg_1", "claude-x", None, 43, None, 8, 10)
FINISHED = MessageSummary("msg_1", "claude-x", "end_turn", 43, 15, 8, 10)
ENDED_AT = 10.0


def clock(*readings: float) -> Callable[[], float]:
    """A clock with these readings, and `ENDED_AT` from then on."""
    return itertools.chain(readings, itertools.repeat(ENDED_AT)).__next__


def watching(*events: object) -> StreamWatch:
    """A watch of an open stream that has seen `events`, one a second, the first at 0."""
    now = 0.0
    watch = StreamWatch(lambda: now)
    watch.open()
    for event in events:
        watch.event(event)
        now += 1.0
    now = ENDED_AT
    return watch


def as_object(value: Any) -> Any:
    """A decoded event as the SDK gives it: with attributes instead of items."""
    if isinstance(value, dict):
        return SimpleNamespace(**{str(name): as_object(item) for name, item in value.items()})  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] # of a literal above
    return value


def stream_verdict(outcome: Outcome, failure: Failure | None = None, **others: Any) -> Verdict:
    return Verdict(outcome, ENDED_AT, failure, opened=True)._replace(**others)


WHOLE = stream_verdict(Outcome.COMPLETED, answer=FINISHED, first_chunk_at=2.0, last_event="message_stop")
PHASES: list[tuple[str, dict[str, Any]]] = [
    ("opening", {"answer": STARTED, "last_event": "content_block_start"}),
    ("content", {"answer": STARTED, "last_event": "content_block_delta", "first_chunk_at": 2.0}),
    ("closing", {"answer": FINISHED, "last_event": "message_delta", "first_chunk_at": 2.0}),
]
"""By phase, what a stream that ends in it is known by."""


# --- streams that end well, and streams that the application ends ---------------------------------------------------


@pytest.mark.parametrize("decoded", [dict, as_object], ids=["as mappings", "as objects"])
def test_a_stream_that_is_read_to_its_end_event_is_completed(decoded: Callable[[Any], Any]) -> None:
    watch = watching(*(decoded(event) for event in EVENTS))
    assert (watch.read(), watch.ended) == (WHOLE, True)


def test_a_stream_that_is_closed_after_its_end_event_is_completed() -> None:
    assert watching(*EVENTS).closed() == WHOLE


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_a_cancellation_after_the_end_event_is_completed(error: BaseException) -> None:
    assert watching(*EVENTS).failed(error) == WHOLE


@pytest.mark.parametrize(("phase", "known"), PHASES)
def test_a_stream_that_is_closed_before_its_end_event_is_abandoned(phase: str, known: dict[str, Any]) -> None:
    watch = watching(*UNTIL[phase])
    assert watch.closed() == stream_verdict(Outcome.ABANDONED, **known)


@pytest.mark.parametrize(("phase", "known"), PHASES)
@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (asyncio.CancelledError(), Outcome.CANCELLED),
        (KeyboardInterrupt(), Outcome.CANCELLED),
        (GeneratorExit(), Outcome.ABANDONED),
    ],
    ids=lambda value: repr(value) if isinstance(value, BaseException) else "",
)
def test_what_the_application_ends_is_not_a_failure(
    phase: str, known: dict[str, Any], error: BaseException, outcome: Outcome
) -> None:
    assert watching(*UNTIL[phase]).failed(error) == stream_verdict(outcome, **known)


def test_a_body_whose_events_are_not_decoded_is_completed_at_its_end() -> None:
    assert watching().read_without_events() == stream_verdict(Outcome.COMPLETED)


def test_an_answer_that_is_not_streamed_is_completed_with_all_its_attributes() -> None:
    message: dict[str, Any] = {
        "id": "msg_1",
        "content": [],
        "model": "claude-x",
        "stop_reason": "max_tokens",
        "usage": {"input_tokens": 25, "output_tokens": 15, "cache_read_input_tokens": 8},
    }
    expected = Verdict(
        Outcome.COMPLETED,
        ENDED_AT,
        answer=MessageSummary("msg_1", "claude-x", "max_tokens", 33, 15, cache_read_tokens=8),
    )
    assert [StreamWatch(clock()).answered(one) for one in (message, as_object(message))] == [expected, expected]


def test_an_answer_that_cannot_be_looked_at_is_completed() -> None:
    assert StreamWatch(clock()).answered() == Verdict(Outcome.COMPLETED, ENDED_AT)


# --- streams that fail ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("phase", "known"), PHASES)
def test_a_stream_that_ends_without_its_end_event_is_truncated(phase: str, known: dict[str, Any]) -> None:
    failure = Failure(Outcome.TRUNCATED, "stream_truncated", retryable=True, phase=Phase(phase))
    verdict = watching(*UNTIL[phase]).read()
    assert verdict == stream_verdict(Outcome.TRUNCATED, failure, **known)


def test_an_empty_stream_is_truncated_while_opening() -> None:
    failure = Failure(Outcome.TRUNCATED, "stream_truncated", retryable=True, phase=Phase.OPENING)
    assert watching().read() == stream_verdict(Outcome.TRUNCATED, failure)


@pytest.mark.parametrize(
    ("phase", "line"),
    [
        ("opening", "stream_truncated: the stream ended before its end event, before any content had arrived"),
        ("content", "stream_truncated: the stream ended before its end event, after content had arrived"),
        ("closing", "stream_truncated: the stream ended before its end event, after all but the end event had arrived"),
    ],
)
def test_a_truncated_stream_is_recorded_in_one_line(phase: str, line: str) -> None:
    verdict = watching(*UNTIL[phase]).read()
    assert verdict is not None
    assert str(verdict.failure) == line


FAILURES: list[tuple[BaseException, Outcome]] = [
    (in_band_error(body_of("overloaded_error")), Outcome.IN_BAND_ERROR),
    (http.ReadError("reset"), Outcome.TRANSPORT_ERROR),
    (request_raising(http.ConnectError("refused")), Outcome.TRANSPORT_ERROR),  # wrapped, after the headers
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), Outcome.MALFORMED),
    (RuntimeError(), Outcome.CLIENT_ERROR),
]


@pytest.mark.parametrize(("phase", "known"), PHASES)
@pytest.mark.parametrize(
    ("error", "outcome"), FAILURES, ids=lambda value: getattr(value, "value", type(value).__name__)
)
def test_an_exception_out_of_a_stream_is_a_failure_in_its_phase(
    phase: str, known: dict[str, Any], error: BaseException, outcome: Outcome
) -> None:
    failure = replace(classify(error), outcome=outcome, phase=Phase(phase))
    verdict = watching(*UNTIL[phase]).failed(error)
    assert verdict == stream_verdict(outcome, failure, **known)


def test_an_exception_after_the_end_event_is_a_failure_while_closing() -> None:
    error = http.ReadError("reset")
    expected = WHOLE._replace(outcome=Outcome.TRANSPORT_ERROR, failure=replace(classify(error), phase=Phase.CLOSING))
    assert watching(*EVENTS).failed(error) == expected


@pytest.mark.parametrize(
    ("error", "outcome", "phase"),
    [
        (http_error(529, body_of("overloaded_error")), Outcome.HTTP_ERROR, Phase.REQUEST),
        (request_raising(http.ConnectError("refused")), Outcome.CONNECTION_ERROR, Phase.REQUEST),
        (RuntimeError(), Outcome.CLIENT_ERROR, Phase.REQUEST),
        (http.ReadError("reset"), Outcome.TRANSPORT_ERROR, Phase.OPENING),
        (http.DecodingError("no gzip"), Outcome.MALFORMED, Phase.OPENING),
    ],
    ids=lambda value: getattr(value, "value", type(value).__name__),
)
def test_an_exception_before_any_stream_shows_whether_the_headers_had_arrived(
    error: BaseException, outcome: Outcome, phase: Phase
) -> None:
    failure = replace(classify(error), phase=phase)
    assert StreamWatch(clock()).failed(error) == Verdict(outcome, ENDED_AT, failure)


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt()], ids=repr)
def test_a_cancellation_before_the_headers_is_cancelled(error: BaseException) -> None:
    assert StreamWatch(clock()).failed(error) == Verdict(Outcome.CANCELLED, ENDED_AT)


# --- what the answer says ------------------------------------------------------------------------------------------


def answer_of(*events: object) -> MessageSummary:
    verdict = watching(*events).closed()
    assert verdict is not None
    return verdict.answer


def final(**usage: Any) -> dict[str, Any]:
    return {**FINAL, "usage": usage}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param({"output_tokens": 15}, FINISHED, id="output only"),
        pytest.param(
            {"output_tokens": 15, "input_tokens": 30},
            FINISHED._replace(input_tokens=48),
            id="input replaces what was there",
        ),
        pytest.param(
            {"output_tokens": 15, "input_tokens": 30, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 1},
            FINISHED._replace(input_tokens=31, cache_read_tokens=0, cache_write_tokens=1),
            id="all of them replaced",
        ),
        pytest.param(
            {"output_tokens": 15, "cache_read_input_tokens": 20},
            FINISHED._replace(input_tokens=55, cache_read_tokens=20),
            id="the sum follows the cache",
        ),
        pytest.param(
            {"output_tokens": 15, "input_tokens": None, "cache_read_input_tokens": None},
            FINISHED,
            id="null is not said",
        ),
        pytest.param({}, FINISHED._replace(output_tokens=None), id="nothing"),
        pytest.param({"output_tokens": -1}, FINISHED._replace(output_tokens=None), id="no count: negative"),
        pytest.param({"output_tokens": True}, FINISHED._replace(output_tokens=None), id="no count: a flag"),
        pytest.param({"output_tokens": "15"}, FINISHED._replace(output_tokens=None), id="no count: a text"),
        pytest.param({"output_tokens": 10**40}, FINISHED._replace(output_tokens=None), id="no count: beyond 64 bits"),
    ],
)
def test_the_usage_of_message_delta_replaces_that_of_message_start(
    usage: dict[str, Any], expected: MessageSummary
) -> None:
    assert answer_of(START, final(**usage)) == expected


def test_the_placeholder_for_output_tokens_is_never_recorded() -> None:
    assert [answer_of(START), answer_of(START, CONTENT, BLOCK_STOP)] == [STARTED, STARTED]


def test_the_usage_is_cumulative_so_the_last_message_delta_counts() -> None:
    assert answer_of(START, final(output_tokens=3), final(output_tokens=15)) == FINISHED


def test_a_message_delta_without_usage_keeps_the_output_of_the_one_before() -> None:
    assert answer_of(START, final(output_tokens=15), final()) == FINISHED


def test_the_sum_of_huge_counts_still_fits_into_64_bits() -> None:
    usage = dict.fromkeys(("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"), 2**60)
    tokens = answer_of({"type": "message_start", "message": {"usage": usage}}).input_tokens
    assert tokens is not None
    assert tokens < 2**63


@pytest.mark.parametrize(
    "message",
    [None, 1, "text", [], {}, {"usage": None}, {"usage": 7, "id": 3}, {"id": "", "model": None, "usage": {}}],
    ids=repr,
)
def test_an_empty_message_start_is_not_a_fault(message: object) -> None:
    assert answer_of({"type": "message_start", "message": message}) == MessageSummary()


def test_texts_of_the_answer_are_bounded_and_can_be_encoded() -> None:
    message = {"id": "i" * 500, "model": "\ud800", "stop_reason": "s" * 500}
    assert answer_of({"type": "message_start", "message": message}) == MessageSummary("i" * 128, "\ufffd", "s" * 128)


@pytest.mark.parametrize("event", [None, 1, "text", {}, {"type": 3}, object], ids=repr)
def test_an_event_of_any_shape_is_not_a_fault(event: object) -> None:
    watch = watching(START, CONTENT, event)
    assert watch.closed() == stream_verdict(Outcome.ABANDONED, answer=STARTED, first_chunk_at=1.0)


def test_an_event_that_cannot_be_looked_at_is_not_a_fault() -> None:
    class Hostile:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    watch = watching(START, CONTENT, Hostile())
    assert watch.closed() == stream_verdict(Outcome.ABANDONED, answer=STARTED, first_chunk_at=1.0)


def test_an_unknown_event_changes_nothing_but_the_last_event() -> None:
    watch = watching(START, {"type": "brand_new_event"})
    assert watch.closed() == stream_verdict(Outcome.ABANDONED, answer=STARTED, last_event="brand_new_event")


# --- the clock, the counters, the last event -----------------------------------------------------------------------


def test_the_time_between_two_pieces_of_content_is_recorded() -> None:
    watch = StreamWatch(clock(1.0, 1.5, 4.0))
    watch.open()
    assert [watch.event(event) for event in (START, CONTENT, CONTENT, BLOCK_STOP, BLOCK, CONTENT)] == [
        None,
        None,
        0.5,
        None,
        None,
        2.5,
    ]


def test_only_the_first_content_has_to_be_shown_and_the_last_event_comes_with_the_end() -> None:
    watch = watching(START, CONTENT)
    failure = Failure(Outcome.TRUNCATED, "stream_truncated", retryable=True, phase=Phase.CONTENT)
    assert watch.read(as_object(CONTENT)) == stream_verdict(
        Outcome.TRUNCATED, failure, answer=STARTED, first_chunk_at=1.0, last_event="content_block_delta"
    )


@pytest.mark.parametrize("end", ["read", "failed", "closed"])
def test_every_end_of_a_stream_takes_the_last_event_along(end: str) -> None:
    watch = watching()
    given: dict[str, tuple[object, ...]] = {"failed": (RuntimeError(),)}
    verdict: Verdict | None = getattr(watch, end)(*given.get(end, ()), {"type": "brand_new_event"})
    assert verdict is not None
    assert verdict.last_event == "brand_new_event"


def test_what_the_reader_of_the_body_counts_is_in_the_verdict() -> None:
    watch = watching()
    watch.received, watch.longest_wait = 4711, 2.5
    assert watch.closed() == stream_verdict(Outcome.ABANDONED, received=4711, longest_wait=2.5)


def test_a_watch_says_whether_it_is_open_and_whether_it_has_ended() -> None:
    watch = StreamWatch(clock())
    seen = [(watch.opened, watch.ended)]
    watch.open()
    seen.append((watch.opened, watch.ended))
    watch.closed()
    assert [*seen, (watch.opened, watch.ended)] == [(False, False), (True, False), (True, True)]


# --- the first end wins --------------------------------------------------------------------------------------------

ENDS: dict[str, Callable[[StreamWatch], Verdict | None]] = {
    "read": lambda watch: watch.read(),
    "read_without_events": lambda watch: watch.read_without_events(),
    "answered": lambda watch: watch.answered(None),
    "closed": lambda watch: watch.closed(),
    "failed": lambda watch: watch.failed(anthropic.AnthropicError()),
    "cancelled": lambda watch: watch.failed(KeyboardInterrupt()),
}


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_the_first_end_wins(first: str, second: str) -> None:
    watch = watching(*EVENTS)
    assert ENDS[first](watch) is not None
    assert ENDS[second](watch) is None


def test_of_two_threads_that_end_a_call_one_is_the_first() -> None:
    rounds = 500
    watches = [watching(START) for _ in range(rounds)]
    told: list[list[Verdict | None]] = [[], []]
    barrier = threading.Barrier(2)

    def end(mine: list[Verdict | None], how: Callable[[StreamWatch], Verdict | None]) -> None:
        for watch in watches:
            barrier.wait()
            mine.append(how(watch))

    threads = [
        threading.Thread(target=end, args=(told[0], ENDS["closed"])),
        threading.Thread(target=end, args=(told[1], ENDS["failed"])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sum(verdict is not None for verdict in pair) for pair in zip(*told, strict=True)] == [1] * rounds


def test_all_ten_outcomes_can_be_reached() -> None:
    verdicts = [
        *(end(watching(START)) for end in ENDS.values()),
        *(watching(START).failed(error) for error, _ in FAILURES),
        *(StreamWatch().failed(error) for error in (http_error(500), request_raising(http.ConnectError("no")))),
    ]
    assert {verdict.outcome for verdict in verdicts if verdict} == set(Outcome)


# Streams that are no messages


def kind_watching(kind: StreamKind, *events: object) -> StreamWatch:
    """A watch of an open stream of `kind` that has seen `events`."""
    watch = StreamWatch(clock(), kind)
    watch.open()
    for event in events:
        watch.event(event)
    return watch


PART = {"type": "completion", "id": "compl_1", "model": "claude-x", "completion": " Hi", "stop_reason": None}
LAST_PART = {**PART, "completion": "", "stop_reason": "stop_sequence"}
COMPLETED_PART = MessageSummary("compl_1", "claude-x")


def test_a_completion_is_whole_with_its_stop_reason() -> None:
    verdict = kind_watching(COMPLETIONS, PART, LAST_PART).read()
    assert verdict == Verdict(
        Outcome.COMPLETED,
        ENDED_AT,
        answer=COMPLETED_PART._replace(stop_reason="stop_sequence"),
        opened=True,
        first_chunk_at=ENDED_AT,
        last_event="completion",
    )


@pytest.mark.parametrize(("events", "phase"), [((), Phase.OPENING), ((PART, PART), Phase.CONTENT)])
def test_a_completion_without_its_stop_reason_is_truncated(events: tuple[Any, ...], phase: Phase) -> None:
    verdict = kind_watching(COMPLETIONS, *events).read()
    assert verdict is not None
    assert (verdict.outcome, verdict.failure and verdict.failure.phase) == (Outcome.TRUNCATED, phase)


def test_a_completion_closed_after_its_stop_reason_is_completed() -> None:
    verdict = kind_watching(COMPLETIONS, PART, LAST_PART).closed()
    assert verdict is not None
    assert verdict.outcome is Outcome.COMPLETED


@pytest.mark.parametrize("events", [(), ({"type": "agent.message"},), (object(),)])
def test_a_stream_without_an_end_event_is_never_truncated(events: tuple[Any, ...]) -> None:
    verdict = kind_watching(UNDELIMITED, *events).read()
    assert verdict is not None
    assert (verdict.outcome, verdict.answer, verdict.first_chunk_at) == (Outcome.COMPLETED, MessageSummary(), None)


@pytest.mark.parametrize(("events", "phase"), [((), Phase.OPENING), ((object(),), Phase.CONTENT)])
def test_where_nothing_has_a_type_whatever_comes_is_content(events: tuple[Any, ...], phase: Phase) -> None:
    verdict = kind_watching(UNDELIMITED, *events).failed(http.ReadError("reset"))
    assert verdict is not None
    assert (verdict.outcome, verdict.failure and verdict.failure.phase) == (Outcome.TRANSPORT_ERROR, phase)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (OSError(113, "No route to host"), Outcome.TRANSPORT_ERROR),
        (FileNotFoundError(2, "key.pem"), Outcome.CLIENT_ERROR),
    ],
)
def test_a_bare_error_of_the_system_out_of_an_open_stream_is_the_transport_s(error: OSError, outcome: Outcome) -> None:
    verdict = watching(START, CONTENT).failed(error)
    assert verdict is not None
    assert (verdict.outcome, classify(error).outcome) == (outcome, Outcome.CLIENT_ERROR)
    assert verdict.failure is not None
    assert (verdict.failure.error_type, verdict.failure.retryable) == (type(error).__name__, type(error) is OSError)


RESULT = {"custom_id": "request-1", "result": {"type": "canceled"}}


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ({"type": "error", **body_of("overloaded_error")}, (Outcome.IN_BAND_ERROR, "overloaded_error")),
        ({"error": {"message": "m", "code": 429}}, (Outcome.IN_BAND_ERROR, "429")),
        ({"message": "Internal server error"}, (Outcome.MALFORMED, "unexpected_body")),
        (None, (Outcome.MALFORMED, "unexpected_body")),
    ],
)
@pytest.mark.parametrize("results_before", [0, 1, 2])
def test_an_error_in_place_of_any_line_is_how_the_call_ended(
    line: object, right: tuple[Outcome, str], results_before: int
) -> None:
    watch = kind_watching(RESULTS, *[RESULT] * results_before, line)
    assert not watch.is_redundant
    watch.event(RESULT)
    verdict = watch.read()
    assert verdict is not None
    assert verdict.failure is not None
    assert (verdict.outcome, verdict.failure.error_type) == right


# Failures without an exception

OVERLOADED = classify(body_of("overloaded_error"))


ENDS_AFTER: dict[str, Callable[[StreamWatch], Verdict | None]] = {
    "read": StreamWatch.read,
    "read without events": StreamWatch.read_without_events,
    "closed": StreamWatch.closed,
    "answered": lambda watch: watch.answered({}),
    "broken": lambda watch: watch.failed(http.ReadError("reset")),
    "cancelled": lambda watch: watch.failed(asyncio.CancelledError()),
}


@pytest.mark.parametrize("end", ENDS_AFTER)
def test_a_failure_found_in_the_bytes_is_how_the_call_ends(end: str) -> None:
    watch = watching(*EVENTS[:4])
    watch.found(OVERLOADED)
    verdict = ENDS_AFTER[end](watch)
    assert verdict is not None
    assert (verdict.outcome, verdict.failure) == (
        Outcome.IN_BAND_ERROR,
        replace(OVERLOADED, phase=Phase.CONTENT),
    )


def test_the_first_of_two_failures_found_counts() -> None:
    watch = watching(START)
    watch.found(OVERLOADED)
    watch.found(classify(body_of("api_error")))
    verdict = watch.read()
    assert verdict is not None
    assert verdict.failure == replace(OVERLOADED, phase=Phase.OPENING)


def test_an_error_event_that_the_sdk_hands_on_is_an_in_band_error() -> None:
    verdict = watching(START, body_of("overloaded_error")).read()
    assert verdict is not None
    assert verdict.failure == replace(OVERLOADED, phase=Phase.OPENING)


# --- what the bytes of a body say at its end --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "outcome"),
    [
        (b"event: message_stop\n\n", Outcome.COMPLETED),
        (b"event: message_stop\ndata: {}", Outcome.COMPLETED),
        (b'data: {"type":"message_stop"}\nevent: message_stop', Outcome.COMPLETED),
        (b"event: message_stop", Outcome.TRUNCATED),
        (b'event: message_stop\ndata: {"type"', Outcome.TRUNCATED),
    ],
)
def test_an_end_event_that_the_sdk_drops_is_one_if_it_is_whole(rest: bytes, outcome: Outcome) -> None:
    remains = Remains("text/event-stream", b"event: ping\ndata: {}\n\n" + rest, is_whole=True)
    verdict = watching(*UNTIL["content"]).read(None, lambda: remains)
    assert verdict is not None
    assert verdict.outcome is outcome


def test_the_bytes_are_not_scanned_once_the_end_event_was_seen() -> None:
    def remains() -> Remains:
        raise AssertionError

    assert watching(*EVENTS).read(None, remains) == WHOLE


def test_an_http_error_out_of_an_open_stream_keeps_its_status_and_its_headers() -> None:
    error = http_error(429, body_of("rate_limit_error"), {"retry-after": "3", "x-should-retry": "false"})
    verdict = watching(*UNTIL["content"]).failed(error)
    assert verdict is not None
    assert verdict.failure is not None
    assert (verdict.outcome, verdict.failure.status_code, verdict.failure.retry_after, verdict.failure.retryable) == (
        Outcome.HTTP_ERROR,
        429,
        3.0,
        False,
    )


def test_a_phase_never_goes_back_and_a_failure_keeps_the_one_in_which_it_was_found() -> None:
    late = watching(*UNTIL["closing"], EVENTS[3])
    found = late.read()
    assert found is not None
    assert found.failure is not None
    assert found.failure.phase is Phase.CLOSING
    early = watching(*UNTIL["opening"])
    early.found(classify(body_of("overloaded_error")))
    early.event(EVENTS[3])
    verdict = early.read()
    assert verdict is not None
    assert verdict.failure is not None
    assert verdict.failure.phase is Phase.OPENING


def test_a_media_type_without_end_is_cut() -> None:
    remains = Remains("x" * 9999, b"", is_whole=True)
    verdict = watching().read(None, lambda: remains)
    assert verdict is not None
    assert verdict.failure is not None
    assert verdict.failure.message == f"{'x' * 128} instead of events"


@pytest.mark.parametrize("name", sorted(MESSAGES.idle))
@pytest.mark.parametrize("before", [EVENTS[:1], EVENTS[:4], EVENTS[:6]])
def test_an_idle_event_adds_nothing_to_the_verdict_but_its_name(name: str, before: tuple[Any, ...]) -> None:
    verdicts: list[Verdict | None] = []
    for events in (before, (*before, {"type": name})):
        watch = StreamWatch(clock(1.0))
        watch.open()
        for event in events:
            watch.event(event)
        verdicts.append(watch.closed())
    without, with_it = verdicts
    assert without is not None
    assert with_it == without._replace(last_event=name)
