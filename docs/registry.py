"""Write registry/, what midstream emits as an OpenTelemetry semantic-convention registry, from the contract.

With --check, print the differences and exit with 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

import telemetry_contract as contract
from midstream import __version__
from midstream._guard import Guards
from midstream._outcomes import Outcome, Phase
from midstream._telemetry.metrics import Instrument
from midstream._telemetry.scope import SCHEMA_URL, SCOPE
from project import REPOSITORY, ROOT
from telemetry import members
from writing import is_check, publish

__all__ = ("FOLDER", "OF_SDK", "files")

FOLDER: Final = ROOT / "registry"

_SDK: Final = "anthropic_sdk"

_HEAD: Final = (
    "# Made from src/midstream/_telemetry, docs/telemetry_contract.py and docs/registry.py by `make docs`.\n"
    "# Edit those, not this.\n"
)

_OTEL: Final = SCHEMA_URL.rpartition("/")[2]
_STABILITY: Final = "development"
"""Of everything: what docs/policy.md promises is less than what OpenTelemetry calls stable."""


@dataclass(frozen=True)
class Definition:
    """What the registry says about an attribute that OpenTelemetry's does not have."""

    examples: tuple[str | int | float, ...] = ()
    members: Mapping[str, str] | None = None
    """By value, its meaning, if the attribute has no other values."""


DEFINED: Final[Mapping[str, Definition]] = {
    "midstream.outcome": Definition(members=members(Outcome)),
    "midstream.phase": Definition(members=members(Phase)),
    "midstream.status_code": Definition((529, 429)),
    "midstream.status_code.source": Definition(
        members={"observed": "The status on the wire.", "synthesized": "Derived from the API's error type."}
    ),
    "midstream.reported.status_code": Definition((200,)),
    "midstream.leaked": Definition(),
    "midstream.misreported": Definition(),
    "midstream.retryable": Definition(),
    "midstream.corrected": Definition(),
    "midstream.in_band.request_id": Definition(("req_011CSHoEeqs5C35K2UUqR7Fy",)),
    "midstream.stream.bytes": Definition((4096,)),
    "midstream.stream.longest_wait": Definition((0.25,)),
    "midstream.stream.last_event": Definition(("content_block_delta", "ping")),
    "midstream.error.code": Definition(("compaction_unavailable",)),
    "midstream.component": Definition(members={name: f"`{name}`" for name in Guards.__slots__}),
    "anthropic.request.id": Definition(("req_011CSHoEeqs5C35K2UUqR7Fy",)),
    "gen_ai.usage.cache_write.input_tokens": Definition((1024,)),
    "gen_ai.token.modality": Definition(("unknown",)),
}
"""All others are OpenTelemetry's."""

OF_SDK: Final[Mapping[str, str]] = {
    "anthropic.beta": "string[]",
    "anthropic.file.id": "string",
    "anthropic.message.batch.id": "string",
    "anthropic.message.count_tokens.input_tokens": "int",
    "anthropic.message.stop_reason": "string",
    "anthropic.organization.plugin.id": "string",
    "anthropic.organization.plugin.version.id": "string",
    "anthropic.request.service_tier": "string",
    "anthropic.response.service_tier": "string",
    "anthropic.session.id": "string",
    "anthropic.session.thread.id": "string",
    "anthropic.skill.id": "string",
    "anthropic.skill.version.id": "string",
    "anthropic.thinking.budget_tokens": "int",
    "anthropic.thinking.type": "string",
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": "int",
    "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": "int",
    "gen_ai.request.reasoning.level": "string",
}
"""The types of what the SDK (2.14) sets on the spans that midstream enriches, and OpenTelemetry's registry lacks."""

_EXAMPLES: Final = {"string": ["..."], "string[]": [["..."]], "int": [1]}

_ALWAYS: Final = frozenset(
    {
        *("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.token.type", "gen_ai.token.modality"),
        *("midstream.outcome", "midstream.component"),
    }
)
_ALWAYS_ON_METRICS: Final = _ALWAYS | {"gen_ai.request.stream", "midstream.leaked", "midstream.misreported"}
_ALWAYS_ON_EVENTS: Final = _ALWAYS | {"error.type", "exception.message", "midstream.phase"}

_INSTRUMENTS: Final = {
    Instrument.COUNTER: "counter",
    Instrument.UP_DOWN_COUNTER: "updowncounter",
    Instrument.HISTOGRAM: "histogram",
}

