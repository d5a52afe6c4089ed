"""What README.md says in tables and numbers is what the code says."""

from __future__ import annotations

import re
from typing import Final

import pytest

from midstream._options import ENVIRONMENT
from midstream.faults import parse
from support.blocks import CHECKOUT
from support.clients import HTTP_PACKAGE

_PAGE: Final = (CHECKOUT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("row", "model"),
    [
        ("the API sends an `error` event", "in_band:overloaded_error"),
        ("the connection breaks", "reset"),
        ("the body just ends", "cut"),
        ("an event is not JSON", "bad_json"),
    ],
)
def test_the_first_table_says_how_such_a_call_really_ends(row: str, model: str) -> None:
    (recorded,) = re.findall(rf"^\| {row}.* \| (.*) \|$", _PAGE, re.MULTILINE)
    ends = parse(model).expectation
    error_type = ends.error_type_for(HTTP_PACKAGE) or ""
    told = {ends.outcome.value, error_type, ends.status_code and f"status {ends.status_code}"}
    told |= {flag for flag in ("leaked", "misreported") if getattr(ends, flag)}
    words = set(recorded.replace("`", "").split(", "))
    assert words <= told
    assert told - words <= {None, "json.decoder.JSONDecodeError"}


@pytest.mark.parametrize(
    "sentence",
    [
        "survives {ladder} of {faults} retryable faults and takes {cut} truncated answers for whole ones",
        "A loop that uses `midstream.classify` survives all {loop}:",
        "The usual retry code then survives {corrected} of {faults} faults instead of {ladder}",
    ],
)
def test_the_numbers_of_retries_are_those_of_the_page_about_retrying(sentence: str) -> None:
    measured = (CHECKOUT / "docs" / "retrying.md").read_text(encoding="utf-8")
    (faults,) = re.findall(r"survived, of (\d+) retryable faults", measured)
    rows = {name: numbers for name, *numbers in re.findall(r"^\| (.+?) \| (\d+) \| (\d+) \|", measured, re.MULTILINE)}
    (ladder, cut), (corrected, _) = rows["the usual ladder"], rows["the usual ladder, corrected"]
    words = sentence.format(faults=faults, ladder=ladder, cut=cut, corrected=corrected, loop=rows["`plain.py`"][0])
    assert words in " ".join(_PAGE.split()), f"docs/retrying.md says: {words}"


def test_every_option_has_its_row_and_its_variable() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(MIDSTREAM_\w+)` \|", _PAGE, re.MULTILINE)
    assert dict(rows) == dict(ENVIRONMENT)
