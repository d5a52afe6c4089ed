"""What Alertmanager needs to know so that a storm is one page: which alert says better what another one says."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, Final

from source import names
from source.alert import CRITICAL, INFO, WARNING
from source.objective import LIMITS, PAIRS
from source.queries import TARGET, any_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ("files",)

_FLEET: Final = "MidstreamFleetFailure"
_OUTAGE: Final = "MidstreamOutage"
_BUDGET: Final = "MidstreamErrorBudgetBurn"
_IN_BAND: Final = "MidstreamInBandErrors"
_MISREPORTED: Final = "MidstreamMisreportedStatus"
_DENIED: Final = "MidstreamAccessDenied"
_CALLER: Final = "MidstreamCallerErrors"
_STATUSES: Final = tuple(name for name in LIMITS if name != "MidstreamStalls")
_KINDS: Final = (*(name for name in PAIRS if name != _CALLER), *_STATUSES)
"""The tickets that say how calls fail that the objective counts."""

_FAST: Final = tuple(dict.fromkeys(pair.fast.window for pair in PAIRS.values()))
_SLOW: Final = tuple(dict.fromkeys(pair.slow.window for pair in PAIRS.values()))
_MODELS: Final = (names.PROVIDER, names.MODEL)


@dataclass(frozen=True)
class Inhibition:
    """While one alert of `better` fires, those of `worse` are silent that have the same labels `equal`."""

    why: str
    better: tuple[str, ...]
    worse: tuple[str, ...]
    equal: tuple[str, ...] = TARGET


def _named(*alerts: str) -> str:
    return _has("alertname", *alerts)


def _has(label: str, *values: str) -> str:
    found = any_of(values)
    return f'{label} =~ "{found}"' if len(values) > 1 else f"{label} = {found}"


_PAGE: Final = _has("severity", CRITICAL)
_TICKET: Final = _has("severity", WARNING)
_NO_PAGE: Final = _has("severity", WARNING, INFO)

_INHIBITIONS: Final = (
    Inhibition(
        "Many services fail together: one page for all.",
        (_named(_FLEET), _PAGE),
        (_named(_OUTAGE, _BUDGET, *_KINDS, _MISREPORTED),),
    ),
    Inhibition("The same, as a ticket.", (_named(_FLEET), _TICKET), (_named(_BUDGET, *_KINDS, _MISREPORTED), _NO_PAGE)),
    Inhibition("A page instead of a ticket.", (_named(_FLEET), _PAGE), (_named(_FLEET), _TICKET), (*TARGET, *_MODELS)),
    Inhibition("An outage uses up the budget.", (_named(_OUTAGE),), (_named(_BUDGET), _PAGE)),
    Inhibition(
        "One page for a service, and no tickets beside it.",
        (_named(_OUTAGE, _BUDGET), _PAGE),
        (_named(_BUDGET, *_KINDS, _MISREPORTED), _NO_PAGE),
    ),
    Inhibition("The status says more than where the error was.", (_named(*_STATUSES),), (_named(_IN_BAND),)),
    Inhibition(
        "How calls fail says more than how much of the budget is left.",
        (_named(*_KINDS), _TICKET),
        (_named(_BUDGET, _MISREPORTED), _NO_PAGE),
    ),
    Inhibition(
        "A high share lately, instead of a low one for days.",
        (_named(*PAIRS), _has("long", *_FAST)),
        (_named(*PAIRS), _has("long", *_SLOW)),
        ("alertname", *TARGET),
    ),
    *(
        Inhibition(
            "The faster use of the budget, of two with the same severity.",
            (_named(_BUDGET), _has("long", better)),
            (_named(_BUDGET), _has("long", worse)),
        )
        for better, worse in (("1h", "6h"), ("1d", "3d"))
    ),
    Inhibition(
        "A page instead of a ticket.",
        (_named(_DENIED, _CALLER), _PAGE),
        (_named(_DENIED, _CALLER), _TICKET),
        ("alertname", *TARGET),
    ),
    Inhibition(
        "Whose fault it is says more than where the error was.",
        (_named(_DENIED, _CALLER), _PAGE),
        (_named(_IN_BAND, _MISREPORTED), _NO_PAGE),
    ),
)


def files() -> Mapping[str, str]:
    """By its name in `alertmanager/`, the file as it must be."""
    return {"midstream.yaml": "".join((_HEAD, _ROUTES, "\ninhibit_rules:\n", *map(_rule, _INHIBITIONS)))}


_HEAD: Final = """\
# Written by `python dashboards/generate.py` from dashboards/source/; do not edit.
# Alertmanager: put these routes first below your own route, with your receivers for `page` and `ticket`, and add these
# rules to your inhibit_rules. Alerts with severity info go to the receiver of your own route.
# Apache-2.0
"""


def _list(of: Iterable[str]) -> str:
    return f"[{', '.join(of)}]"


def _quoted(matchers: Iterable[str]) -> str:
    return _list(f"'{matcher}'" for matcher in matchers)


_ROUTES: Final = dedent(
    f"""\
    route:
      routes:
        # Many services fail together: one notification for each provider and model.
        - matchers: {_quoted([_named(_FLEET)])}
          group_by: {_list(("alertname", *_MODELS))}
          routes: &by_severity
            - matchers: {_quoted([_PAGE])}
              receiver: page
            - matchers: {_quoted([_TICKET])}
              receiver: ticket
        # All other alerts: one notification for each service and severity.
        - matchers: {_quoted(['alertname =~ "Midstream.+"'])}
          group_by: {_list(TARGET)}
          routes: *by_severity
    """
)


def _rule(rule: Inhibition) -> str:
    return (
        f"  # {rule.why}\n"
        f"  - source_matchers: {_quoted(rule.better)}\n"
        f"    target_matchers: {_quoted(rule.worse)}\n"
        f"    equal: {_list(rule.equal)}\n"
    )
