"""The programs that `make test-stack` built, and an application whose calls have reached all of them."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from midstream import corrected_errors
from midstream._cli.demo.call_styles import streamed
from midstream._cli.demo.traffic import MIXED, PlannedCall
from midstream._telemetry.recorder import Recorder
from midstream.faults import parse
from stack.application import application, outcomes_of
from stack.backends import Backends, backends
from stack.traffic import SERVICE, Traffic, evaluated, has_all, is_scraped
from support.programs import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.application import Application, Failed

_BUILT: Final = "MIDSTREAM_STACK"
"""The environment variable with the folder of the programs."""
_MINUTE: Final = 60
_HALF_A_MINUTE: Final = 30.0
_EVALUATED_SECONDS: Final = 6.0
"""After a full minute, all rules have been evaluated once."""
_CUT: Final = PlannedCall(parse("cut"), streamed)
_EVALUATIONS: Final = 2
"""Rules read what others have recorded at a full minute, and boards what these have at the next one."""


@pytest.fixture(scope="session")
def built() -> Path:
    if _BUILT not in os.environ:
        pytest.skip("`make test-stack` has the programs that this needs")
    return Path(os.environ[_BUILT])


@pytest.fixture(scope="session")
def on(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    with backends(built, tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="session")
def traffic(on: Backends) -> Iterator[Traffic]:
    """The calls come in two parts, and within each nothing is exported: every route has the same first sample.

    All of it is younger than the windows of the rules, so that calls are counted, and not extrapolated.
    """
    stores = {"scraped": on.scraping, "pushed": on.pushed, "direct": on.direct}
    outcomes = outcomes_of([*MIXED, _CUT, _CUT])
    without_event: list[Failed] = []
    evaluated_at: list[float] = []
    with ExitStack() as stack:
        made = stack.enter_context(application(SERVICE, on.sampling, on.sampling, on.collecting))
        for part in (1, 2):
            on.scrape()
            eventually(partial(is_scraped, on.direct, wanted=False))
            made.make(MIXED)
            without_event += _made_without_event(made)
            with corrected_errors():
                made.make([_CUT])
            _await_the_first_half_of_a_minute()
            made.flush()
            on.scrape(**{SERVICE: made.page})
            for store in stores.values():
                eventually(partial(has_all, store, {name: part * count for name, count in outcomes.items()}))
        made.done()
        stack.enter_context(made.flushing())
        flushed_in = time.time() // _MINUTE
        for minute in range(1, _EVALUATIONS + 1):
            now = datetime.now(timezone.utc)
            for store in stores.values():
                eventually(partial(evaluated, store, now))
            _sleep_until((flushed_in + minute) * _MINUTE + _EVALUATED_SECONDS)
            eventually(partial(is_scraped, on.scraping))
            eventually(partial(is_scraped, on.direct))
            evaluated_at.append(time.time())
        yield Traffic(made, outcomes + outcomes, without_event, stores, *evaluated_at)


def _made_without_event(calling: Application) -> list[Failed]:
    """Makes a call whose log event fails by an internal error of midstream."""
    before = calling.failed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recorder, "_emit_event", _raising)
        calling.make([_CUT])
    return [one for one in calling.failed() if one not in before]


def _raising(*_: object) -> None:
    message = "an internal error"
    raise ValueError(message)


def _await_the_first_half_of_a_minute() -> None:
    # Rules read what was recorded at full minutes. Then, all stores have the calls, or none has.
    while time.time() % _MINUTE > _HALF_A_MINUTE:
        time.sleep(1)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))