_MANIFEST: Final = {
    "name": SCOPE,
    "description": "How every call of the Anthropic Python SDK really ended.",
    "schema_url": f"{REPOSITORY}/schemas/{__version__}",
    "stability": _STABILITY,
    "dependencies": [
        {
            "schema_url": SCHEMA_URL,
            "registry_path": f"https://github.com/open-telemetry/semantic-conventions@v{_OTEL}[model]",
        }
    ],
}


def files() -> dict[str, str]:
    """The text of each file in registry/, by its name."""
    released = [metric.name for metric in contract.METRICS if not metric.name.startswith(f"{SCOPE}.")]
    own = [metric for metric in contract.METRICS if metric.name not in released]
    return {
        "manifest.yaml": _text(_MANIFEST),
        "attributes.yaml": _groups([_attributes(), _of_sdk()]),
        "spans.yaml": _groups([_span()]),
        "events.yaml": _groups([_event()]),
        "metrics.yaml": _text(
            {"groups": [*map(_metric, (*own, *contract.NEXT_METRICS))], "imports": {"metrics": released}}
        ),
    }


def _text(document: object) -> str:
    return _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _groups(groups: list[dict[str, Any]]) -> str:
    return _text({"groups": groups})


def _group(kind: str, suffix: str, brief: str, **more: Any) -> dict[str, Any]:
    return {"id": f"{kind}.{suffix}", "type": kind, "stability": _STABILITY, "brief": brief, **more}


def _attributes() -> dict[str, Any]:
    group = _group("attribute_group", SCOPE, "What midstream adds to OpenTelemetry's attributes.")
    return {**group, "id": f"registry.{SCOPE}", "attributes": [_attribute(name) for name in DEFINED]}


def _of_sdk() -> dict[str, Any]:
    group = _group("attribute_group", _SDK, "What the SDK sets on the spans that midstream enriches.")
    attributes = [
        {"id": name, "type": kind, "stability": _STABILITY, "brief": "Set by the SDK.", "examples": _EXAMPLES[kind]}
        for name, kind in OF_SDK.items()
    ]
    return {**group, "id": f"registry.{_SDK}", "attributes": attributes}


def _attribute(name: str) -> dict[str, Any]:
    definition, described = DEFINED[name], contract.described(name)
    kind: Any = described.type.partition(" ")[0]
    if definition.members is not None:
        kind = {
            "members": [
                {"id": value, "value": value, "brief": brief, "stability": _STABILITY}
                for value, brief in definition.members.items()
            ]
        }
    examples = {"examples": [*definition.examples]} if definition.examples else {}
    return {"id": name, "type": kind, "stability": _STABILITY, "brief": described.meaning, **examples}


def _refs(names: Iterable[str], always: frozenset[str]) -> list[dict[str, Any]]:
    return [{"ref": name, "requirement_level": _level(name, always)} for name in names]


def _level(name: str, always: frozenset[str]) -> Any:
    return "required" if name in always else {"recommended": f"on {contract.described(name).on}, if known"}


def _span() -> dict[str, Any]:
    started = {attribute.name for attribute in contract.REQUEST_ATTRIBUTES}
    attributes = _refs(contract.ATTRIBUTES, _ALWAYS)
    for attribute in attributes:
        if attribute["ref"] in started:
            attribute["sampling_relevant"] = True
    return _group(
        "span",
        f"{SCOPE}.client",
        "A call of the Anthropic SDK, with its retries and the reading of its stream.",
        note="The name is `{gen_ai.operation.name} {gen_ai.request.model}`, or the SDK's own for a span of the SDK.",
        span_kind="client",
        attributes=attributes,
    )


def _event() -> dict[str, Any]:
    attributes = _refs((*contract.ATTRIBUTES, *contract.EXCEPTION_ATTRIBUTES), _ALWAYS_ON_EVENTS)
    brief = "A failed call. The severity is WARN, the body the failure in one line."
    return _group("event", f"{SCOPE}.{contract.EVENT_NAME}", brief, name=contract.EVENT_NAME, attributes=attributes)


def _metric(metric: contract.Metric) -> dict[str, Any]:
    return _group(
        "metric",
        metric.name,
        metric.brief,
        metric_name=metric.name,
        instrument=_INSTRUMENTS[metric.instrument],
        unit=metric.unit,
        attributes=_refs(metric.attributes, _ALWAYS_ON_METRICS),
    )


def main() -> int:
    """Return the exit status."""
    check = is_check(__doc__)
    return publish({FOLDER / name: text for name, text in files().items()}, "the contract", check=check)


if __name__ == "__main__":
    sys.exit(main())
