"""Which service and which model are worst: tables with the most failures on top."""

from __future__ import annotations

from typing import Final

from midstream._outcomes import Outcome
from source import names
from source.links import of_row, to
from source.measures import LEAKING, OPERATIONS, WHOLE, calls, success_as_http_tells, success_as_it_was
from source.names import DIMENSIONS, TARGET
from source.panels import Query
from source.parts import ANY_IS_BAD, WITHIN_OBJECTIVE
from source.queries import FAILURES, HIDDEN_FROM_HTTP, total
from source.tables import Column, Table

__all__ = ("MODELS", "SERVICES")

_EVERY_CALL: Final = None
_HERE: Final = "midstream-outcomes"
_THIS: Final = "${__value.raw}"

_NAME: Final = tuple(label for label in ("service_name", "job") if label in TARGET) or TARGET[:1]
_WHERE: Final = "where"
"""The label that the queries make of all other labels of a service, so that the table has few columns."""

_TITLES: Final = {one.label: (one.title, one.variable) for one in DIMENSIONS}


def _of_services(expression: str) -> str:
    rest = [label for label in TARGET if label not in _NAME]
    if not rest:
        return expression
    keys = ", ".join(f'"{label}"' for label in rest)
    joined = f'label_join({expression}, "{_WHERE}", " ", {keys})'
    return total(f'label_replace({joined}, "{_WHERE}", "$1", "{_WHERE}", " *(.*?) *")', *_NAME, _WHERE)


SERVICES: Final = Table(
    title="By service",
    description="Each service, the one with the most failed calls on top: calls, failed calls, those of them that HTTP "
    "counts as a success, and actual success. A dash means zero. A service leads to this board for that service only.",
    queries=(
        Query(f"{_of_services(calls(OPERATIONS, WHOLE, *TARGET))} > 0"),
        Query(f"{_of_services(calls(OPERATIONS.ended(*FAILURES), WHOLE, *TARGET))} > 0"),
        Query(f"{_of_services(calls(OPERATIONS.ended(*HIDDEN_FROM_HTTP), WHOLE, *TARGET))} > 0"),
        Query(_of_services(success_as_it_was(WHOLE, *TARGET))),
    ),
    moved_by=_EVERY_CALL,
    nothing="-",
    columns=(
        *(
            Column(label, title, links=((f"This {title.lower()} only", to(_HERE, **{variable: _THIS})),))
            for label in _NAME
            for title, variable in (_TITLES[label],)
        ),
        *([Column(_WHERE, "Where")] if len(TARGET) > len(_NAME) else []),
        Column("Value #B", "Failed", 75, decimals=0, thresholds=ANY_IS_BAD, counts=frozenset(FAILURES)),
        Column("Value #C", "Hidden", 75, decimals=0, counts=frozenset(HIDDEN_FROM_HTTP)),
        Column("Value #D", "Success", 80, "percentunit", 1, WITHIN_OBJECTIVE, counts=frozenset(FAILURES)),
        Column("Value #A", "Calls", 70, decimals=0),
    ),
    sort_by="Failed",
)

_MODELED: Final = OPERATIONS.where(names.MODEL, "", "!=")
"""Without batch results, session events and downloads, whose calls have no model."""

_THIS_MODEL: Final = of_row("Model")

MODELS: Final = Table(
    title="By model",
    description="Each requested model, the one with the most failed calls on top: success according to HTTP and actual "
    "success, in-band errors and leaked exceptions. A dash means zero. The cells link to the boards for that model.",
    queries=(
        Query(f"{calls(_MODELED, WHOLE, names.MODEL)} > 0"),
        Query(success_as_http_tells(WHOLE, names.MODEL, of=_MODELED)),
        Query(success_as_it_was(WHOLE, names.MODEL, of=_MODELED)),
        Query(f"{calls(_MODELED.ended(Outcome.IN_BAND_ERROR), WHOLE, names.MODEL)} > 0"),
        Query(f"{calls(_MODELED.where(names.LEAKED, 'true'), WHOLE, names.MODEL)} > 0"),
        Query(f"{calls(_MODELED.ended(*FAILURES), WHOLE, names.MODEL)} > 0"),
    ),
    moved_by=_EVERY_CALL,
    nothing="-",
    columns=(
        Column(names.MODEL, "Model", links=(("This model only", to(_HERE, model=_THIS)),)),
        Column("Value #F", "Failed", 70, decimals=0, thresholds=ANY_IS_BAD, counts=frozenset(FAILURES)),
        Column("Value #C", "Success", 80, "percentunit", 1, WITHIN_OBJECTIVE, counts=frozenset(FAILURES)),
        Column("Value #B", "HTTP says", 90, "percentunit", 1),
        Column(
            "Value #D",
            "In band",
            70,
            decimals=0,
            links=(("In-band errors of this model", to("midstream-misreported", model=_THIS_MODEL)),),
            counts=frozenset({Outcome.IN_BAND_ERROR}),
        ),
        Column(
            "Value #E",
            "Leaked",
            70,
            decimals=0,
            links=(("Leaks of this model", to("midstream-leaked", model=_THIS_MODEL)),),
            counts=LEAKING,
        ),
        Column("Value #A", "Calls", 70, decimals=0),
    ),
    sort_by="Failed",
)
