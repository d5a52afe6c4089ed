"""Under which name all telemetry stands. Apart from the contract, for it is needed in processes that never call."""

from __future__ import annotations

from enum import Enum
from typing import Final

SCOPE: Final = "midstream"
"""The name of the tracer, the meter and the logger."""

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"
"""The released conventions whose GenAI names are used. The next ones have no schema that is published."""


class GenAIMetrics(str, Enum):
    """The names that the GenAI metrics have. A value means the same for good; `next` is what is not released yet."""

    V1_41 = "1.41"
    """Those of the released conventions: the default."""
    NEXT = "next"
    """Those that the main branch of the conventions has: they can change until they are released."""
    BOTH = "both"
    """Each metric under both: for as long as it takes to move what reads them."""
