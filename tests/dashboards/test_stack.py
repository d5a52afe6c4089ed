"""`examples/stack`: its files agree with each other, and the installed tools accept them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import pytest
import yaml

from midstream._cli.app import app
from support.export import CHECKOUT, export, shipped_files
from support.programs import needed

if TYPE_CHECKING:
    from collections.abc import Iterator

STACK = CHECKOUT / "examples" / "stack"
OURS = "${MIDSTREAM_DASHBOARDS:-../../dashboards}"
"""Where boards and rules come from, unless MIDSTREAM_DASHBOARDS is a folder of an export."""

PORTS = {
    "collector": {4318},
    "prometheus": {9090},
    "alertmanager": {9093},
    "tempo": {3200, 4318},
    "loki": {3100},
    "grafana": {3000},
}
"""Where each service listens. Those of Prometheus, Alertmanager and Grafana are their defaults."""


def read(name: str) -> Any:
    return yaml.safe_load((STACK / name).read_text())


def services() -> dict[str, Any]:
    found = read("compose.yaml")["services"]
    assert found.keys() == {"demo", *PORTS}
    return dict(found)


def mounts(service: str) -> dict[str, Path]:
    """By the path in the container, what is mounted there."""
    found: dict[str, Path] = {}
    for volume in services()[service].get("volumes", ()):
        source, target, mode = volume.replace(OURS, "../../dashboards").split(":")
        assert mode == "ro"
        found[target] = (STACK / source).resolve()
    return found


def option(service: str, name: str) -> str:
    (value,) = (word.partition("=")[2] for word in services()[service]["command"] if word.partition("=")[0] == name)
    return str(value)


def strings(value: object) -> Iterator[str]:
    """Every string in a configuration."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from strings(list(cast("dict[str, object]", value).values()))
    elif isinstance(value, list):
        for one in cast("list[object]", value):
            yield from strings(one)


# The containers


def test_every_image_is_pinned_to_a_version() -> None:
    images = {name: service["image"] for name, service in services().items() if "image" in service}
    assert images.keys() == PORTS.keys()
    assert [image for image in images.values() if not re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", image)] == []
    (base,) = re.findall("(?m)^FROM (.*)$", (STACK / "Dockerfile").read_text())
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base)


def test_every_port_is_published_on_loopback_only_and_is_one_where_the_service_listens() -> None:
    published = [(name, port) for name, service in services().items() for port in service.get("ports", ())]
    assert {name for name, _port in published} == {"collector", "prometheus", "alertmanager", "grafana"}
    for name, port in published:
        host, outside, inside = port.split(":")
        assert (host, outside) == ("127.0.0.1", inside)
        assert int(inside) in PORTS[name]


def test_everything_that_is_mounted_exists_and_every_configuration_is_mounted() -> None:
    mounted = [path for name in services() for path in mounts(name).values()]
    assert [path for path in mounted if not path.exists()] == []
    configurations = {path for path in STACK.glob("*.yaml") if path.name != "compose.yaml"}
    assert configurations == {path for path in mounted if path.parent == STACK}


@pytest.mark.parametrize(
    ("service", "name", "file"),
    [
        ("collector", "--config", "collector.yaml"),
        ("prometheus", "--config.file", "prometheus.yaml"),
        ("alertmanager", "--config.file", "alertmanager.yaml"),
        ("tempo", "-config.file", "tempo.yaml"),
        ("loki", "-config.file", "loki.yaml"),
    ],
)
def test_a_service_names_the_place_where_its_configuration_is_mounted(service: str, name: str, file: str) -> None:
    assert mounts(service)[option(service, name)] == STACK / file


@pytest.mark.parametrize("file", sorted(path.name for path in STACK.glob("*.yaml")))
def test_every_address_in_a_configuration_is_one_where_a_service_listens(file: str) -> None:
    urls = [urlsplit(text) for text in strings(read(file)) if text.startswith("http://")]
    targets = [urlsplit(f"//{text}") for text in strings(read(file)) if re.fullmatch(r"[a-z]+:\d+", text)]
    inside = [url for url in (*urls, *targets) if url.hostname != "localhost"]
    assert [url.geturl() for url in inside if url.port not in PORTS.get(url.hostname or "", ())] == []
    if file in {"compose.yaml", "collector.yaml", "prometheus.yaml", "grafana-datasources.yaml"}:
        assert inside


def test_the_address_by_which_a_service_knows_itself_is_the_published_one() -> None:
    for name in ("prometheus", "alertmanager"):
        (port,) = PORTS[name]
        assert option(name, "--web.external-url") == f"http://localhost:{port}"


# The demo


