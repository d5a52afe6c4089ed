"""Whether `opentelemetry-instrument` finds here what it needs to set OpenTelemetry up. Imports none of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Final

from midstream._cli.doctor.findings import Finding, Subject
from midstream._cli.doctor.packages import is_installed, only_of_extra

_DISTRO: Final = "opentelemetry-distro"
_SDK: Final = "opentelemetry-sdk"
_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_PROTOCOL"
_OTLP: Final = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
"""By protocol, the entry point of its exporter."""

_DEFAULTS: Final = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    _PROTOCOL: "grpc",
}
"""What the distro adds to the environment."""

_PACKAGES: Final = {
    "otlp_proto_grpc": "opentelemetry-exporter-otlp-proto-grpc",
    "otlp_proto_http": "opentelemetry-exporter-otlp-proto-http",
    "prometheus": "opentelemetry-exporter-prometheus",
}
"""By entry point, the package that has it."""

INSTALLATION: Final = f"pip install {_DISTRO} {_PACKAGES['otlp_proto_http']}"
"""Installs what the launcher needs at least."""


def launched(environment: Mapping[str, str] = os.environ, *, by_setup: bool = False) -> Iterator[Finding]:
    """What the launcher lacks. `by_setup`: the application does without it."""
    if by_setup:
        yield from _only_of_extra(_PACKAGES)
        yield Subject.LAUNCHER.not_tried("the application sets OpenTelemetry up")
    elif not entry_points(group="opentelemetry_configurator"):
        missing = _DISTRO if is_installed(_SDK) else f"{_DISTRO}, which brings {_SDK}"
        message = f"not installed: {missing}. opentelemetry-instrument sets up no provider without it"
        yield Subject.LAUNCHER.problem(message, INSTALLATION)
    else:
        yield from _unknown_names(environment)
        yield from _exporters({**(_DEFAULTS if is_installed(_DISTRO) else {}), **environment})


def _unknown_names(environment: Mapping[str, str]) -> Iterator[Finding]:
    for kind in ("distro", "configurator"):
        variable = f"OTEL_PYTHON_{kind.upper()}"
        known = [entry.name for entry in entry_points(group=f"opentelemetry_{kind}")]
        if environment.get(variable, known) not in (known, *known):
            message = f"{variable}={environment[variable]}: no such {kind} is installed"
            yield Subject.LAUNCHER.problem(message, f"unset {variable} (or set it to one of {', '.join(known)})")


def _exporters(environment: Mapping[str, str]) -> Iterator[Finding]:
    found: dict[str, list[str]] = {}
    missing: dict[str, list[str]] = {}
    unknown: dict[str, str] = {}
    for signal in ("traces", "metrics", "logs"):
        of_signal = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL"
        variable = of_signal if environment.get(of_signal) else _PROTOCOL
        protocol = environment.get(variable, "").strip() or "grpc"
        for name in _names(environment.get(f"OTEL_{signal.upper()}_EXPORTER", "")):
            exporter = _OTLP.get(protocol, "") if name == "otlp" else name
            if not exporter:
                unknown[variable] = protocol
            elif entry_points(group=f"opentelemetry_{signal}_exporter", name=exporter):
                found.setdefault(exporter, []).append(signal)
            else:
                missing.setdefault(exporter, []).append(signal)
    for variable, protocol in unknown.items():
        message = f"{variable}={protocol}: opentelemetry-instrument knows no such protocol, and sets up nothing"
        yield Subject.LAUNCHER.problem(message, f"export {variable}=http/protobuf (or grpc)")
    for exporter, signals in missing.items():
        message = f"{' and '.join(signals)} need the exporter {exporter}, which is not installed: nothing is set up"
        yield Subject.LAUNCHER.problem(message, remedy_without(exporter, signals))
    yield from _only_of_extra(found)
    if not missing and not unknown:
        exporters = "; ".join(f"{exporter} for {' and '.join(signals)}" for exporter, signals in found.items())
        yield Subject.LAUNCHER.ok(exporters or "no exporter is named")


def _only_of_extra(exporters: Iterable[str]) -> Iterator[Finding]:
    """What the service has only as long as it is installed with the extra for the commands."""
    used = {_SDK, *map(_PACKAGES.get, exporters)}
    if extra := [package for package in only_of_extra() if package in used]:
        message = f"only midstream[cli] brings {', '.join(extra)}: a service installed without that extra lacks this"
        yield Subject.LAUNCHER.warning(message, f"pip install {' '.join(extra)} (where the service is installed)")


def _names(value: str) -> list[str]:
    names = [name.strip() for name in value.split(",")]
    return [name for name in names if name and name.lower() != "none"]


def remedy_without(exporter: str, signals: Iterable[str] = ()) -> str:
    """What to do if the package that has the entry point `exporter`, for `signals`, is not installed."""
    package = _PACKAGES.get(exporter)
    if package is None:
        settings = " ".join(f"OTEL_{signal.upper()}_EXPORTER=otlp" for signal in signals)
        return f"export {settings} (or install the package that has {exporter})"
    if exporter != _OTLP["grpc"]:
        return f"pip install {package}"
    over_http = _PACKAGES[_OTLP["http/protobuf"]]
    first = "" if is_installed(over_http) else f"pip install {over_http} && "
    return f"{first}export {_PROTOCOL}=http/protobuf (the distro's default is grpc; or: pip install {package})"
