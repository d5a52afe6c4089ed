"""The supported versions of the SDK and of OpenTelemetry. pyproject.toml repeats them; a test compares."""

from __future__ import annotations

import re
from typing import Final

SDK: Final = ((0, 49), (3, 0))
"""The first supported version of `anthropic`, and the first that is not supported any more."""

OPENTELEMETRY: Final = (1, 30)
"""The first supported version of `opentelemetry-api`."""

SDK_REQUIREMENT: Final = "anthropic >= {}.{}, < {}".format(*SDK[0], SDK[1][0])


def major_minor(version: object) -> tuple[int, int] | None:
    """The first two numbers of `version`. `None` if it does not start with a number."""
    found = re.match(r"(\d+)(?:\.(\d+))?", str(version))
    return None if found is None else (int(found[1]), int(found[2] or 0))
