"""The runbooks in `runbooks/`, which are written by hand, with the labels that identify a service in their queries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from source.names import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("SERVICE", "runbooks")

SERVICE: Final = "by (job, service_name, deployment_environment_name, namespace"
"""How the runbooks group by service, as they are written."""

_FOLDER: Final = Path(__file__).parents[1] / "runbooks"


def runbooks() -> Mapping[str, str]:
    """By their names, the runbooks as they are exported."""
    grouped = f"by ({', '.join(dimension.label for dimension in DIMENSIONS if not dimension.same_as)}"
    texts = {path.name: path.read_bytes().decode() for path in sorted(_FOLDER.glob("*.md"))}
    return {name: text.replace(SERVICE, grouped) for name, text in texts.items()}
