"""`midstream dashboards export`: the files, and the links of the alerts."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from midstream._cli.console.folder import MARKER
from support.commands import midstream, midstream_after, python
from support.export import contents, export, shipped_files, wrote
from support.programs import needed

ALERTS = "prometheus/midstream-alerts.yaml"
GRAFANA = "https://grafana.example.com"
RUNBOOKS = "https://runbooks.example.com"


def alerts(folder: Path) -> list[dict[str, Any]]:
    groups = yaml.safe_load((folder / ALERTS).read_text())["groups"]
    found = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert found
    return found


def links(folder: Path, name: str) -> list[str]:
    return [alert["annotations"][name] for alert in alerts(folder)]


# The files


def test_the_files_equal_the_checkouts(tmp_path: Path) -> None:
    result = export(tmp_path / "new")
    assert (result.exit_code, result.output) == (0, wrote(tmp_path / "new"))
    assert contents(tmp_path / "new") == shipped_files()


def test_nothing_else_is_left_behind(tmp_path: Path) -> None:
    export(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_an_empty_folder_is_filled_and_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_ino
    result = export(".")
    assert (result.exit_code, result.output) == (0, wrote("."))
    assert tmp_path.stat().st_ino == before
    assert contents(tmp_path) == shipped_files()


def test_an_empty_folder_is_filled_from_within_as_it_may_be_a_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename
    moved: list[Path] = []

    def noted(made: Path, target: Path) -> Path:
        moved.append(made)
        return rename(made, target)

    monkeypatch.setattr(Path, "rename", noted)
    export(tmp_path)
    assert {path.name for path in moved} == {MARKER, *(Path(name).name for name in shipped_files())}
    assert [path for path in moved if not path.is_relative_to(tmp_path)] == []


def test_a_link_to_an_empty_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    assert export(tmp_path / "link").exit_code == 0
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "folder") == shipped_files()


@pytest.mark.parametrize("is_there", [False, True])
def test_the_folders_have_the_usual_permissions(tmp_path: Path, is_there: bool) -> None:
    (tmp_path / "ordinary").mkdir()
    mode = (tmp_path / "ordinary").stat().st_mode
    if is_there:
        (tmp_path / "new").mkdir()
    export(tmp_path / "new")
    folders = [tmp_path / "new", *(path for path in (tmp_path / "new").rglob("*") if path.is_dir())]
    assert [folder.stat().st_mode for folder in folders] == [mode] * len(folders)


def test_the_real_command_writes_the_same(tmp_path: Path) -> None:
    done = midstream("dashboards", "export", str(tmp_path / "new"))
    assert (done.status, done.stdout, done.stderr) == (0, wrote(tmp_path / "new"), "")
    assert contents(tmp_path / "new") == shipped_files()


@pytest.mark.parametrize("form", ["files", "kubernetes", "kustomize", "helm"])
def test_it_imports_no_other_package_than_click(tmp_path: Path, form: str) -> None:
    arguments = ["midstream", "dashboards", "export", "--format", form, str(tmp_path / "new")]
    code = f"""
        import atexit, sys
        from midstream._cli import main
        atexit.register(lambda: print(*sorted({{name.partition(".")[0] for name in sys.modules}})))
        sys.argv = {arguments!r}
        main()
    """
    output, imported = python("\n".join(line.strip() for line in code.splitlines())).stdout.splitlines()
    assert output == wrote(tmp_path / "new").rstrip()
    ours = set(imported.split())
    assert {"click", "midstream"} <= ours
    assert ours & {"anthropic", "opentelemetry", "rich", "wrapt", "yaml"} == set()


def test_without_click_it_says_how_to_install_it(tmp_path: Path) -> None:
    without = "import importlib.util; importlib.util.find_spec = lambda name: None"
    done = midstream_after(without, "dashboards", "export", str(tmp_path / "new"))
    line = 'midstream: this needs click, not installed here; pip install "midstream[cli]" brings it\n'
    assert (done.status, done.stdout, done.stderr) == (2, "", line)
    assert not (tmp_path / "new").exists()


# The links of the alerts


def test_without_a_base_they_are_relative(tmp_path: Path) -> None:
    export(tmp_path / "new")
    assert all(link.startswith("/d/midstream-") for link in links(tmp_path / "new", "dashboard_url"))
    assert all(link.startswith("runbooks/") for link in links(tmp_path / "new", "runbook_url"))


@pytest.mark.parametrize("end", ["", "/", "/sub/path", "/sub/path/"])
def test_each_base_is_put_before_its_links_and_nothing_else_changes(tmp_path: Path, end: str) -> None:
    export(tmp_path / "plain")
    export(tmp_path / "linked", "--grafana-url", GRAFANA + end, "--runbook-url", RUNBOOKS + end)
    expected = alerts(tmp_path / "plain")
    path = end.rstrip("/")
    for alert in expected:
        for name in ("dashboard_url", "calls_url"):
            alert["annotations"][name] = f"{GRAFANA}{path}{alert['annotations'][name]}"
        alert["annotations"]["runbook_url"] = f"{RUNBOOKS}{path}/{alert['annotations']['runbook_url']}"
    assert alerts(tmp_path / "linked") == expected
    plain, linked = contents(tmp_path / "plain"), contents(tmp_path / "linked")
    assert [name for name in plain if plain[name] != linked[name]] == [ALERTS]
    assert plain.keys() == linked.keys()


def test_one_base_leaves_the_other_links_relative(tmp_path: Path) -> None:
    export(tmp_path / "one", "--grafana-url", GRAFANA)
    assert all(link.startswith(f"{GRAFANA}/d/") for link in links(tmp_path / "one", "dashboard_url"))
    assert all(link.startswith("runbooks/") for link in links(tmp_path / "one", "runbook_url"))
    export(tmp_path / "other", "--runbook-url", RUNBOOKS)
    assert all(link.startswith("/d/") for link in links(tmp_path / "other", "dashboard_url"))
    assert all(link.startswith(f"{RUNBOOKS}/runbooks/") for link in links(tmp_path / "other", "runbook_url"))


def test_each_runbook_that_an_alert_links_to_is_exported(tmp_path: Path) -> None:
    export(tmp_path / "new", "--runbook-url", RUNBOOKS)
    linked = links(tmp_path / "new", "runbook_url")
    missing = [link for link in linked if not (tmp_path / "new" / link.removeprefix(f"{RUNBOOKS}/")).is_file()]
    assert missing == []


@pytest.mark.parametrize(
    "base",
    [
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
        "HTTPS://grafana.example.com",
        "https://example.com/%7Eops/(a)/b=1;c,d+e!*&[f]$1:2/",
    ],
)
def test_prometheus_accepts_the_rules_with_any_base(tmp_path: Path, base: str) -> None:
    assert export(tmp_path / "new", "--grafana-url", base, "--runbook-url", base).exit_code == 0
    assert all(link.startswith(f"{base.rstrip('/')}/") for link in links(tmp_path / "new", "runbook_url"))
    files = sorted((tmp_path / "new" / "prometheus").iterdir())
    checked = subprocess.run(
        [needed("promtool", "prometheus"), "check", "rules", *files], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


# The help


def test_the_help_names_every_option_and_its_values() -> None:
    result = export("--help")
    output = " ".join(result.output.split())
    assert result.exit_code == 0
    assert "Usage: midstream dashboards export [OPTIONS] DIR" in output.replace("app", "midstream", 1)
    assert "DIR must be empty, or not exist yet in a folder that does, or have been written by an" in output
    for option in (
        "--format [files|kubernetes|kustomize|helm]",
        "--grafana-url URL",
        "--runbook-url URL",
        "--prices FILE",
        "--force",
    ):
        assert option in output
    for option in ("--namespace NAME", "--label KEY=VALUE"):
        assert option in output


def test_dashboards_without_a_command_lists_it() -> None:
    done = midstream("dashboards")
    assert done.status == 2
    assert "Commands:\n  export  Write boards, rules and runbooks into DIR" in done.stdout + done.stderr
