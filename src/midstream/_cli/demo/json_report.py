"""The results of the demo for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from midstream._cli.demo.results import Style
from midstream._version import __version__

if TYPE_CHECKING:
    from midstream._cli.demo.results import Call, Results, Truth


def as_json(results: Results) -> dict[str, object]:
    """The results as JSON has them: one member of `faults` per example, in the order of the examples."""
    return {
        "midstream": __version__,
        "sdk": results.sdk,
        "as_expected": results.as_expected,
        "faults": [
            {
                "fault": row.scenario.name,
                "explanation": row.scenario.explanation,
                "as_expected": row.as_expected,
                **{call.style.value: _call(call) for call in row.calls},
            }
            for row in results.rows
        ],
        "counts": {style.value: asdict(results.counts(style)) for style in Style},
    }


def _call(call: Call) -> dict[str, object]:
    return {
        "seen": asdict(call.seen),
        "really": None if call.truth is None else _truth(call.truth),
        "as_expected": call.as_expected,
    }


def _truth(truth: Truth) -> dict[str, object]:
    # The members of an enum are strings too, and are written as their values.
    return {name: value for name, value in asdict(truth).items() if name != "reported_status"}
