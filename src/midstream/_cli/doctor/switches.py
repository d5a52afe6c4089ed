"""Whether something is switched off: by the environment, or as it is not registered."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Final

from midstream._cli.doctor.findings import INSTRUMENT_LINE, Finding, Health, Subject
from midstream._cli.watch.boot.midstream_watch import ADDRESS
from midstream._options import WORDS

_GROUP: Final = "opentelemetry_instrumentor"
_NAME: Final = "anthropic_midstream"
_PREFIX: Final = "MIDSTREAM_"

_SDK_DISABLED: Final = "OTEL_SDK_DISABLED"
_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_EVERYTHING: Final = "*"


def switched(environment: Mapping[str, str] = os.environ, *, by_setup: bool = False) -> Iterator[Finding]:
    """What is registered, and what `environment` sets. `by_setup`: the application itself instruments."""
    yield _entry_point(Health.WARNING if by_setup else Health.PROBLEM)
    off = f"neither {_SDK_DISABLED} nor {_DISABLED} stops midstream"
    yield from list(_off(environment)) or [Subject.SWITCHES.ok(off)]
    chosen = ", ".join(f"{name}={environment[name]}" for name in WORDS if environment.get(name))
    options = chosen or f"no {_PREFIX}* is set: the defaults are used"
    yield from list(_invalid_options(environment)) or [Subject.OPTIONS.ok(options)]


def _entry_point(if_missing: Health) -> Finding:
    if entry_points(group=_GROUP, name=_NAME):
        return Subject.ENTRY_POINT.ok(f"{_NAME} is registered for opentelemetry-instrument")
    message = f"{_NAME} is not registered: opentelemetry-instrument does not know midstream"
    remedy = f"pip install --force-reinstall --no-deps midstream (or, in the program: {INSTRUMENT_LINE})"
    return Finding(Subject.ENTRY_POINT, if_missing, message, remedy)


def _off(environment: Mapping[str, str]) -> Iterator[Finding]:
    disabled = environment.get(_SDK_DISABLED, "")
    if disabled.strip().lower() == "true":
        message = f"{_SDK_DISABLED}={disabled}: OpenTelemetry makes no telemetry at all"
        yield Subject.SWITCHES.problem(message, f"unset {_SDK_DISABLED}")
    named = environment.get(_DISABLED, "")
    names = [name.strip() for name in named.split(",")]
    others = ",".join(name for name in names if name not in {_NAME, _EVERYTHING})
    if others != ",".join(names):
        message = f"{_DISABLED}={named}: opentelemetry-instrument leaves midstream out"
        yield Subject.SWITCHES.problem(message, f"export {_DISABLED}={others}" if others else f"unset {_DISABLED}")


def _invalid_options(environment: Mapping[str, str]) -> Iterator[Finding]:
    for name, value in environment.items():
        if not name.startswith(_PREFIX) or name == ADDRESS:
            continue
        if name not in WORDS:
            yield Subject.OPTIONS.warning(f"unknown option {name}", f"unset {name} (valid options: {', '.join(WORDS)})")
        elif value.strip() and value.strip().lower() not in WORDS[name]:
            message = f"ignoring {name}={value!r}: the default is used"
            yield Subject.OPTIONS.problem(message, f"unset {name} (or set it to one of {', '.join(WORDS[name])})")
