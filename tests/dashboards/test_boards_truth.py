"""The status truth table shows observed, reported and effective status, for each example and for rare cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from dashboards.boards_values import BORN, complaints, expression
from dashboards.promtool import selector
from midstream._outcomes import Outcome
from midstream.faults import EXAMPLES, parse
from source import names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from midstream.faults import Scenario

TRUTH: Final = ("midstream-outcomes", "Status truth table")


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    outcome: Outcome
    observed: str
    reported: str
    effective: str
    leaked: bool
    misreported: bool

    @property
    def labels(self) -> str:
        """As promtool has it."""
        return selector(
            "",
            {
                names.OUTCOME: self.outcome.value,
                names.OBSERVED: self.observed,
                "reported": self.reported,
                names.STATUS: self.effective,
                names.LEAKED: str(self.leaked).lower(),
                names.MISREPORTED: str(self.misreported).lower(),
            },
        )


def failed(
    outcome: Outcome, observed: int | None, effective: int | None, *, leaked: bool, misreported: bool
) -> dict[str, str]:
    """One call of the series with these labels."""
    labels = {
        "job": "api",
        names.OUTCOME: outcome.value,
        names.OBSERVED: str(observed or ""),
        names.STATUS: str(effective or ""),
        names.LEAKED: str(leaked).lower(),
        names.MISREPORTED: str(misreported).lower(),
    }
    return {selector(names.ERRORS, labels): BORN}


def test_the_truth_table_says_what_each_example_expects(tmp_path: Path) -> None:
    scenarios = [scenario for scenario in map(parse, EXAMPLES) if scenario.expectation.outcome.is_failure]
    series: dict[str, str] = {}
    rows: Counter[str] = Counter()
    for scenario in scenarios:
        expected = scenario.expectation
        labels = {"job": "api", names.MODEL: scenario.name, names.ERROR_TYPE: expected.error_type or ""}
        (name,) = failed(
            expected.outcome,
            observed(scenario),
            expected.status_code,
            leaked=expected.leaked,
            misreported=expected.misreported,
        )
        series[name.replace('job="api"', selector("", labels)[1:-1])] = BORN
        rows[row_of(scenario).labels] += 1
    assert len(series) == len(scenarios)
    assert complaints(series, {expression(*TRUTH): dict(rows)}, tmp_path) == ""


def observed(scenario: Scenario) -> int | None:
    expected = scenario.expectation
    if expected.outcome is Outcome.CONNECTION_ERROR:
        return None
    return expected.status_code if expected.outcome is Outcome.HTTP_ERROR else 200


def row_of(scenario: Scenario) -> Row:
    expected = scenario.expectation
    unnoticed = expected.outcome is Outcome.IN_BAND_ERROR and not expected.misreported
    return Row(
        expected.outcome,
        in_words(observed(scenario)),
        "none, or as effective" if unnoticed else in_words(expected.reported_status_code),
        in_words(expected.status_code),
        leaked=expected.leaked,
        misreported=expected.misreported,
    )


def in_words(status: int | None) -> str:
    return "none" if status is None else str(status)


RARE: Final[Mapping[str, tuple[dict[str, str], Row]]] = {
    "an in-band error that was not raised, or with the right status": (
        failed(Outcome.IN_BAND_ERROR, 200, 529, leaked=False, misreported=False),
        Row(Outcome.IN_BAND_ERROR, "200", "none, or as effective", "529", leaked=False, misreported=False),
    ),
    "an in-band error that leaked, as from Bedrock below SDK 1.7": (
        failed(Outcome.IN_BAND_ERROR, 200, 429, leaked=True, misreported=False),
        Row(Outcome.IN_BAND_ERROR, "200", "none", "429", leaked=True, misreported=False),
    ),
    "a client error, which may have the status of its response": (
        failed(Outcome.CLIENT_ERROR, 200, None, leaked=False, misreported=False),
        Row(Outcome.CLIENT_ERROR, "200", "none, or as observed", "none", leaked=False, misreported=False),
    ),
    "a client error that leaked": (
        failed(Outcome.CLIENT_ERROR, 200, None, leaked=True, misreported=False),
        Row(Outcome.CLIENT_ERROR, "200", "none", "none", leaked=True, misreported=False),
    ),
    "a transport error that the SDK wraps": (
        failed(Outcome.TRANSPORT_ERROR, 200, None, leaked=False, misreported=False),
        Row(Outcome.TRANSPORT_ERROR, "200", "none", "none", leaked=False, misreported=False),
    ),
}


@pytest.mark.parametrize("case", RARE)
def test_the_truth_table_knows_what_is_rare(case: str, tmp_path: Path) -> None:
    series, row = RARE[case]
    assert complaints(series, {expression(*TRUTH): {row.labels: 1}}, tmp_path) == ""
