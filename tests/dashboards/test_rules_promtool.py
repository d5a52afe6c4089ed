"""`promtool test rules` on the shipped rules: scenes with assertions, and proof that they can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from dashboards.promtool import Scene, promtool
from dashboards.rule_scenes import FIRES, SILENT
from dashboards.rule_scenes_fleet import ONE_PAGE
from dashboards.rule_scenes_kinds import ALONE
from dashboards.rule_scenes_moments import MOMENTS
from dashboards.rule_scenes_recorded import RECORDED
from source.alerts import ALERTS
from source.rules import files

if TYPE_CHECKING:
    from pathlib import Path

NAMES = sorted({alert.name for alert in ALERTS})
SCENES = {scene.name: scene for scene in (*FIRES, *SILENT, *ALONE, *RECORDED, *MOMENTS, *ONE_PAGE)}


def check(scene: Scene, folder: Path) -> None:
    wrong = promtool(scene, folder)
    assert not wrong, wrong


@pytest.mark.parametrize("scene", FIRES, ids=str)
def test_an_alert_fires_with_its_labels_and_annotations(scene: Scene, tmp_path: Path) -> None:
    check(scene, tmp_path)


@pytest.mark.parametrize("scene", SILENT, ids=str)
def test_an_alert_is_silent(scene: Scene, tmp_path: Path) -> None:
    check(scene, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("scene", ALONE, ids=str)
def test_what_happens_alone_fires_its_own_alerts_and_no_others(scene: Scene, tmp_path: Path) -> None:
    check(scene, tmp_path)


@pytest.mark.parametrize("scene", ONE_PAGE, ids=str)
def test_one_storm_is_one_page(scene: Scene, tmp_path: Path) -> None:
    check(scene, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("scene", RECORDED, ids=str)
def test_a_share_is_0_without_failures_and_not_there_without_calls(scene: Scene, tmp_path: Path) -> None:
    check(scene, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("scene", MOMENTS, ids=str)
def test_a_rule_at_the_edges_of_its_windows(scene: Scene, tmp_path: Path) -> None:
    check(scene, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_a_scene_in_which_it_fires_and_one_in_which_it_does_not(name: str) -> None:
    assert any(scene.fired.get(name) for scene in FIRES), f"{name} fires in no scene"
    assert any(scene.fired.get(name) == [] for scene in SILENT), f"{name} is silent in no scene"


def test_the_scenes_are_about_alerts_that_exist() -> None:
    # promtool accepts an unknown alert that must not fire.
    assert {name for scene in SCENES.values() for name in scene.fired} == set(NAMES)
    assert all(scene.fired or scene.samples for scene in SCENES.values())


class Change(NamedTuple):
    """A change of the rules that a scene must notice."""

    old: str
    new: str
    scene: str


CHANGES = (
    # A limit that is too high, and one that is too low.
    Change("ratio_rate3d > 1 * (1 - 0.99)", "ratio_rate3d > 2 * (1 - 0.99)", "MidstreamErrorBudgetBurn: 1/64"),
    Change("> 1 * (1 - 0.99)", "> 0.5 * (1 - 0.99)", "MidstreamErrorBudgetBurn: 1/128"),
    Change("in_band_errors:ratio_rate15m > 0.02", "in_band_errors:ratio_rate15m > 0.3", "MidstreamInBandErrors: one c"),
    Change("> 0.0025", "> 0.0001", "MidstreamTransportErrors: one an hour"),
    Change("midstream:failures:ratio_rate5m > 0.5", "midstream:failures:ratio_rate5m > 0.25", "MidstreamOutage: half"),
    Change("failures:ratio_rate5m > 0.5", "failures:ratio_rate5m > 0.95", "MidstreamOutage: 15 calls in 16"),
    Change("denials:ratio_rate5m > 0.1", "denials:ratio_rate5m > 0.2", "MidstreamAccessDenied: an eighth"),
    # No minimum of calls.
    Change(
        "round(midstream:eligible_calls:rate1h * 3600) >= 21",
        "midstream:eligible_calls:rate1h >= 0",
        "MidstreamErrorBudgetBurn: ever",
    ),
    Change("round(midstream:calls:rate15m * 900) >= 150", "midstream:calls:rate15m >= 0", "MidstreamInBandErrors: too"),
    Change(">= 5\n", ">= 4\n", "MidstreamOutage: the first four"),
    # Services that fail together.
    Change(")) >= 3\n", ")) >= 2\n", "MidstreamFleetFailure: two services"),
    Change(">= 0.5 * count", ">= 0.2 * count", "MidstreamFleetFailure: three of seven"),
    Change("keep_firing_for: 45m", "keep_firing_for: 10m", "an outage of many services"),
    # What the objective excludes.
    Change('"400|401|402|403|404|413|422|', '"401|402|403|404|413|422|', "every call is refused through"),
    Change('"midstream_status_code", "unknown"', '"midstream_status_code", "500"', "HTTP errors whose status"),
    Change("> 0.5 * sum by", "> 0.6 * sum by", "HTTP errors whose status"),
    Change("1 - sum by", "0 * sum by", "HTTP errors, half of them through"),
    # No success in one of several windows.
    Change("ratio_rate1h > 0.999", "ratio_rate1h > 1", "MidstreamOutage: a call every 10 minutes"),
    Change("ratio_rate1h > 0.999", "ratio_rate1h > 0.8", "MidstreamOutage: a call succeeds now and then"),
    # No short window, so that an alert goes on after the failures.
    Change(
        "and midstream:failures:ratio_rate5m > 14.4 * (1 - 0.99)", "", "MidstreamErrorBudgetBurn: failures that are"
    ),
    Change("and midstream:in_band_errors:ratio_rate5m > 0.02", "", "MidstreamInBandErrors: they are over"),
    Change("keep_firing_for: 10m", "keep_firing_for: 1m", "MidstreamOutage: fires for 10 minutes"),
    # Failures of the wrong kind.
    Change('midstream_status_code=~"401|402|403"', 'midstream_status_code=~"401|402"', "HTTP 403, permission_error"),
    Change('midstream_status_code=~"401|402|403"', 'midstream_status_code=~"4.."', "HTTP 429"),
    Change('"529"', '"503"', "HTTP 529"),
    Change('rate5m{midstream_outcome="transport_error"}', 'rate5m{midstream_leaked="true"}', "malformed only"),
    Change('midstream_misreported="true"', 'midstream_leaked="false"', "HTTP 500"),
    # Shares that are missing where they should be 0, and the reverse.
    Change("or 0 * midstream:calls:rate5m", "", "only one series, and"),
    Change("/ (midstream:calls:rate5m > 0)", "/ midstream:calls:rate5m", "idle from the start"),
    Change("completed|http_error", "completed|cancelled|http_error", "only calls that the application ended"),
    # Without one of the two labels of a service.
    Change("by (job, service_name, ", "by (job, ", "service_name and no job"),
    Change(", namespace, ", ", ", "MidstreamOutage: in one namespace"),
    # The first values of a series, a gap between two scrapes, and a restart.
    Change("[1h] offset 1h", "[3h] offset 1h", "a gap of three hours"),
    Change("[1h] offset 1h", "[5m] offset 1h", "a gap of 50 minutes"),
    Change(
        "last_over_time(midstream_telemetry_errors_total[1h])",
        "last_over_time(midstream_telemetry_errors_total[1h] offset 1w)",
        "MidstreamTelemetryErrors: the",
    ),
    Change("last_over_time(midstream_client_operations_total[5m])", "vector(0) > 1", "processes that live for less"),
    Change("last_over_time(midstream_client_operations_total[5m])", "vector(0) > 1", "the first interval of a new"),
    Change(
        "<= last_over_time(midstream_client_operations_total[5m])",
        "",
        "a process that restarts at the same address, after a break",
    ),
    Change("or resets(midstream_client_operations_total[5m]) > 0", "", "a restart within"),
    # A service that has gone.
    Change("unless midstream:calls:rate5m", "", "MidstreamTelemetryAbsent: a service that is idle"),
    Change(">= 12", ">= 1", "MidstreamTelemetryAbsent: a process every half hour"),
    Change("[7d:1h]", "[1h:1h]", "MidstreamTelemetryAbsent: it has been gone for days"),
    Change("for: 10m", "for: 2h", "MidstreamTelemetryAbsent: a busy"),
    Change('{le="20.48"}', '{le="+Inf"}', "MidstreamStalls: a quarter"),
    # What an alert says.
    Change("severity: critical", "severity: warning", "MidstreamAccessDenied: an eighth"),
    Change("Nothing was raised", "Something was raised", "MidstreamTruncatedStreams: one call in 32"),
    Change("&var-job=", "&var-jobs=", "MidstreamTransportErrors: one call in 32"),
    Change("runbook_url: runbooks/", "runbook_url: runbook/", "MidstreamStalls: a quarter"),
)


@pytest.mark.full
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.old} -> {change.new} ({change.scene})")
def test_a_scene_notices_a_change_of_the_rules(change: Change, tmp_path: Path) -> None:
    scenes = [scene for name, scene in SCENES.items() if name.startswith(change.scene)]
    assert scenes
    changed = {name: text.replace(change.old, change.new) for name, text in files().items()}
    assert changed != files()
    found = [promtool(scene, tmp_path, changed) for scene in scenes]
    assert any("FAILED" in one and "got:" in one for one in found), found