def test_the_demo_accepts_its_options() -> None:
    command, *arguments = services()["demo"]["command"]
    demo: Any = app.commands[command]
    given = demo.make_context(command, list(arguments)).params
    assert (given["serve"], given["otlp"]) == (True, "http://collector:4318")


def test_the_image_of_the_demo_is_built_from_what_is_copied_and_that_is_enough(tmp_path: Path) -> None:
    build = services()["demo"]["build"]
    assert (STACK / build["context"]).resolve() == CHECKOUT
    assert CHECKOUT / build["dockerfile"] == STACK / "Dockerfile"
    copied = re.findall("(?m)^COPY (.*) [^ ]+$", (STACK / "Dockerfile").read_text())
    wanted = {path for line in copied for path in line.split()}
    everything, *lines = (STACK / "Dockerfile.dockerignore").read_text().split("\n", 1)[1].split()
    kept = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert everything == "*"
    assert {path.partition("/")[0] for path in kept} == {path.partition("/")[0] for path in wanted}
    for path in kept:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (CHECKOUT / path).is_dir() else shutil.copyfile
        copy(CHECKOUT / path, tmp_path / path)
    command = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "made")
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert len(list((tmp_path / "made").glob("*.whl"))) == 1


def test_the_versions_in_the_image_are_those_of_the_newest_environment() -> None:
    (newest,) = re.findall("(?m)^NEWEST := (.*)$", (CHECKOUT / "Makefile").read_text())
    assert f"--constraint requirements/{newest}.txt" in (STACK / "Dockerfile").read_text()


# The route of the telemetry


def test_the_collector_receives_every_signal_and_passes_it_on() -> None:
    config = read("collector.yaml")
    pipelines = config["service"]["pipelines"]
    assert pipelines.keys() == {"metrics", "traces", "logs"}
    for part in ("receivers", "processors", "exporters"):
        used = {name for pipeline in pipelines.values() for name in pipeline[part]}
        assert used == config[part].keys()
    assert config["receivers"]["otlp"]["protocols"]["http"]["endpoint"] == "0.0.0.0:4318"
    exporters = config["exporters"]
    assert exporters[pipelines["metrics"]["exporters"][0]]["endpoint"] == "http://prometheus:9090/api/v1/otlp"
    assert exporters[pipelines["traces"]["exporters"][0]]["endpoint"] == "http://tempo:4318"
    assert exporters[pipelines["logs"]["exporters"][0]]["endpoint"] == "http://loki:3100/otlp"


def test_tempo_listens_where_the_collector_and_grafana_connect() -> None:
    config = read("tempo.yaml")
    assert config["distributor"]["receivers"]["otlp"]["protocols"]["http"]["endpoint"] == "0.0.0.0:4318"
    assert config["server"]["http_listen_port"] == 3200


def test_loki_listens_where_the_collector_and_grafana_connect_and_keeps_attributes() -> None:
    config = read("loki.yaml")
    assert config["server"]["http_listen_port"] == 3100
    assert config["limits_config"]["allow_structured_metadata"] is True


def test_prometheus_accepts_metrics_with_exemplars_over_otlp_under_the_names_of_the_boards() -> None:
    assert "--web.enable-otlp-receiver" in services()["prometheus"]["command"]
    assert option("prometheus", "--enable-feature") == "exemplar-storage"
    otlp = read("prometheus.yaml")["otlp"]
    assert otlp["translation_strategy"] == "UnderscoreEscapingWithSuffixes"
    assert "service.name" in otlp["promote_resource_attributes"]


def test_prometheus_finds_the_rules_beside_its_configuration() -> None:
    (pattern,) = read("prometheus.yaml")["rule_files"]
    folder = Path(option("prometheus", "--config.file")).parent
    rules = mounts("prometheus")[str(folder / Path(pattern).parent)]
    shipped = {Path(path).name for path in shipped_files() if path.startswith("prometheus/")}
    assert {path.name for path in rules.glob(Path(pattern).name)} == shipped


# Grafana


def datasources() -> dict[str, Any]:
    found = read("grafana-datasources.yaml")["datasources"]
    return {source["uid"]: source for source in found}


