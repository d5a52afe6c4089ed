"""A real Alertmanager with the shipped routes and rules: one storm is one page, and no alert beside a better one."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest
import yaml

from dashboards.prometheus import alertmanager, get_json
from source import names
from source.alerts import ALERTS
from support.programs import eventually, needed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHIPPED = Path(__file__).parents[2] / "dashboards" / "alertmanager" / "midstream.yaml"
MODEL = {names.PROVIDER: "anthropic", names.MODEL: "claude"}


def fired(name: str, severity: str, long: str = "") -> dict[str, str]:
    """The labels of the alert with this name, without those of its service."""
    (alert,) = (a for a in ALERTS if (a.name, a.severity, a.labels.get("long", "")) == (name, severity, long))
    by_model = {label: value for label, value in MODEL.items() if label in alert.by}
    return {"alertname": name, "severity": severity, **alert.labels, **by_model}


FLEET = fired("MidstreamFleetFailure", "critical")
FLEET_TICKET = fired("MidstreamFleetFailure", "warning")
OUTAGE = fired("MidstreamOutage", "critical")
FAST, SLOWER = (fired("MidstreamErrorBudgetBurn", "critical", long) for long in ("1h", "6h"))
DAY, DAYS = (fired("MidstreamErrorBudgetBurn", "warning", long) for long in ("1d", "3d"))
IN_BAND, IN_BAND_DAY = (fired("MidstreamInBandErrors", "warning", long) for long in ("15m", "1d"))
TRUNCATED = fired("MidstreamTruncatedStreams", "warning", "1h")
OVERLOADED = fired("MidstreamOverloaded", "warning")
MISREPORTED = fired("MidstreamMisreportedStatus", "info")
CALLER, CALLER_TICKET = fired("MidstreamCallerErrors", "critical"), fired("MidstreamCallerErrors", "warning", "15m")
DENIED, DENIED_TICKET = fired("MidstreamAccessDenied", "critical"), fired("MidstreamAccessDenied", "warning")
ABSENT = fired("MidstreamTelemetryAbsent", "warning")

CASES = {
    "5 % in-band errors": ([IN_BAND, IN_BAND_DAY, MISREPORTED, DAY, DAYS], [IN_BAND]),
    "an outage by overload": ([OUTAGE, FAST, SLOWER, DAY, IN_BAND, OVERLOADED, MISREPORTED], [OUTAGE]),
    "the budget burns": ([FAST, SLOWER, DAY, DAYS, TRUNCATED, MISREPORTED], [FAST]),
    "only the slower window is left": ([SLOWER, DAY, TRUNCATED], [SLOWER]),
    "overload inside streams": ([OVERLOADED, IN_BAND, MISREPORTED, DAY], [OVERLOADED]),
    "many services fail": ([FLEET, FLEET_TICKET, OUTAGE, FAST, IN_BAND, OVERLOADED, MISREPORTED], [FLEET]),
    "many services fail a little": ([FLEET_TICKET, IN_BAND, DAY, MISREPORTED], [FLEET_TICKET]),
    "many services fail a little, and one fails": ([FLEET_TICKET, OUTAGE, FAST], [FLEET_TICKET, OUTAGE]),
    "every request is wrong": ([CALLER, CALLER_TICKET, IN_BAND, MISREPORTED], [CALLER]),
    "the key is revoked, and requests are wrong": ([DENIED, DENIED_TICKET, CALLER_TICKET], [DENIED, CALLER_TICKET]),
    "one denial silences nothing": ([DENIED_TICKET, IN_BAND], [DENIED_TICKET, IN_BAND]),
    "nothing better": ([TRUNCATED, IN_BAND, CALLER_TICKET, ABSENT], [TRUNCATED, IN_BAND, CALLER_TICKET, ABSENT]),
}
"""By what happens to a service: the alerts that fire for it, and those that notify."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    with alertmanager(tmp_path_factory.mktemp("alertmanager"), shipped) as address:
        yield address


def post(url: str, alerts: Sequence[dict[str, str]]) -> None:
    ends = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    body = json.dumps([{"labels": alert, "endsAt": ends} for alert in alerts]).encode()
    request = Request(f"{url}/api/v2/alerts", body, {"Content-Type": "application/json"})  # noqa: S310 - it is http
    build_opener(ProxyHandler({})).open(request).close()


def of_service(alerts: Sequence[dict[str, str]], job: str) -> list[dict[str, str]]:
    return [{**alert, "job": job, "namespace": "production"} for alert in alerts]


def in_order(alerts: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(alerts, key=lambda labels: sorted(labels.items()))


@pytest.mark.parametrize("case", CASES)
def test_the_most_precise_alert_notifies(url: str, case: str) -> None:
    firing, heard = (of_service(alerts, case) for alerts in CASES[case])
    other = of_service([DAY, MISREPORTED], f"another service than: {case}")
    post(url, [*firing, *other])

    def told() -> None:
        alerts = get_json(f"{url}/api/v2/alerts", filter=f'job=~"(another service than: )?{case}"')
        assert len(alerts) == len(firing) + len(other)
        active = [alert["labels"] for alert in alerts if not alert["status"]["inhibitedBy"]]
        assert in_order(active) == in_order([*heard, *other])

    eventually(told)


def test_many_services_that_fail_together_are_one_notification_and_a_service_is_one(url: str) -> None:
    post(url, [alert for number in range(4) for alert in of_service([FLEET], f"storm-{number}")])
    post(url, of_service([TRUNCATED, CALLER_TICKET], "alone"))

    def told() -> None:
        groups: list[Any] = get_json(f"{url}/api/v2/alerts/groups", filter='job=~"storm-.|alone"')
        members = [sorted(alert["labels"]["job"] for alert in group["alerts"]) for group in groups]
        assert sorted(members) == [["alone", "alone"], ["storm-0", "storm-1", "storm-2", "storm-3"]]

    eventually(told)


@pytest.mark.parametrize("name", ["MidstreamFleetFailure", "MidstreamErrorBudgetBurn"])
@pytest.mark.parametrize(("severity", "receiver"), [("critical", "page"), ("warning", "ticket"), ("info", "others")])
def test_a_page_pages_although_the_routes_are_the_first(
    tmp_path: Path, name: str, severity: str, receiver: str
) -> None:
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    routes = [*shipped["route"]["routes"], {"matchers": ["severity = critical"], "receiver": "late"}]
    receivers = [{"name": one} for one in ("page", "ticket", "others", "late")]
    config = {**shipped, "route": {"receiver": "others", "routes": routes}, "receivers": receivers}
    (tmp_path / "alertmanager.yaml").write_text(yaml.safe_dump(config))
    command = (needed("amtool", "prometheus-alertmanager"), "config", "routes", "test")
    labels = (f"alertname={name}", f"severity={severity}")
    done = subprocess.run(
        (*command, f"--config.file={tmp_path / 'alertmanager.yaml'}", *labels),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [receiver], done.stderr
