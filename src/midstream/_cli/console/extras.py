"""Says which packages a command lacks, before it does anything. Standard library only."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

_PACKAGES: Final = {
    "anthropic": "anthropic",
    "click": "click",
    "rich": "rich",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry.exporter.prometheus": "opentelemetry-exporter-prometheus",
}
"""By module, the package that it comes in. All of them are in the extra `cli`."""


class MissingPackagesError(ImportError):
    """Packages of the extra `cli` are not installed. The message is one line, and says how to get them."""


def require(*modules: str) -> None:
    """Checks that `modules`, of those that the extra brings, can be imported. Does not import them.

    Raises `MissingPackagesError` if one cannot.
    """
    missing = [_PACKAGES[module] for module in modules if not _is_there(module)]
    if missing:
        message = f'this needs {", ".join(missing)}, not installed here; pip install "midstream[cli]" brings it'
        raise MissingPackagesError(message)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package around it is missing
        return False
