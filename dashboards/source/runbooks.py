"""The runbooks in `runbooks/`, which are written by hand, with the labels and the numbers that users decide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from source.alert import CRITICAL
from source.names import DIMENSIONS
from source.objective import FLEET

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("SERVICE", "runbooks")

SERVICE: Final = "by (job, service_name, deployment_environment_name, namespace"
"""How the runbooks group by service, as they are written."""

_LIMIT: Final = "14.4 %"
"""The one limit in the runbooks that follows from the objective, as it is written."""

_FOLDER: Final = Path(__file__).parents[1] / "runbooks"


def runbooks() -> Mapping[str, str]:
    """By their names, the runbooks as they are exported."""
    grouped = f"by ({', '.join(dimension.label for dimension in DIMENSIONS if not dimension.same_as)}"
    texts = {path.name: path.read_bytes().decode() for path in sorted(_FOLDER.glob("*.md"))}
    limit = f"{100 * FLEET.shares[CRITICAL]:g} %"
    return {name: text.replace(SERVICE, grouped).replace(_LIMIT, limit) for name, text in texts.items()}
