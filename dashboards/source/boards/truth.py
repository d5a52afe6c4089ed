"""The status truth table.

No metric has the reported status as a label. It follows from the labels that there are:

- A misreported failure reports what was observed: a wrong status on an exception of the SDK is its response's.
- An HTTP error that is not misreported reports the effective status: its exception always has one.
- An in-band error that is not misreported was raised with the effective status, or without any, or not raised at all,
  as where the application reads the bytes itself. No label distinguishes these.
- So it is with a client error: the SDK's exception for an answer that it cannot use has the status of the response.
- All others have no status: the exceptions of the transport and of decoders know none, and truncation raises nothing.
"""

from __future__ import annotations

from functools import reduce
from typing import Final

from midstream._outcomes import Outcome
from source import colours, names
from source.links import to
from source.measures import ERRORS, WHOLE, calls
from source.panels import Query
from source.parts import NONE
from source.queries import FAILURES
from source.tables import Column, Table

__all__ = ("REPORTED", "STATUSES")

REPORTED: Final = "reported"
"""The label that the query makes."""

_KEYS: Final = (names.OUTCOME, names.LEAKED, names.MISREPORTED, names.OBSERVED, names.STATUS)
"""What it is made from, joined by semicolons."""

_NO_STATUS: Final = "none"

_REPORTED: Final = (
    ("[^;]*;[^;]*;true;([^;]*);[^;]*", "$1"),
    (f"{Outcome.HTTP_ERROR.value};.*;([^;]*)", "$1"),
    (f"{Outcome.IN_BAND_ERROR.value};false;.*", f"{_NO_STATUS}, or as effective"),
    (f"{Outcome.CLIENT_ERROR.value};false;.*", f"{_NO_STATUS}, or as observed"),
    (".*;.*", _NO_STATUS),
)
"""By pattern of the joined labels, what was reported. The first that matches leaves no semicolon for the next ones."""


def _replaced(expression: str, label: str, pattern: str, value: str) -> str:
    return f'label_replace({expression}, "{label}", "{value}", "{label}", "{pattern}")'


def _with_reported(expression: str) -> str:
    keys = ", ".join(f'"{key}"' for key in _KEYS)
    joined = f'label_join({expression}, "{REPORTED}", ";", {keys})'
    return reduce(lambda done, rule: _replaced(done, REPORTED, *rule), _REPORTED, joined)


def _in_words(expression: str) -> str:
    """`expression` with a word where a status is missing."""
    return reduce(
        lambda done, label: _replaced(done, label, "", _NO_STATUS), (names.OBSERVED, names.STATUS), expression
    )


STATUSES: Final = Table(
    title="Status truth table",
    description="Failed calls by status: observed on the wire, reported by the exception, and effective. A misreported "
    "failure has the wrong status; a leaked exception is not caught by `except anthropic.APIError`. Their cells link "
    "to the boards about them.",
    queries=(Query(f"{_in_words(_with_reported(calls(ERRORS, WHOLE, *_KEYS)))} > 0"),),
    moved_by=frozenset(FAILURES),
    nothing=NONE,
    columns=(
        Column("Value", "Calls", 70, decimals=0),
        Column(names.OBSERVED, "Observed", 80),
        Column(REPORTED, "Reported", 80),
        Column(names.STATUS, "Effective", 80),
        Column(names.OUTCOME, "Outcome", 130),
        Column(
            names.MISREPORTED,
            "Status",
            70,
            words={"true": ("wrong", colours.BAD), "false": ("", "text")},
            links=(("Misreported 200s", to("midstream-misreported")),),
        ),
        Column(
            names.LEAKED,
            "Exception",
            90,
            words={"true": ("leaked", colours.LEAKED), "false": ("", "text")},
            links=(("Leaked exceptions", to("midstream-leaked")),),
        ),
    ),
    sort_by="Calls",
)
