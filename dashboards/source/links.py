"""Links between the boards, and from a panel to the calls behind it.

A link keeps the time and the variables of the board on which it stands, but for those that it chooses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from source import names
from source.variables import CHOICES, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from midstream._outcomes import Outcome

__all__ = ("CALLS", "behind", "of_row", "of_series", "to")

CALLS: Final = "midstream-calls"
"""The uid of the board with the traces and log events."""

_TITLE: Final = "Traces and log events"

_VARIABLES: Final = {
    **{choice.label: choice.name for choice in CHOICES},
    names.OUTCOME: "outcome",
    names.ERROR_TYPE: "error_type",
}
"""By label, the variable of that board that filters by it."""


def to(uid: str, keeping: Iterable[str] = NAMES, /, **chosen: str | Iterable[str]) -> str:
    """The address of a board. `chosen` has one value or several of a variable."""
    kept = (f"${{{name}:queryparam}}" for name in keeping if name not in chosen)
    changed = (f"var-{name}={value}" for name, values in chosen.items() for value in _each(values))
    return f"/d/{uid}?{'&'.join(('${__url_time_range}', *kept, *changed))}"


def behind(outcomes: Iterable[Outcome], labels: Mapping[str, str]) -> dict[str, Any]:
    """The link to the traces and log events of calls with one of `outcomes`, and with these values of labels."""
    chosen: dict[str, str | Iterable[str]] = {
        _VARIABLES[label]: value for label, value in labels.items() if label in _VARIABLES
    }
    ended = [outcome.value for outcome in outcomes]
    if ended and "outcome" not in chosen:
        chosen["outcome"] = sorted(ended)
    return {"title": _TITLE, "url": to(CALLS, **chosen)}


def of_series(label: str) -> str:
    """What stands in a link for the value of a label of the series that was clicked."""
    return f"${{__field.labels.{label}}}"


def of_row(title: str) -> str:
    """What stands in a link for the value in this column of the row that was clicked."""
    return f'${{__data.fields["{title}"]}}'


def _each(values: str | Iterable[str]) -> Iterable[str]:
    return (values,) if isinstance(values, str) else values
