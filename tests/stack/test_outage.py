"""The collector is away for a minute: what OpenTelemetry keeps in the meantime arrives."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from midstream._cli.demo.call_styles import streamed
from midstream._cli.demo.traffic import PlannedCall
from midstream.faults import parse
from stack.application import application
from stack.traffic import counted, failed_in, failed_on
from support.programs import eventually

if TYPE_CHECKING:
    from stack.backends import Backends

pytestmark = pytest.mark.timeout(600)

_AWAY_SECONDS: Final = 60.0
_SERVICE: Final = "outage"
_CALLS: Final = (PlannedCall(parse("cut"), streamed), PlannedCall(parse("in_band:overloaded_error"), streamed))


def test_nothing_that_opentelemetry_keeps_is_lost(on: Backends) -> None:
    with application(_SERVICE, on.collecting, on.collecting) as calling:
        with calling.flushing():
            calling.make(_CALLS)
            eventually(lambda: _counted(on, 1))
            on.programs.stop("collector")
            back = time.monotonic() + _AWAY_SECONDS
            made = 1
            while time.monotonic() < back:
                calling.make(_CALLS)
                made += 1
                time.sleep(1)
            on.programs.start(on.stack.collector())
            eventually(lambda: _counted(on, made))
        calling.flush()
        failed = calling.failed()
        assert len(failed) == 2 * made
        kept = [one for one in failed if one.trace_id not in calling.given_up]
        kept_events = [one for one in failed if one.trace_id not in calling.given_up_events]
        assert kept
        assert kept_events

        def all_kept() -> None:
            assert failed_on(on.traces.spans(_SERVICE)) == kept
            assert failed_in(on.logs.find(f'service.name:="{_SERVICE}"')) == kept_events

        eventually(all_kept)


def _counted(on: Backends, times: int) -> None:
    assert counted(on.pushed, _SERVICE) == {"truncated": times, "in_band_error": times}
