"""Boards, rules and alerts on a real Prometheus that scrapes the real demo."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest

from dashboards.prometheus import prometheus
from dashboards.shipped import DASHBOARDS, faster_rules, shown_panels, variables
from midstream._outcomes import Outcome
from support.commands import midstream_running
from support.programs import eventually, needed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from dashboards.prometheus import Prometheus
    from support.commands import Running

_PATIENCE_SECONDS: Final = 240.0
"""For all assertions together. On an idle machine, they take a tenth of it."""

BURN: Final = "MidstreamErrorBudgetBurn"
MIXED: Final = "mixed"
"""The job with calls of every kind."""


@dataclass(frozen=True)
class Kind:
    """One kind of failure: every second call fails in this way, the others succeed."""

    fault: str
    outcome: Outcome | None
    alerts: frozenset[str]
    """The names of its alerts, firing and pending."""


# By the name of the job that has nothing else. It is a name that means nothing in a regular expression.
KINDS: Final[Mapping[str, Kind]] = {
    "none": Kind("ok:40", None, frozenset()),
    "in-band": Kind(
        "in_band:overloaded_error",
        Outcome.IN_BAND_ERROR,
        frozenset({BURN, "MidstreamInBandErrors", "MidstreamOverloaded", "MidstreamMisreportedStatus"}),
    ),
    "leaked": Kind("reset", Outcome.TRANSPORT_ERROR, frozenset({BURN, "MidstreamTransportErrors"})),
    "truncated": Kind("cut", Outcome.TRUNCATED, frozenset({BURN, "MidstreamTruncatedStreams"})),
    "malformed": Kind("bad_json", Outcome.MALFORMED, frozenset({BURN, "MidstreamMalformedData"})),
    "denied": Kind("http:authentication_error", Outcome.HTTP_ERROR, frozenset({BURN, "MidstreamAccessDenied"})),
    "unconnected": Kind("hangup", Outcome.CONNECTION_ERROR, frozenset({BURN, "MidstreamConnectionErrors"})),
}


@dataclass(frozen=True)
class Live:
    """A Prometheus with midstream's rules, and the demos that it scrapes, by job."""

    prometheus: Prometheus
    demos: Mapping[str, Running]


@contextmanager
def live(directory: Path) -> Generator[Live]:
    with ExitStack() as stack:
        server = stack.enter_context(prometheus(directory, faster_rules(directory)))
        arguments = {MIXED: [], **{job: ["--only", "ok", "--only", kind.fault] for job, kind in KINDS.items()}}
        demos = {
            job: stack.enter_context(midstream_running("demo", "--serve", "--port", "0", *only, **environment(job)))
            for job, only in arguments.items()
        }
        server.scrape({job: address(demo) for job, demo in demos.items()})
        yield Live(server, demos)


def environment(job: str) -> dict[str, str]:
    """One job has corrected errors, too, which change nothing else."""
    return {"MIDSTREAM_ERRORS": "corrected"} if job == MIXED else {}


def address(demo: Running) -> str:
    """Where the metrics of a demo are, once its traffic flows."""
    output = demo.read_until("Ctrl-C stops.")
    (url,) = re.findall(r"http://\S+/metrics", output)
    return urlsplit(str(url)).netloc


# Assertions, each repeated until it holds or its patience ends.


def the_variables_have_values(on: Live) -> None:
    found = {name: on.prometheus.values_of(label, selector) for name, selector, label in variables()}
    assert found["job"] == {MIXED, *KINDS}
    assert found["service"] == {"midstream-demo"}
    assert found["provider"] == {"anthropic"}
    assert found["model"] > {kind.fault for kind in KINDS.values()}
    assert found["operation"] == {"chat", "count_tokens", "batch_results"}


def all_panels_move_when_there_is_some_of_everything(on: Live) -> None:
    """All panels with all jobs in them, as a board opens, and with the one job that has everything."""
    still = [str(shown) for shown in shown_panels() if not shown.moves(shown.answers(on.prometheus, MIXED))]
    empty = [str(shown) for shown in shown_panels() if not all(shown.answers(on.prometheus))]
    assert (still, empty) == ([], [])


def a_kind_of_failure_moves_its_own_panels_and_no_others(on: Live, job: str) -> None:
    for shown in shown_panels():
        moved_by = shown.panel.moved_by
        if moved_by is None:
            # A panel with good and failed calls apart has a query for each.
            assert any(shown.answers(on.prometheus, job)), f"{shown} has no data of {job}"
        else:
            answers = shown.answers(on.prometheus, job)
            assert shown.moves(answers) is (KINDS[job].outcome in moved_by), f"{shown}, {job}: {answers}"


def a_kind_of_failure_raises_its_own_alerts_and_no_others(on: Live, job: str) -> None:
    alerts = [alert["labels"] for alert in on.prometheus.alerts()]
    # Half of the calls fail: that is the limit of the outage.
    assert {alert["alertname"] for alert in alerts if alert["job"] == job} - {"MidstreamOutage"} == KINDS[job].alerts


def the_alert_arrives_with_all_that_leads_on(on: Live) -> None:
    """This one fires at the first failure, with the rules as they are."""
    wanted = {"alertname": "MidstreamAccessDenied", "severity": "warning", "job": "denied"}
    alerts = [a for a in on.prometheus.alerts_in_alertmanager() if wanted.items() <= a["labels"].items()]
    assert len(alerts) == 1
    alert = alerts[0]
    assert alert["status"]["state"] == "active"
    assert alert["labels"] == {
        "alertname": "MidstreamAccessDenied",
        "severity": "warning",
        "job": "denied",
        "service_name": "midstream-demo",
        "error_type": "authentication_error",
    }
    notes = alert["annotations"]
    assert notes["summary"] == "The API denies access to midstream-demo: authentication_error"
    assert notes["description"]
    assert notes["runbook_url"] == "runbooks/MidstreamAccessDenied.md"
    assert (DASHBOARDS / notes["runbook_url"]).is_file()
    path, query = notes["dashboard_url"].split("?")
    assert (DASHBOARDS / "grafana" / f"{path.removeprefix('/d/')}.json").is_file()
    assert {"var-job=denied", "var-service=midstream-demo"} <= set(query.split("&"))


def the_service_is_missed(on: Live, job: str) -> None:
    alerts = [alert["labels"] for alert in on.prometheus.alerts()]
    assert [alert["job"] for alert in alerts if alert["alertname"] == "MidstreamTelemetryAbsent"] == [job]


# One test, because all of it needs the same processes, and tests of a module may run in several.


@pytest.mark.full
@pytest.mark.timeout(600)
def test_boards_and_alerts_distinguish_every_kind_of_failure(tmp_path: Path, subtests: pytest.Subtests) -> None:
    def proves(claim: Callable[..., None], *arguments: object) -> None:
        with subtests.test(claim.__name__, of=arguments):
            eventually(partial(claim, on, *arguments), until)

    with live(tmp_path) as on:
        until = time.monotonic() + _PATIENCE_SECONDS
        proves(the_alert_arrives_with_all_that_leads_on)
        proves(the_variables_have_values)
        for job in KINDS:
            proves(a_kind_of_failure_moves_its_own_panels_and_no_others, job)
            proves(a_kind_of_failure_raises_its_own_alerts_and_no_others, job)
        proves(all_panels_move_when_there_is_some_of_everything)
        on.demos["none"].process.terminate()
        proves(the_service_is_missed, "none")


def test_without_its_programs_it_is_skipped_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Debian's package prometheus has it"):
        needed("promtool", "prometheus")
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="there is no promtool"):
        needed("promtool", "prometheus")
