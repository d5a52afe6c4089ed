"""The recording rules: the rate of calls by how they ended, and shares of it that are 0, not missing, without failures.

The objective excludes calls that failed through the caller's fault. The operations counter does not have their status,
and a label more would double its series. So their share is taken from the errors counter, which has all its labels.
Where that counter is missing, `_unnamed` decides about HTTP errors.

Only the rules of the shortest window read raw series. Longer windows are the mean of its records: they count the same
calls, and read a few series by service and model instead of thousands by process.

In each group, later rules use earlier ones. All keep the labels that identify a service.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING, Final

from midstream._outcomes import Outcome
from source import names
from source.objective import FLEET, OUTAGE, SHORTEST, WINDOWS, seconds
from source.queries import FAILURES, JUDGED, TARGET, Selection, any_of, counted, total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = (
    "CALLER",
    "CONNECTION",
    "DENIED",
    "FAILED",
    "IN_BAND",
    "LEAKED",
    "MALFORMED",
    "MODELS",
    "RECORDED",
    "RECORDINGS",
    "TRANSPORT",
    "TRUNCATED",
    "Recording",
    "calls",
    "denied",
    "eligible",
    "errors",
    "failing",
    "mean",
    "of_models",
    "operations",
    "share",
)

_FINE_UP_TO: Final = "2h"
"""Up to here, a window is the mean of what was recorded in each minute; beyond it, of every fifth minute."""

_DETAIL: Final = (
    *TARGET,
    names.OPERATION,
    names.PROVIDER,
    names.MODEL,
    names.OUTCOME,
    names.LEAKED,
    names.MISREPORTED,
)
_ERROR_DETAIL: Final = (*_DETAIL, names.ERROR_TYPE, names.PHASE, names.OBSERVED, names.STATUS)

FAILED: Final = "failures"
IN_BAND: Final = "in_band_errors"
LEAKED: Final = "leaks"
TRUNCATED: Final = "truncations"
MALFORMED: Final = "malformed"
TRANSPORT: Final = "transport_errors"
CONNECTION: Final = "connection_errors"
DENIED: Final = "denials"
CALLER: Final = "caller_errors"

_DENIALS: Final = (401, 402, 403)
"""The effective statuses of calls that the API denies."""
_REFUSALS: Final = (400, 404, 413, 422)
"""The effective statuses of calls that the API refuses for what is in them."""
_UNKNOWN: Final = "unknown"
"""The effective status of HTTP errors that only the operations counter has."""
_CALLERS: Final = (*sorted((*_REFUSALS, *_DENIALS)), _UNKNOWN)

MODELS: Final = (*TARGET, names.PROVIDER, names.MODEL)


def operations(window: str) -> str:
    """The recorded rate of all calls, by the labels that boards filter by and by how they ended."""
    return f"midstream:operations:rate{window}"


def errors(window: str) -> str:
    """The recorded rate of failed calls, with all details but the process and the kind of call."""
    return f"midstream:errors:rate{window}"


def calls(window: str) -> str:
    """The recorded rate of the calls that are judged, by service."""
    return f"midstream:calls:rate{window}"


def share(kind: str, window: str) -> str:
    """The recorded share of the judged calls that are of this kind, by service."""
    return f"midstream:{kind}:ratio_rate{window}"


def eligible(recorded: str) -> str:
    """The same as `operations` or `calls`, of the calls that the objective counts."""
    return recorded.replace(":", ":eligible_", 1)


def of_models(recorded: str) -> str:
    """The same as `recorded`, by provider and model, too."""
    return recorded.replace(":", ":model_", 1)


def failing(window: str) -> str:
    """The recorded share of failures where a service has many of them with a model."""
    return f"midstream:failing:ratio_rate{window}"


def mean(recorded: str, window: str, step: str) -> str:
    """The mean over `window` of a rate that is recorded, at steps of `step`. Where there was none, it was 0."""
    return f"sum_over_time({recorded}[{window}:{step}]) / {seconds(window) // seconds(step)}"


def denied(selection: Selection) -> Selection:
    """Those failures that are denials."""
    return selection.where(names.STATUS, any_of(_DENIALS), "=~")


def _kinds(window: str) -> Mapping[str, str]:
    """By kind, the rate of such calls. All are shares of all calls that are judged."""
    every, failed = Selection(operations(window)), Selection(errors(window))
    refused = failed.where(names.STATUS, any_of((*_REFUSALS, _UNKNOWN)), "=~")
    return {
        IN_BAND: str(every.ended(Outcome.IN_BAND_ERROR)),
        LEAKED: str(every.where(names.LEAKED, "true")),
        TRUNCATED: str(every.ended(Outcome.TRUNCATED)),
        MALFORMED: str(every.ended(Outcome.MALFORMED)),
        TRANSPORT: str(every.ended(Outcome.TRANSPORT_ERROR)),
        CONNECTION: str(every.ended(Outcome.CONNECTION_ERROR)),
        DENIED: str(denied(failed)),
        CALLER: f"{refused} or {every.ended(Outcome.CLIENT_ERROR)}",
    }


@dataclass(frozen=True)
class Recording:
    """One recording rule."""

    record: str
    expression: str
    labels: frozenset[str]
    """Those that the recorded series can have: what `names.LABELS` is for raw ones."""


def _rates(window: str) -> Iterator[Recording]:
    """What later rules read. Only those of the shortest window read raw series."""
    raw = {
        operations(window): (counted(Selection(names.OPERATIONS), window), _DETAIL),
        errors(window): (counted(Selection(names.ERRORS), window), _ERROR_DETAIL),
    }
    shortest = {name: f"{total(expression, *by)}\n/ {seconds(window)}" for name, (expression, by) in raw.items()}
    shortest[errors(window)] += f"\nor on ({', '.join(_DETAIL)}) {_unnamed(window)}"
    shortest[eligible(operations(window))] = _eligible(window)
    step = "1m" if seconds(window) <= seconds(_FINE_UP_TO) else SHORTEST
    for name, expression in shortest.items():
        longer = mean(name.removesuffix(window) + SHORTEST, window, step)
        labels = frozenset(_ERROR_DETAIL if name == errors(window) else _DETAIL)
        yield Recording(name, expression if window == SHORTEST else longer, labels)


def _unnamed(window: str) -> str:
    """HTTP errors whose status no series names, unless they are so many that they are a page whatever their status."""
    every = Selection(operations(window))
    refused = every.ended(Outcome.HTTP_ERROR)
    part, whole = (total(str(some), *TARGET) for some in (refused, every.ended(*JUDGED)))
    few = f"({refused} > 0)\nunless on ({', '.join(TARGET)}) ({part} > {OUTAGE.share} * {whole})"
    return f'label_replace(\n{indent(few, "  ")},\n  "{names.STATUS}", "{_UNKNOWN}", "{names.OUTCOME}", ".*"\n)'


def _eligible(window: str) -> str:
    every, failed = Selection(operations(window)), Selection(errors(window))
    part, whole = (total(str(some), *_DETAIL) for some in (failed.where(names.STATUS, any_of(_CALLERS), "=~"), failed))
    judged = every.ended(*(outcome for outcome in JUDGED if outcome is not Outcome.CLIENT_ERROR))
    return f"{judged}\n* (\n  1 - {part}\n  / ({whole} > 0)\n)\nor {judged}"


def _shares(window: str, by: tuple[str, ...], name: Callable[[str], str]) -> Iterator[Recording]:
    """How many calls the objective counts, and the share of them that failed."""
    counts = Selection(eligible(operations(window)))
    whole = name(eligible(calls(window)))
    yield Recording(whole, total(str(counts), *by), frozenset(by))
    yield Recording(name(share(FAILED, window)), _ratio(str(counts.ended(*FAILURES)), whole, by), frozenset(by))


def _ratio(part: str, whole: str, by: tuple[str, ...]) -> str:
    return f"(\n  {total(part, *by)}\n  or 0 * {whole}\n)\n/ ({whole} > 0)"


def _rules(window: str) -> Iterator[Recording]:
    yield from _rates(window)
    whole = calls(window)
    yield Recording(whole, total(str(Selection(operations(window)).ended(*JUDGED)), *TARGET), frozenset(TARGET))
    yield from _shares(window, TARGET, str)
    for kind, part in _kinds(window).items():
        yield Recording(share(kind, window), _ratio(part, whole, TARGET), frozenset(TARGET))
    if window in {FLEET.short, FLEET.long}:
        yield from _shares(window, MODELS, of_models)
        yield _failing(window)


def _failing(window: str) -> Recording:
    """The services that `objective.Fleet` is about."""
    share_of = of_models(share(FAILED, window))
    windows = dict.fromkeys((window, FLEET.short))
    lately = (f"{of_models(share(FAILED, one))} > {min(FLEET.shares.values())}" for one in windows)
    failures = f"round({share_of} * {of_models(eligible(calls(window)))} * {seconds(window)}) >= {FLEET.failures}"
    return Recording(failing(window), "\nand ".join((*lately, failures)), frozenset(MODELS))


RECORDINGS: Final[Mapping[str, tuple[Recording, ...]]] = {window: tuple(_rules(window)) for window in WINDOWS}
"""The rules of each window, in the order in which they are evaluated."""

RECORDED: Final[Mapping[str, frozenset[str]]] = {
    rule.record: rule.labels for rules in RECORDINGS.values() for rule in rules
}
"""By the name of a recorded series, the labels that it can have."""
