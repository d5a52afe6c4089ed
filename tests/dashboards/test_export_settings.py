"""`midstream dashboards export` with other labels of a service, another objective, another window."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from midstream._cli.dashboards.settings import BoardSettings
from support.commands import midstream
from support.export import contents, export, shipped_files

if TYPE_CHECKING:
    from pathlib import Path

BY = ("cluster", "namespace", "team")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("exported") / "new"
    done = midstream("dashboards", "export", "--by", ",".join(BY), str(folder))
    assert (done.status, done.stderr) == (0, "")
    return {name: text.decode() for name, text in contents(folder).items()}


def test_it_writes_the_same_files(files: dict[str, str]) -> None:
    assert files.keys() == shipped_files().keys()


def test_the_usual_labels_of_a_service_are_nowhere(files: dict[str, str]) -> None:
    usual = re.compile(r"\bjob\b|service_name|deployment_environment")
    kinds = ("grafana/", "prometheus/")
    needed = r"service_name=~\".+\""  # Loki takes no selector without a label
    assert [
        name for name, text in files.items() if name.startswith(kinds) and usual.search(text.replace(needed, ""))
    ] == []
    assert [name for name, text in files.items() if re.search(r"by \(.*(job|service_name)", text)] == []


def test_rules_alerts_and_runbooks_group_by_the_labels(files: dict[str, str]) -> None:
    listed = ", ".join(BY)
    for name in ("midstream-recording.yaml", "midstream-alerts.yaml"):
        grouped = re.findall(r"sum by \(([^)]*)\)", files[f"prometheus/{name}"])
        assert grouped
        assert all(by.startswith(listed) for by in grouped)
    assert f"sum by ({listed}, midstream_outcome)" in files["runbooks/MidstreamErrorBudgetBurn.md"]


def test_alerts_name_the_service_by_the_labels(files: dict[str, str]) -> None:
    service = (
        '{{ or $labels.cluster "a service without a name" }}{{ with $labels.namespace }} in {{ . }}{{ end }}'
        "{{ with $labels.team }} in {{ . }}{{ end }}"
    )
    alerts = " ".join(files["prometheus/midstream-alerts.yaml"].split())
    assert alerts.count("summary:") <= alerts.count(service) <= 2 * alerts.count("summary:")
    assert "$labels.job" not in alerts


def test_boards_have_a_variable_for_each_label(files: dict[str, str]) -> None:
    for text in (text for name, text in files.items() if name.startswith("grafana/")):
        variables = {one["name"]: one for one in json.loads(text)["templating"]["list"]}
        assert tuple(variables)[1:4] == BY
        assert [variables[label]["hide"] for label in BY] == [0, 0, 0]
        assert 'cluster=~\\"$cluster\\", namespace=~\\"$namespace\\", team=~\\"$team\\"' in text


@pytest.mark.parametrize(
    ("by", "what"),
    [
        ("", "must be the names of labels, separated by commas: cluster,namespace,job"),
        ("job;team", "must be the names of labels, separated by commas: cluster,namespace,job"),
        ("job,__name__", "must be the names of labels, separated by commas: cluster,namespace,job"),
        ("job,,", "must be the names of labels, separated by commas: cluster,namespace,job"),
        ("job,job", "job is there more than once"),
        ("job,le", "le cannot identify a service, because it has another meaning in the rules"),
        ("gen_ai_request_model", "gen_ai_request_model cannot identify a service, because"),
    ],
)
def test_labels_that_cannot_be_used(tmp_path: Path, by: str, what: str) -> None:
    refused(tmp_path, "--by", by, what)


@pytest.mark.parametrize("objective", ["93", "100", "-99", "99,5", "nan", "99.5%", ""])
def test_an_objective_that_cannot_be_used(tmp_path: Path, objective: str) -> None:
    allowed = "must be a percentage below 100 and, for a window of 30d, above 93.06, such as 99.5"
    refused(tmp_path, "--objective", objective, allowed)


@pytest.mark.parametrize("window", ["6d", "91d", "30", "4w", "0d", "28 d", ""])
def test_a_window_that_cannot_be_used(tmp_path: Path, window: str) -> None:
    refused(tmp_path, "--window", window, "must be a number of days from 7d to 90d, such as 28d")


def refused(folder: Path, option: str, value: str, what: str) -> None:
    result = export(option, value, folder / "new")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {option} {value or repr(value)}: {what}")
    assert result.stderr.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_the_settings_reach_another_process_as_they_are() -> None:
    settings = BoardSettings.from_options("job, team", "99.95", "28d")
    assert settings == BoardSettings(("job", "team"), 0.9995, 28)
    assert BoardSettings.from_environment(settings.in_environment()) == settings
    assert BoardSettings.from_environment({}) == BoardSettings() == BoardSettings.from_options(None, None, None)
