"""The events of a session and of a thread go by, and the verdict says how the agent's turn ended."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast, get_args

import pytest

from midstream._outcomes import Failure, Outcome, Phase, StreamWatch, Verdict
from midstream._outcomes.classify import bounded_error_type
from midstream._outcomes.kinds import SESSIONS, THREADS
from midstream._outcomes.scan import EventScan
from midstream._outcomes.status import API_STATUS, SESSION_STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from midstream._outcomes.kinds import StreamKind

Events = tuple[dict[str, Any], ...]


def of(kind: str, **fields: Any) -> dict[str, Any]:
    return {"id": "sevt_1", "type": kind, "processed_at": None, **fields}


def idle(reason: object, kind: str = "session.status_idle") -> dict[str, Any]:
    return of(kind, stop_reason={"type": reason})


def error(retry_status: object, kind: object = "model_overloaded_error", message: object = "Busy") -> dict[str, Any]:
    return of("session.error", error={"type": kind, "message": message, "retry_status": {"type": retry_status}})


RUNNING = of("session.status_running")
MESSAGE = of("agent.message", content=[{"type": "text", "text": "All is well."}])
THREAD_RUNNING = of("session.thread_status_running")


def as_object(value: Any) -> Any:
    if isinstance(value, dict):
        return SimpleNamespace(**{str(name): as_object(item) for name, item in value.items()})  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] # of a literal above
    return value


def as_objects(watch: StreamWatch, events: Events) -> None:
    for event in events:
        watch.event(as_object(event))


def as_mappings(watch: StreamWatch, events: Events) -> None:
    for event in events:
        watch.event(event)


def as_bytes(watch: StreamWatch, events: Events, name: str | None = None) -> None:
    scan = EventScan(cast("Any", SimpleNamespace(on_event=watch.event, on_hidden_failure=watch.found)), watch.kind)
    for event in events:
        scan.feed(f"event: {name or event['type']}\ndata: {json.dumps(event)}\n\n".encode())


def as_bytes_without_names(watch: StreamWatch, events: Events) -> None:
    as_bytes(watch, events, "message")


SHOWN = (as_objects, as_mappings, as_bytes, as_bytes_without_names)
"""The ways in which a watch learns of events."""


def watching(kind: StreamKind, *events: dict[str, Any], shown: Callable[[StreamWatch, Events], None]) -> StreamWatch:
    watch = StreamWatch(kind=kind)
    watch.open()
    shown(watch, events)
    return watch


def outcome_of(verdict: Verdict | None) -> Outcome:
    assert verdict is not None
    return verdict.outcome


def failure_of(verdict: Verdict | None) -> Failure:
    assert verdict is not None
    assert verdict.failure is not None
    return verdict.failure


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize(
    ("kind", "events"),
    [
        (SESSIONS, (RUNNING, MESSAGE, idle("end_turn"))),
        (SESSIONS, (RUNNING, idle("end_turn"), of("session.usage"))),
        (SESSIONS, (RUNNING, idle("refusal"))),
        (SESSIONS, (RUNNING, idle("budget_reached"))),
        (SESSIONS, (RUNNING, idle("requires_action"), RUNNING, idle("end_turn"))),
        (SESSIONS, (RUNNING, of("session.status_terminated"))),
        (SESSIONS, (of("session.deleted"),)),
        (THREADS, (THREAD_RUNNING, MESSAGE, idle("end_turn", "session.thread_status_idle"))),
        (THREADS, (THREAD_RUNNING, of("session.thread_status_terminated"))),
        (THREADS, (of("session.status_terminated"),)),
        (THREADS, (of("session.deleted"),)),
    ],
)
def test_a_stream_that_is_closed_after_the_turn_is_over_is_completed(
    kind: StreamKind, events: Events, shown: Callable[[StreamWatch, Events], None]
) -> None:
    assert outcome_of(watching(kind, *events, shown=shown).closed()) is Outcome.COMPLETED


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize(
    ("kind", "events"),
    [
        (SESSIONS, (RUNNING, MESSAGE)),
        (SESSIONS, (RUNNING, idle("requires_action"))),
        (SESSIONS, (RUNNING, idle("retries_exhausted"))),
        (SESSIONS, (RUNNING, idle("brand_new_reason"))),
        (SESSIONS, (RUNNING, idle(None))),
        (SESSIONS, (of("session.status_idle", stop_reason=None),)),
        (SESSIONS, (idle("end_turn"), RUNNING)),
        (SESSIONS, (idle("end_turn"), of("session.status_rescheduled"))),
        (SESSIONS, (idle("end_turn"), idle("requires_action"))),
        (SESSIONS, (RUNNING, idle("end_turn", "session.thread_status_idle"))),
        (SESSIONS, (RUNNING, of("session.thread_status_terminated"))),
        (THREADS, (THREAD_RUNNING, idle("requires_action", "session.thread_status_idle"))),
        (THREADS, (idle("end_turn", "session.thread_status_idle"), THREAD_RUNNING)),
        (THREADS, (idle("end_turn", "session.thread_status_idle"), of("session.thread_status_rescheduled"))),
    ],
)
def test_a_stream_that_is_closed_while_the_turn_goes_on_is_abandoned(
    kind: StreamKind, events: Events, shown: Callable[[StreamWatch, Events], None]
) -> None:
    assert outcome_of(watching(kind, *events, shown=shown).closed()) is Outcome.ABANDONED


@pytest.mark.parametrize("kind", [SESSIONS, THREADS])
@pytest.mark.parametrize("shown", SHOWN)
def test_an_error_that_ends_the_turn_is_an_error_in_band_however_the_stream_ends(
    kind: StreamKind, shown: Callable[[StreamWatch, Events], None]
) -> None:
    events = (RUNNING, MESSAGE, error("exhausted"), idle("retries_exhausted"))
    expected = Failure(
        Outcome.IN_BAND_ERROR,
        "model_overloaded_error",
        status_code=529,
        retryable=True,
        message="Busy",
        phase=Phase.CONTENT,
    )
    assert failure_of(watching(kind, *events, shown=shown).closed()) == expected
    assert failure_of(watching(kind, *events, shown=shown).read()) == expected
    assert failure_of(watching(kind, *events, shown=shown).failed(KeyboardInterrupt())) == expected


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("status", ["retrying", "brand_new_status", None, {}])
def test_an_error_that_the_session_gets_over_is_not_a_failure(
    status: object, shown: Callable[[StreamWatch, Events], None]
) -> None:
    events = (error(status), of("session.error", error=None), of("session.error"), RUNNING, idle("end_turn"))
    assert outcome_of(watching(SESSIONS, *events, shown=shown).read()) is Outcome.COMPLETED


STATUSES = {
    "model_overloaded_error": 529,
    "model_rate_limited_error": 429,
    "model_request_failed_error": 500,
    "unknown_error": 500,
    "mcp_connection_failed_error": 502,
    "mcp_authentication_failed_error": 401,
    "credential_host_unreachable_error": 400,
    "tool_use_limit_reached_error": 400,
    "compaction_limit_reached_error": 400,
    "repository_authentication_error": 401,
    "repository_forbidden_error": 403,
    "repository_not_found_error": 404,
    "repository_checkout_error": 404,
    "repository_clone_error": 502,
    "billing_error": 402,
    "brand_new": 500,
}


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_every_type_of_error_has_its_status(kind: str, status: int) -> None:
    failure = failure_of(watching(SESSIONS, error("exhausted", kind), shown=as_objects).closed())
    assert (failure.error_type, failure.status_code) == (kind, status)
    assert failure.retryable is (status in {429, 500, 502, 529})
    assert bounded_error_type(failure) == (kind if kind != "brand_new" else "_OTHER")


def test_no_retry_helps_a_session_that_is_terminated() -> None:
    failure = failure_of(watching(SESSIONS, error("terminal"), shown=as_objects).closed())
    assert (failure.status_code, failure.retryable) == (529, False)


def test_the_first_error_that_ends_a_turn_counts() -> None:
    events = (error("retrying", "unknown_error"), error("exhausted"), error("terminal", "billing_error"))
    failure = failure_of(watching(SESSIONS, *events, shown=as_objects).closed())
    assert failure.error_type == "model_overloaded_error"


def test_a_stream_that_simply_ends_is_completed() -> None:
    assert outcome_of(watching(SESSIONS, RUNNING, MESSAGE, shown=as_objects).read()) is Outcome.COMPLETED


@pytest.mark.parametrize("kind", [SESSIONS, THREADS])
def test_only_previews_are_redundant(kind: StreamKind) -> None:
    named = ("session.error", "session.status_idle", "agent.message", "brand.new", None)
    assert [name for name in named if kind.is_redundant(name)] == []
    assert kind.is_redundant("event_delta")


def test_every_error_of_a_session_that_the_sdk_knows_has_a_status() -> None:
    events = pytest.importorskip("anthropic.types.beta.sessions.beta_managed_agents_session_error_event")
    kinds: set[str] = {get_args(one.model_fields["type"].annotation)[0] for one in get_args(get_args(events.Error)[0])}
    assert len(kinds) > 5
    assert kinds - set(SESSION_STATUS) - set(API_STATUS) == set()
