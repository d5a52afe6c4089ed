"""Reports which packages a command lacks, before it does anything. Needs nothing but the core."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from midstream._guard import attempt

_PACKAGES: Final = {
    "anthropic": "anthropic",
    "click": "click",
    "rich": "rich",
    "opentelemetry.proto": "opentelemetry-proto",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry.exporter.prometheus": "opentelemetry-exporter-prometheus",
}
"""By module, the package that has it. All of them are in the extra `cli`, and what the doctor needs in `doctor`."""


class MissingPackagesError(ImportError):
    """Packages of an extra are not installed. The message is one line, and says how to install them."""


def require(*modules: str, extra: str = "cli") -> None:
    """Raises `MissingPackagesError` if one of `modules`, keys of `_PACKAGES`, cannot be imported. Imports none.

    The message names `extra`, which has them.
    """
    missing = [_PACKAGES[module] for module in modules if attempt(find_spec, module) is None]
    if missing:
        message = f'this needs {", ".join(missing)}, not installed here; pip install "midstream[{extra}]" brings it'
        raise MissingPackagesError(message)
