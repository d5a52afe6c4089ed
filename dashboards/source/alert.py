"""What an alert is, and the words that all alerts share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from midstream._outcomes import Outcome
from source import names
from source.links import CALLS
from source.queries import TARGET
from source.variables import CHOICES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("COUNT", "CRITICAL", "INFO", "SERVICE", "SHARE", "WARNING", "Alert", "AlertText", "percent", "when")

CRITICAL: Final = "critical"
"""Pages the engineer on call."""
WARNING: Final = "warning"
"""Opens a ticket."""
INFO: Final = "info"
"""Is for information."""

SHARE: Final = "{{ $value | humanizePercentage }}"
COUNT: Final = '{{ printf "%.0f" $value }}'

_NAMING: Final = tuple(label for label in ("service_name", "job") if label in TARGET) or TARGET[:1]
"""The labels that are the name of a service, best first. Others say which of the services with this name it is."""
_VARIABLES: Final = {choice.label: choice.name for choice in CHOICES}
"""By label, the variable of the boards that filters by it."""
_OF_CALLS: Final = {**_VARIABLES, names.ERROR_TYPE: "error_type"}
"""By label, the variable of the board with the traces and log events."""
_ENDED: Final = {
    "MidstreamInBandErrors": (Outcome.IN_BAND_ERROR,),
    "MidstreamConnectionErrors": (Outcome.CONNECTION_ERROR,),
    "MidstreamTransportErrors": (Outcome.TRANSPORT_ERROR,),
    "MidstreamTruncatedStreams": (Outcome.TRUNCATED,),
    "MidstreamMalformedData": (Outcome.MALFORMED,),
    "MidstreamMisreportedStatus": (Outcome.IN_BAND_ERROR,),
}
"""By alert, the outcomes of the calls behind it, if they are not all failures."""


def when(text: str, *labels: str) -> str:
    """`text`, with the value of the first of these labels in place of `{{ . }}`; nothing where there is none."""
    first = " ".join((*(("or",) if len(labels) > 1 else ()), *(f"$labels.{label}" for label in labels)))
    return f"{{{{ with {first} }}}}{text}{{{{ end }}}}"


SERVICE: Final = "".join(
    (
        f'{{{{ or {" ".join(f"$labels.{label}" for label in _NAMING)} "a service without a name" }}}}',
        *(
            when(" in {{ . }}", one.label, *names.other_names(one.label))
            for one in names.DIMENSIONS
            if one.label not in _NAMING and not one.same_as
        ),
    )
)
"""The name of the service, and where it is."""


def percent(share: float) -> str:
    """A share in words."""
    return f"{100 * share:.4g}%"


@dataclass(frozen=True)
class AlertText:
    """The text for the engineer on call. Summary and description are Prometheus templates."""

    board: str
    """The uid of the board to open."""
    summary: str
    description: str


@dataclass(frozen=True)
class Alert:
    """One alerting rule."""

    name: str
    severity: str
    expression: str
    by: tuple[str, ...]
    """The labels that distinguish alerts with this name."""
    text: AlertText
    hold: str = "0m"
    keep: str = ""
    """How long it keeps firing after its expression has ended."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    since: str = "6h"
    """How far back the board looks."""
    of: tuple[str, ...] | None = None
    """What the board is about, if it is not `by`."""

    @property
    def annotations(self) -> Mapping[str, str]:
        """The text and the links. The links get their base when the rules are exported."""
        ended = "".join(f"&var-outcome={outcome.value}" for outcome in _ENDED.get(self.name, ()))
        time = f"from=now-{self.since}&to=now"
        return {
            "summary": self.text.summary,
            "description": self.text.description,
            "runbook_url": f"runbooks/{self.name}.md",
            "dashboard_url": f"/d/{self.text.board}?{time}{self._chosen(_VARIABLES)}",
            "calls_url": f"/d/{CALLS}?{time}{self._chosen(_OF_CALLS)}{ended}",
        }

    def _chosen(self, variables: Mapping[str, str]) -> str:
        return "".join(
            when(f"&var-{variables[label]}={{{{ . | urlquery }}}}", label)
            for label in (self.by if self.of is None else self.of)
            if label in variables
        )
