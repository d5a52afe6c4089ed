"""One colour per thing, the same on all boards. Names of Grafana's palette, which has each for dark and for light.

Failures that HTTP shows are blue; each kind that it hides has a warm colour; what the application ended is grey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from midstream._outcomes import Outcome, Phase
from midstream._outcomes.failure import OTHER
from midstream._outcomes.status import API_STATUS, BEDROCK_STATUS, UNKNOWN_STATUS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = (
    "AS_HTTP_TELLS",
    "AS_IT_WAS",
    "BAD",
    "ERROR_TYPES",
    "GOOD",
    "LEAKED",
    "OUTCOMES",
    "PERCENTILES",
    "PHASES",
    "STATUSES",
    "TOKENS",
    "TYPES_WITH_STATUS",
    "WARNING",
    "WINDOWS",
    "WRAPPED",
    "of",
)

GOOD: Final = "green"
WARNING: Final = "orange"
BAD: Final = "red"

OUTCOMES: Final[Mapping[str, str]] = {
    Outcome.COMPLETED.value: "green",
    Outcome.HTTP_ERROR.value: "blue",
    Outcome.CONNECTION_ERROR.value: "light-blue",
    Outcome.IN_BAND_ERROR.value: "red",
    Outcome.TRANSPORT_ERROR.value: "orange",
    Outcome.TRUNCATED.value: "purple",
    Outcome.MALFORMED.value: "semi-dark-yellow",
    Outcome.CLIENT_ERROR.value: "light-purple",
    Outcome.CANCELLED.value: "#8E8E8E",
    Outcome.ABANDONED.value: "#B8B8B8",
}

PHASES: Final[Mapping[str, str]] = {
    Phase.REQUEST.value: "blue",
    Phase.OPENING.value: "semi-dark-yellow",
    Phase.CONTENT.value: "orange",
    Phase.CLOSING.value: "purple",
}

STATUSES: Final[Mapping[str, str]] = {
    "529": "red",
    "429": "orange",
    "500": "purple",
    "503": "dark-purple",
    "504": "light-purple",
    "408": "light-orange",
    "424": "dark-orange",
    "400": "blue",
    "401": "semi-dark-yellow",
    "402": "light-yellow",
    "403": "dark-yellow",
    "404": "light-blue",
    "409": "light-green",
    "413": "dark-blue",
}
"""Red, orange: the API has too much to do. Purple: it broke. Yellow: the key may not do this. The rest: our request."""

_STATUS_OF: Final = {**API_STATUS, **BEDROCK_STATUS}

ERROR_TYPES: Final[Mapping[str, str]] = {
    **{name: STATUSES[str(status)] for name, status in _STATUS_OF.items()},
    OTHER: "#8E8E8E",
    **{
        f"{library}.{name}": colour
        for library in ("httpx", "httpx2")
        for name, colour in (
            ("ReadError", "orange"),
            ("RemoteProtocolError", "dark-orange"),
            ("ReadTimeout", "super-light-orange"),
            ("DecodingError", "dark-yellow"),
        )
    },
    "json.decoder.JSONDecodeError": "semi-dark-yellow",
    "UnicodeDecodeError": "super-light-yellow",
}
"""By `error.type`. The API's have the colour of their status, exceptions a shade of the colour of their outcome."""

TYPES_WITH_STATUS: Final[Mapping[str, str]] = {
    f"{status} {name}": ERROR_TYPES[name] for name, status in {**_STATUS_OF, OTHER: UNKNOWN_STATUS}.items()
}

PERCENTILES: Final[Mapping[str, str]] = {
    "good, 50 %": "light-green",
    "good, 95 %": "green",
    "good, 99 %": "dark-green",
    "failed, 50 %": "light-orange",
    "failed, 95 %": "red",
}
TOKENS: Final[Mapping[str, str]] = {"input": "blue", "output": "green"}
WINDOWS: Final = ("red", "orange", "semi-dark-yellow", "blue")
"""From the shortest to the longest."""

LEAKED: Final = OUTCOMES[Outcome.TRANSPORT_ERROR.value]
WRAPPED: Final = OUTCOMES[Outcome.CONNECTION_ERROR.value]
AS_HTTP_TELLS: Final = OUTCOMES[Outcome.HTTP_ERROR.value]
AS_IT_WAS: Final = OUTCOMES[Outcome.COMPLETED.value]


def of(*outcomes: Outcome) -> Mapping[str, str]:
    """The colours of these outcomes alone."""
    return {outcome.value: OUTCOMES[outcome.value] for outcome in outcomes}
