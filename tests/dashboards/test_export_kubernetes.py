"""`midstream dashboards export --format kubernetes`: the objects hold exactly the files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.export import contents, export, shipped_files, wrote

GRAFANA = "https://grafana.example.com"
RUNBOOKS = "https://runbooks.example.com"

CONFIG_MAP_BYTES = 1_048_576
"""What Kubernetes accepts. `kubectl apply` without `--server-side` accepts a quarter of it."""

# What the operator's definition of PrometheusRule has.
GROUP_KEYS = {"name", "interval", "labels", "limit", "partial_response_strategy", "query_offset", "rules"}
RULE_KEYS = {"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kubernetes") / "new"
    result = export("--format", "kubernetes", folder)
    assert (result.exit_code, result.output) == (0, wrote(folder))
    return folder


def objects(folder: Path) -> dict[str, Any]:
    found = {path.name: yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml"))}
    assert found
    return found


def of_kind(folder: Path, kind: str) -> dict[str, Any]:
    """By name, the objects of this kind."""
    return {one["metadata"]["name"]: one for one in objects(folder).values() if one["kind"] == kind}


def sources(kind: str) -> dict[str, bytes]:
    """By name without suffix, the shipped files of this folder."""
    return {Path(path).stem: text for path, text in shipped_files().items() if path.startswith(f"{kind}/")}


def test_each_board_and_file_of_rules_is_an_object_in_a_file(folder: Path) -> None:
    files = contents(folder)
    boards = {f"configmap-{name}.yaml" for name in sources("grafana")}
    rules = {f"prometheusrule-{name}.yaml" for name in sources("prometheus")}
    runbooks = {f"runbooks/{name}.md" for name in sources("runbooks")}
    assert files.keys() == boards | rules | runbooks | {"alertmanager/midstream.yaml"}
    assert {Path(name).stem: files[name] for name in runbooks} == sources("runbooks")


def test_a_config_map_holds_exactly_its_board(folder: Path) -> None:
    data = {name: one["data"] for name, one in of_kind(folder, "ConfigMap").items()}
    held = {name: {file: json.loads(text) for file, text in files.items()} for name, files in data.items()}
    assert held == {name: {f"{name}.json": json.loads(text)} for name, text in sources("grafana").items()}


def test_the_spec_of_a_rule_object_is_exactly_its_file_of_rules(folder: Path) -> None:
    held = {name: one["spec"] for name, one in of_kind(folder, "PrometheusRule").items()}
    assert held == {name: yaml.safe_load(text) for name, text in sources("prometheus").items()}


def test_the_rules_are_only_indented(folder: Path) -> None:
    files = contents(folder)
    for name, text in sources("prometheus").items():
        _, _, spec = files[f"prometheusrule-{name}.yaml"].decode().partition("\nspec:\n")
        assert re.sub("(?m)^  ", "", spec) == text.decode()
        assert re.findall("(?m)^ +$", spec) == []


def test_the_objects_are_what_the_sidecar_and_the_operator_look_for(folder: Path) -> None:
    ours = {"app.kubernetes.io/name": "midstream"}
    for one in of_kind(folder, "ConfigMap").values():
        assert one["apiVersion"] == "v1"
        assert one["metadata"].keys() == {"name", "labels"}
        assert one["metadata"]["labels"] == {**ours, "grafana_dashboard": "1"}
    for one in of_kind(folder, "PrometheusRule").values():
        assert one["apiVersion"] == "monitoring.coreos.com/v1"
        assert one["metadata"].keys() == {"name", "labels"}
        assert one["metadata"]["labels"] == ours


def test_kubernetes_accepts_the_names(folder: Path) -> None:
    names = [one["metadata"]["name"] for one in objects(folder).values()]
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", name)] == []
    keys = [key for one in of_kind(folder, "ConfigMap").values() for key in one["data"]]
    assert [key for key in keys if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", key)] == []


def test_an_object_is_small_enough_for_kubernetes(folder: Path) -> None:
    sizes = {name: len(json.dumps(one).encode()) for name, one in objects(folder).items()}
    assert {name: size for name, size in sizes.items() if size > CONFIG_MAP_BYTES // 2} == {}


def test_the_operator_knows_every_key_of_the_rules(folder: Path) -> None:
    groups = [group for one in of_kind(folder, "PrometheusRule").values() for group in one["spec"]["groups"]]
    assert groups
    assert set().union(*groups) <= GROUP_KEYS
    assert set().union(*(rule for group in groups for rule in group["rules"])) <= RULE_KEYS
    strings = [(rule.get("labels", {}), rule.get("annotations", {})) for group in groups for rule in group["rules"]]
    assert {type(text) for pair in strings for mapping in pair for text in mapping.values()} == {str}
    assert {type(rule["expr"]) for group in groups for rule in group["rules"]} == {str}


def test_the_links_get_their_base(tmp_path: Path) -> None:
    bases = ("--grafana-url", GRAFANA, "--runbook-url", RUNBOOKS)
    export(tmp_path / "files", *bases)
    export(tmp_path / "objects", "--format", "kubernetes", *bases)
    held = {name: one["spec"] for name, one in of_kind(tmp_path / "objects", "PrometheusRule").items()}
    files = (tmp_path / "files" / "prometheus").iterdir()
    assert held == {path.stem: yaml.safe_load(path.read_text()) for path in files}
    assert f"runbook_url: {RUNBOOKS}/" in (tmp_path / "objects" / "prometheusrule-midstream-alerts.yaml").read_text()


@pytest.mark.parametrize("namespace", ["monitoring", "null", "1", "true", "x" * 63])
def test_the_namespace_is_in_each_object_as_it_was_given(tmp_path: Path, namespace: str) -> None:
    assert export(tmp_path / "new", "--format", "kubernetes", "--namespace", namespace).exit_code == 0
    found = objects(tmp_path / "new").values()
    assert {one["metadata"]["namespace"] for one in found} == {namespace}


def test_labels_are_added_to_each_object_and_win_over_ours(tmp_path: Path) -> None:
    given = {"release": "1", "example.com/on": "yes", "empty": "", "grafana_dashboard": "team"}
    arguments = [part for label in given.items() for part in ("--label", "=".join(label))]
    assert export(tmp_path / "new", "--format", "kubernetes", *arguments).exit_code == 0
    found = objects(tmp_path / "new").values()
    for one in found:
        assert one["metadata"]["labels"] == {"app.kubernetes.io/name": "midstream", **given}


# Kustomize and Helm


def test_the_kustomization_lists_all_objects(tmp_path: Path, folder: Path) -> None:
    assert export("--format", "kustomize", tmp_path / "new").exit_code == 0
    found = dict(contents(tmp_path / "new"))
    listed = yaml.safe_load(found.pop("kustomization.yaml"))
    assert (listed["apiVersion"], listed["kind"]) == ("kustomize.config.k8s.io/v1beta1", "Kustomization")
    assert listed["resources"] == sorted(path.name for path in folder.glob("*.yaml"))
    assert found == contents(folder)


def test_the_templates_of_the_chart_render_to_the_objects(tmp_path: Path, folder: Path) -> None:
    assert export("--format", "helm", tmp_path / "new").exit_code == 0
    found = contents(tmp_path / "new")
    chart = yaml.safe_load(found["Chart.yaml"])
    assert (chart["apiVersion"], chart["name"]) == ("v2", "midstream-dashboards")
    assert re.fullmatch(r"\d+\.\d+\.\d+", chart["version"])
    rendered = {
        name.removeprefix("templates/"): rendered_by_helm(text.decode())
        for name, text in found.items()
        if name.startswith("templates/")
    }
    assert rendered == {name: text.decode() for name, text in contents(folder).items() if "/" not in name}


ACTION = re.compile(r'\{\{ "([{}]+)" \}\}')


def rendered_by_helm(template: str) -> str:
    """What Helm makes of a template whose only actions are braces in quotes. An action begins where it can."""
    rendered = ""
    while (start := template.find("{{")) >= 0:
        action = ACTION.match(template, start)
        assert action, template[start : start + 40]
        rendered += template[:start] + action[1]
        template = template[action.end() :]
    return rendered + template
