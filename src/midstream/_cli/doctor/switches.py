"""Whether something is switched off. Looks at the environment and at what packages have registered."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

from midstream._cli.doctor.findings import Finding, Health, Subject
from midstream._options import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_GROUP: Final = "opentelemetry_instrumentor"
_NAME: Final = "anthropic_midstream"
_PREFIX: Final = "MIDSTREAM_"

_SDK_DISABLED: Final = "OTEL_SDK_DISABLED"
_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_EVERYTHING: Final = "*"


def switched(environment: Mapping[str, str] = os.environ, *, by_setup: bool = False) -> Iterator[Finding]:
    """What is registered, and what `environment` says of it. `by_setup`: the application itself instruments."""
    yield _entry_point(Health.WARNING if by_setup else Health.PROBLEM)
    off = list(_off(environment))
    yield from off
    if not off:
        yield Finding(Subject.SWITCHES, Health.OK, f"neither {_SDK_DISABLED} nor {_DISABLED} stops midstream")
    wrong = list(_wrong_options(environment))
    yield from wrong
    if not wrong:
        chosen = ", ".join(f"{name}={environment[name]}" for name in WORDS if environment.get(name))
        yield Finding(Subject.OPTIONS, Health.OK, chosen or f"no {_PREFIX}* is set: the defaults hold")


def _entry_point(if_missing: Health) -> Finding:
    found = entry_points(group=_GROUP, name=_NAME)
    if found:
        return Finding(Subject.ENTRY_POINT, Health.OK, f"{_NAME} is registered for opentelemetry-instrument")
    message = f"{_NAME} is not registered: opentelemetry-instrument does not know midstream"
    remedy = "pip install --force-reinstall --no-deps midstream, or call AnthropicInstrumentor().instrument() yourself"
    return Finding(Subject.ENTRY_POINT, if_missing, message, remedy)


def _off(environment: Mapping[str, str]) -> Iterator[Finding]:
    told = environment.get(_SDK_DISABLED, "")
    if told.strip().lower() == "true":
        message = f"{_SDK_DISABLED}={told}: OpenTelemetry makes no telemetry at all"
        yield Finding(Subject.SWITCHES, Health.PROBLEM, message, f"unset {_SDK_DISABLED}")
    named = environment.get(_DISABLED, "")
    for one in sorted({_NAME, _EVERYTHING} & {name.strip() for name in named.split(",")}):
        message = f"{_DISABLED}={named}: opentelemetry-instrument leaves midstream out"
        yield Finding(Subject.SWITCHES, Health.PROBLEM, message, f"take {one} out of {_DISABLED}")


def _wrong_options(environment: Mapping[str, str]) -> Iterator[Finding]:
    for name, told in environment.items():
        if not name.startswith(_PREFIX):
            continue
        if name not in WORDS:
            known = ", ".join(WORDS)
            yield Finding(Subject.OPTIONS, Health.WARNING, f"{name} is no option of midstream", f"there are {known}")
        elif told.strip() and told.strip().lower() not in WORDS[name]:
            allowed = ", ".join(WORDS[name])
            message = f"{name}={told!r} is not understood: the default holds"
            yield Finding(Subject.OPTIONS, Health.PROBLEM, message, f"set it to one of {allowed}")
