"""registry/ describes exactly what midstream emits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

import registry
from midstream._telemetry.scope import SCOPE
from support.every_signal import emit_everything
from support.exported import Exported, event_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.sdk.trace import ReadableSpan

_FILES: Final[dict[str, Any]] = {
    path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in registry.FOLDER.glob("*.yaml")
}
_GROUPS: Final[dict[str, Any]] = {group["id"]: group for name in _FILES for group in _FILES[name].get("groups", ())}
_DEFINED: Final[dict[str, Any]] = {
    attribute["id"]: attribute for attribute in _GROUPS["registry.midstream"]["attributes"]
}

_SPAN: Final = "span.midstream.client"
_TYPES: Final = {"string": str, "int": int, "double": float, "boolean": bool}


@pytest.fixture(scope="module")
def exported() -> Iterator[Exported]:
    everything = Exported()
    emit_everything(everything.providers)
    yield everything
    everything.shutdown()


def _attributes_of(exported: Exported) -> dict[str, list[Mapping[str, Any]]]:
    """By id of a group, the attributes of each item that was emitted."""
    metrics = exported.metrics()
    return {
        _SPAN: [dict(span.attributes or {}) for span in exported.spans if _scope_of(span) == SCOPE],
        "event.midstream.gen_ai.client.operation.exception": [event_of(log)[1] for log in exported.logs],
        **{f"metric.{name}": [point.attributes for point in points] for name, points in metrics.items()},
    }


def _scope_of(span: ReadableSpan) -> str | None:
    return span.instrumentation_scope.name if span.instrumentation_scope else None


def _names(items: Iterable[Mapping[str, Any]]) -> set[str]:
    return {name for item in items for name in item}


def _required(group: str) -> set[str]:
    return {a["ref"] for a in _GROUPS[group]["attributes"] if a["requirement_level"] == "required"}


def test_the_files_are_up_to_date() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in registry.FOLDER.glob("*.yaml")}
    assert written == registry.files()


def test_every_group_has_exactly_the_attributes_that_are_emitted(exported: Exported) -> None:
    emitted = {name: _names(items) for name, items in _attributes_of(exported).items() if name in _GROUPS}
    described = {
        name: {attribute["ref"] for attribute in group["attributes"]}
        for name, group in _GROUPS.items()
        if group["type"] != "attribute_group"
    }
    assert emitted == described


def test_exactly_the_metrics_of_the_registry_and_those_it_imports_are_emitted(exported: Exported) -> None:
    described = {group["metric_name"] for group in _GROUPS.values() if group["type"] == "metric"}
    assert set(exported.metrics()) == described | set(_FILES["metrics.yaml"]["imports"]["metrics"])


def test_what_is_required_is_always_there(exported: Exported) -> None:
    for name, items in _attributes_of(exported).items():
        assert [item for item in items if name in _GROUPS and not _required(name) <= set(item)] == [], name


def _is_right(kind: Any, value: object) -> bool:
    """Whether `value` is of a type of the registry, or one of its members."""
    if isinstance(kind, str):
        return type(value) is _TYPES[kind]
    return value in {member["value"] for member in kind["members"]}


def test_each_attribute_has_the_type_or_one_of_the_values_of_its_definition(exported: Exported) -> None:
    emitted = [pair for items in _attributes_of(exported).values() for item in items for pair in item.items()]
    defined = {(name, value) for name, value in emitted if name in _DEFINED}
    assert {(name, value) for name, value in defined if not _is_right(_DEFINED[name]["type"], value)} == set()


def test_every_name_of_midstream_is_defined_and_emitted(exported: Exported) -> None:
    emitted = _names(item for items in _attributes_of(exported).values() for item in items)
    assert {name for name in emitted if name.startswith("midstream.")} <= set(_DEFINED) <= emitted


def test_a_span_of_the_sdk_has_what_midstream_adds_and_what_the_registry_knows_of_the_sdk(exported: Exported) -> None:
    spans_of_sdk = [dict(span.attributes or {}) for span in exported.spans if _scope_of(span) != SCOPE]
    names = _names(attributes for attributes in spans_of_sdk if "midstream.outcome" in attributes)
    assert {name for name in names if name.startswith("anthropic.")} <= {*registry.OF_SDK, *_DEFINED}
    assert {attribute["ref"] for attribute in _GROUPS[_SPAN]["attributes"]} - {"http.request.resend_count"} <= names


def test_only_the_status_code_is_the_namespace_of_another_attribute(exported: Exported) -> None:
    names = _names(item for items in _attributes_of(exported).values() for item in items)
    assert {name for name in names if any(other.startswith(f"{name}.") for other in names)} == {"midstream.status_code"}
