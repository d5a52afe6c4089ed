"""The names under which all telemetry is recorded. Also imported by processes that never make a call."""

from __future__ import annotations

from enum import Enum
from typing import Final

SCOPE: Final = "midstream"
"""The name of the tracer, the meter and the logger."""

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"
"""The released conventions whose GenAI names are used. The next conventions have no published schema."""

EVENT_NAME: Final = "gen_ai.client.operation.exception"
"""The name of the log event of a failed call."""


class GenAIMetrics(str, Enum):
    """The names of the GenAI metrics. A value keeps its meaning; `next` follows what is not released yet."""

    V1_41 = "1.41"
    """The names of the released conventions: the default."""
    NEXT = "next"
    """The names on the main branch of the conventions: they can change until they are released."""
    BOTH = "both"
    """Each metric under both names, while readers of the old names are moved to the new ones."""
