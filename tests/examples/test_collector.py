"""`examples/collector`: it keeps and counts what midstream reports, and promtool accepts its part."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from midstream._outcomes import Outcome
from midstream._telemetry.attributes import CALL_ATTRIBUTES, REQUEST_ATTRIBUTES
from midstream._telemetry.metrics import METRICS
from source import names
from support.example import EXAMPLES
from support.export import export
from support.programs import needed

if TYPE_CHECKING:
    from pathlib import Path

COLLECTOR: Final = EXAMPLES / "collector"
CONFIG: Final[Any] = yaml.safe_load((COLLECTOR / "collector.yaml").read_text())
PAGE: Final = (COLLECTOR / "README.md").read_text()


def policies() -> dict[str, Any]:
    return {policy["name"]: policy for policy in CONFIG["processors"]["tail_sampling"]["policies"]}


def dimensions() -> list[str]:
    return [dimension["name"] for dimension in CONFIG["connectors"]["span_metrics"]["dimensions"]]


def test_every_outcome_that_is_a_failure_is_kept_and_no_other() -> None:
    kept = policies()["failed"]["string_attribute"]
    assert kept["key"] == "midstream.outcome"
    assert kept["values"] == [outcome.value for outcome in Outcome if outcome.is_failure]


def test_a_policy_has_the_settings_of_its_type_and_no_others() -> None:
    assert [name for name, policy in policies().items() if not policy.keys() <= {"name", "type", policy["type"]}] == []


def test_every_attribute_in_its_configuration_is_on_spans_of_calls() -> None:
    on_spans = {one.name for one in REQUEST_ATTRIBUTES} | {one.name for one in CALL_ATTRIBUTES}
    asked = re.findall(r'attributes\["([^"]+)"\]', (COLLECTOR / "collector.yaml").read_text())
    assert len(asked) == 3
    assert {*asked, *dimensions(), policies()["failed"]["string_attribute"]["key"]} <= on_spans


def test_durations_from_spans_have_the_buckets_of_midstream_s_own() -> None:
    (duration,) = [metric for metric in METRICS if metric.name == "gen_ai.client.operation.duration"]
    buckets = CONFIG["connectors"]["span_metrics"]["histogram"]["explicit"]["buckets"]
    assert tuple(int(bucket.removesuffix("ms")) / 1000 for bucket in buckets) == duration.buckets


def test_pipelines_and_components_agree() -> None:
    pipelines = CONFIG["service"]["pipelines"]
    connectors = CONFIG["connectors"].keys()
    for part in ("receivers", "processors", "exporters"):
        used = {name for pipeline in pipelines.values() for name in pipeline.get(part, ())}
        assert used - connectors == CONFIG[part].keys()
    # Metrics are derived from all spans, and go where midstream's own metrics go.
    assert "span_metrics" in pipelines["traces/metrics"]["exporters"]
    assert "tail_sampling" not in pipelines["traces/metrics"]["processors"]
    assert pipelines["metrics"]["receivers"] == ["otlp", "span_metrics"]


def test_the_stores_take_what_the_pipelines_have() -> None:
    stores = yaml.safe_load((COLLECTOR / "stores.yaml").read_text())
    replaced = stores["service"]["pipelines"]
    assert replaced.keys() < CONFIG["service"]["pipelines"].keys()
    assert {name for pipeline in replaced.values() for name in pipeline["exporters"]} == stores["exporters"].keys()


def test_the_labels_that_identify_a_service_are_those_of_the_rules_here_and_in_the_stack() -> None:
    of_the_scrape = {"job", "namespace"}
    stack = yaml.safe_load((EXAMPLES / "stack" / "prometheus.yaml").read_text())
    attributes = CONFIG["exporters"]["prometheus"]["resource_constant_labels"]["included"]
    assert attributes == stack["otlp"]["promote_resource_attributes"]
    assert {name.replace(".", "_") for name in attributes} == set(names.TARGET) - of_the_scrape


def test_prometheus_scrapes_the_collector_s_address_and_promtool_takes_its_configuration(tmp_path: Path) -> None:
    text = (COLLECTOR / "prometheus.yaml").read_text()
    (scraped,) = yaml.safe_load(text)["scrape_configs"]
    assert scraped["static_configs"] == [{"targets": [CONFIG["exporters"]["prometheus"]["endpoint"]]}]
    assert scraped["honor_labels"] is True
    promtool = needed("promtool", "prometheus")
    shutil.copy(COLLECTOR / "prometheus.yaml", tmp_path)
    export(tmp_path / "observability")
    done = subprocess.run(
        (promtool, "check", "config", tmp_path / "prometheus.yaml"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "2 rule files found" in done.stdout


@pytest.mark.parametrize("dimension", dimensions())
def test_the_page_names_each_label(dimension: str) -> None:
    assert f"`{dimension.replace('.', '_')}`" in PAGE
