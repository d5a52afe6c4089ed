"""Under which name all telemetry stands. Apart from the contract, for it is needed in processes that never call."""

from __future__ import annotations

from typing import Final

__all__ = ("SCHEMA_URL", "SCOPE")

SCOPE: Final = "midstream"
"""The name of the tracer, the meter and the logger."""

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"
"""The released conventions whose GenAI names are used."""