def test_exemplars_lead_to_tempo_and_the_boards_to_prometheus() -> None:
    found = datasources()
    assert [uid for uid, source in found.items() if source.get("isDefault")] == ["prometheus"]
    (destination,) = found["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert destination == {"name": "trace_id", "datasourceUid": "tempo"}
    assert found["tempo"]["type"] == "tempo"
    (derived,) = found["loki"]["jsonData"]["derivedFields"]
    assert (derived["matcherRegex"], derived["datasourceUid"]) == ("trace_id", "tempo")
    assert found["tempo"]["jsonData"]["tracesToLogsV2"]["datasourceUid"] == found["loki"]["uid"]
    boards = [json.loads(text) for path, text in shipped_files().items() if path.startswith("grafana/")]
    chosen = [
        variable["query"]
        for board in boards
        for variable in board["templating"]["list"]
        if variable["type"] == "datasource"
    ]
    assert set(chosen) == {found["prometheus"]["type"], found["tempo"]["type"], "loki"}


def test_grafana_knows_how_often_metrics_come() -> None:
    interval = services()["demo"]["environment"]["OTEL_METRIC_EXPORT_INTERVAL"]
    assert datasources()["prometheus"]["jsonData"]["timeInterval"] == f"{int(interval) // 1000}s"


def test_grafana_finds_the_boards_where_they_are_mounted_and_opens_one() -> None:
    (provider,) = read("grafana-dashboards.yaml")["providers"]
    boards = mounts("grafana")[provider["options"]["path"]]
    home = Path(services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (boards / home.name).is_file()
    assert f"grafana/{home.name}" in shipped_files()


def test_an_export_can_take_the_place_of_the_checkout_s_boards_and_rules(tmp_path: Path) -> None:
    volumes = [volume for service in services().values() for volume in service.get("volumes", ())]
    taken = [volume.partition(":/")[0].removeprefix(OURS) for volume in volumes if volume.startswith("$")]
    assert sorted(taken) == ["/grafana", "/prometheus"]
    export(tmp_path / "new")
    assert [part for part in taken if not (tmp_path / "new" / part[1:]).is_dir()] == []


# What the tools say


def checked(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=STACK, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_the_configuration_and_the_rules(tmp_path: Path) -> None:
    promtool = needed("promtool", "prometheus")
    version = re.search(r"version (\d+)\.", checked(promtool, "--version"))
    assert version
    config = read("prometheus.yaml")
    if int(version[1]) < 3:
        del config["otlp"]  # has been in Prometheus since 2.55
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "rules").symlink_to(CHECKOUT / "dashboards" / "prometheus")
    told = checked(promtool, "check", "config", tmp_path / "prometheus.yaml")
    assert f"{len([path for path in shipped_files() if path.startswith('prometheus/')])} rule files found" in told


@pytest.mark.parametrize(("severity", "receiver"), [("critical", "page"), ("warning", "ticket"), ("info", "to-know")])
def test_amtool_accepts_the_configuration_and_routes_each_severity(severity: str, receiver: str) -> None:
    amtool = needed("amtool", "prometheus-alertmanager")
    assert "SUCCESS" in checked(amtool, "check-config", "alertmanager.yaml")
    told = checked(amtool, "config", "routes", "test", "--config.file=alertmanager.yaml", f"severity={severity}")
    assert told.split() == [receiver]


def test_alertmanager_groups_and_inhibits_as_the_shipped_rules_do() -> None:
    shipped = yaml.safe_load((CHECKOUT / "dashboards" / "alertmanager" / "midstream.yaml").read_text())
    fleet, others = shipped["route"]["routes"]
    config = read("alertmanager.yaml")
    assert config["inhibit_rules"] == shipped["inhibit_rules"]
    assert config["route"]["group_by"] == others["group_by"]
    by_severity = config["route"]["routes"]
    assert [[inner["group_by"] for inner in route["routes"]] for route in by_severity] == [[fleet["group_by"]]] * 2


def test_every_severity_that_an_alert_has_is_routed_on_purpose() -> None:
    texts = [text for path, text in shipped_files().items() if path.startswith("prometheus/")]
    rules = [rule for text in texts for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    assert {rule["labels"]["severity"] for rule in rules if "alert" in rule} == {"critical", "warning", "info"}


def compose() -> tuple[str, ...] | None:
    """Docker's compose, 2 or later, as a plugin or as a separate program."""
    for command in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(command[0]):
            version = subprocess.run((*command, "version", "--short"), capture_output=True, text=True, check=False)
            if version.returncode == 0 and not version.stdout.startswith("1."):
                return command
    return None


def test_docker_compose_accepts_the_file() -> None:
    command = compose()
    if command is None:
        pytest.skip("there is no docker compose 2 or later; it needs no daemon for this")
    told = yaml.safe_load(checked(*command, "--file", "compose.yaml", "config"))
    assert told["services"].keys() == services().keys()


# What the page says


def test_the_readme_names_every_address_and_every_setting() -> None:
    text = (STACK / "README.md").read_text()
    for port in (port for service in services().values() for port in service.get("ports", ())):
        assert f"http://localhost:{port.split(':')[1]}" in text
    assert "MIDSTREAM_DASHBOARDS" in text
    for name, service in services().items():
        if "image" in service:
            assert f"`{service['image']}`" in text, name
