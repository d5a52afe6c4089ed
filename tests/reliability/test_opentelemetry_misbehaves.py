"""Whatever OpenTelemetry does: the application sees no difference, and the other signals still report."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from midstream import AnthropicInstrumentor, _guard
from midstream.faults import parse
from reliability.misbehaving import MISBEHAVIOURS, MisbehavedError, Misbehaviour
from reliability.secrets import everything
from support.clients import HAS_OWN_SPANS
from support.expected import ending
from support.exported import Exported
from support.lifecycle import SPANS, told_on_spans
from support.seen import bare, observable, run, spied
from support.styles import CANARY, STYLES

if TYPE_CHECKING:
    import logging

    from midstream.faults import FaultServer

pytestmark = pytest.mark.injects_faults

HOW = (
    ("create", "sync"),
    ("create(stream=True) in a loop", "sync"),
    ("create(stream=True) in a loop", "async"),
    ("stream() events", "sync"),
)
ENDS = ("ok", "in_band:overloaded_error", "reset", "cut")
EVERY_CALL = tuple((style, flavor, model) for style, flavor in HOW for model in ENDS)
A_FEW = ((*HOW[1], ENDS[1]), (*HOW[2], ENDS[2]))


@pytest.fixture(autouse=True)
def first_fault_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_guard, "_errors", itertools.count())


@pytest.mark.parametrize("spans", SPANS)
@pytest.mark.parametrize("wrong", MISBEHAVIOURS.values(), ids=str)
def test_the_application_sees_nothing_of_it_and_the_other_signals_report(
    server: FaultServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    full: bool,
    wrong: Misbehaviour,
    spans: str,
) -> None:
    calls = EVERY_CALL if full else A_FEW
    exported = Exported(**wrong.made_with)
    with monkeypatch.context() as patch:
        providers = {**exported.providers, **wrong.breaks(exported, patch)}
        provider = providers["tracer_provider"] if spans == "sdk" else None
        AnthropicInstrumentor().instrument(**providers)
        try:
            found = [seen(call, server, provider) for call in calls]
        finally:
            AnthropicInstrumentor().uninstrument()
    assert found == without_us(wrong, calls, server, monkeypatch, spans)

    ended = sorted(ending(parse(model), STYLES[style]).outcome.value for style, _, model in calls)
    check_signals(exported, wrong, ended)
    check_faults(exported, wrong, spans, calls=len(ended), failures=len(ended) - ended.count("completed"))
    check_lines(caplog.records, wrong)
    exported.shutdown()


def seen(call: tuple[str, str, str], server: FaultServer, provider: Any) -> tuple[Any, ...]:
    """What the application sees of a call, whose own spans the SDK makes with `provider`."""
    style, flavor, model = call
    with spied() as raised:
        return observable(run(STYLES[style], flavor, server, parse(model), provider), raised)


def without_us(
    wrong: Misbehaviour,
    calls: tuple[tuple[str, str, str], ...],
    server: FaultServer,
    monkeypatch: pytest.MonkeyPatch,
    spans: str,
) -> list[tuple[Any, ...]]:
    """What it sees of the same calls without us. The SDK behaves differently where it has no span."""
    if spans == "own" or not (wrong.told == "spans" or "spans" in wrong.silences):
        return [bare(*call[:2], server, call[2], spans) for call in calls]
    with monkeypatch.context() as patch:
        exported = Exported(**wrong.made_with)
        providers = {**exported.providers, **wrong.breaks(exported, patch)}
        return [seen(call, server, providers["tracer_provider"]) for call in calls]


def check_signals(exported: Exported, wrong: Misbehaviour, ended: list[str]) -> None:
    """Every signal that is not silenced reports how each call ended, and none what OpenTelemetry's fault said."""
    if wrong.collects:
        assert CANARY not in everything(exported)
    if "spans" not in wrong.silences:
        assert sorted(told_on_spans(exported)) == ended
    if wrong.ends or (wrong.ends is None and "spans" not in wrong.silences):
        assert len(exported.spans) == len(ended)
    if "metrics" not in wrong.silences:
        outcomes = exported.outcomes()
        assert sorted(itertools.chain.from_iterable([name] * many for name, many in outcomes.items())) == ended
        assert [
            point.value for point in exported.metrics().get("midstream.client.stream.active", []) if point.value
        ] == []
    if "logs" not in wrong.silences:
        told = [str((log.log_record.attributes or {})["midstream.outcome"]) for log in exported.logs]
        assert sorted([*told, *["completed"] * ended.count("completed")]) == ended


def check_faults(exported: Exported, wrong: Misbehaviour, spans: str, *, calls: int, failures: int) -> None:
    """What was contained is counted, each fault once."""
    if not wrong.collects:
        with pytest.raises(MisbehavedError):
            exported.metrics()
        return
    counted = {
        point.attributes["midstream.component"]: point.value for point in exported.counted("midstream.telemetry.errors")
    }
    if not wrong.told or wrong.often == "uncounted":
        assert counted == {}
        return
    assert {*counted} <= {wrong.told}
    many = counted.get(wrong.told, 0)
    if wrong.often == "some":
        # Of what only a span of the one kind is asked, midstream need not notice that it is broken on the other.
        assert many > 0 or wrong.told == "spans"
    elif spans == "own" or wrong.told != "spans":
        assert many == {"call": calls, "failure": failures}[wrong.often]
    else:
        assert many <= calls  # the SDK contains some of them itself


def check_lines(records: list[logging.LogRecord], wrong: Misbehaviour) -> None:
    """Only the first fault is a warning, and no log line has what must not be logged."""
    lines = [record for record in records if record.name == "midstream"]
    levels = [record.levelname for record in lines]
    assert levels == (["WARNING", *["DEBUG"] * (len(lines) - 1)] if lines else [])
    assert [record.getMessage() for record in lines if CANARY in record.getMessage() or record.exc_info] == []
    if not wrong.told:
        assert lines == []


def test_nothing_that_can_be_broken_is_left_out() -> None:
    """The table breaks each of the three signals, and each way of breaking one leaves the others alone."""
    assert {wrong.told for wrong in MISBEHAVIOURS.values()} == {"", "spans", "metrics", "logs", "clock"}
    assert all(len(wrong.silences) <= 1 for wrong in MISBEHAVIOURS.values())
    assert ("sdk" in SPANS) is HAS_OWN_SPANS
