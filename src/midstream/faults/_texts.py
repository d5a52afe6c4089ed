"""Plans and latencies as a command line has them."""

from __future__ import annotations

import re
from typing import Final

from midstream.faults._latency import Latency, Waits
from midstream.faults._plans import Mix, Plan, Sequence

_SHARE: Final = re.compile(r"(?P<name>[^=]+)=(?P<share>[0-9]{1,3}(\.[0-9]{1,6})?)%")
_DURATION: Final = r"([0-9]{1,6}(?:\.[0-9]{1,6})?)(ms|s)"
_WAITS: Final = re.compile(rf"(?P<part>first|between)={_DURATION}(?:\.\.{_DURATION})?")
_SECONDS: Final = {"ms": 0.001, "s": 1.0}
_MAX_SECONDS: Final = 600.0


def names(text: str) -> list[str]:
    """Return the scenarios that a sequence or a mix names."""
    return [part.partition("=")[0].strip() for part in text.split(",")]


def sequence(text: str, *, repeat: bool = False) -> Sequence:
    """Return the sequence `in_band,reset@4,ok`. Raises `ValueError` for an invalid text."""
    return Sequence(names(text), repeat=repeat)


def mix(text: str, seed: int | None = None) -> Mix:
    """Return the mix `in_band=5%,reset@2=0.5%`. Raises `ValueError` for an invalid text."""
    shares: dict[str, float] = {}
    for part in text.split(","):
        found = _SHARE.fullmatch(part.strip())
        if found is None:
            message = f"{part.strip()!r} must be a scenario and its share, such as in_band=5%"
            raise ValueError(message)
        name = found["name"].strip()
        if name in shares:
            message = f"{name} is there twice"
            raise ValueError(message)
        shares[name] = float(found["share"])
    return Mix(shares, seed)


def plan(text: str, seed: int | None = None, *, repeat: bool = False) -> Plan:
    """Return a mix if there are shares in `text`, otherwise a sequence. Raises `ValueError` for an invalid text."""
    return mix(text, seed) if "=" in text else sequence(text, repeat=repeat)


def latency(text: str, seed: int | None = None) -> Latency:
    """Return the latency `first=300ms,between=20ms..80ms`. Raises `ValueError` for an invalid text."""
    parts: dict[str, Waits] = {}
    for part in text.split(","):
        found = _WAITS.fullmatch(part.strip())
        if found is None or found["part"] in parts:
            message = f"{part.strip()!r} must be first=300ms or between=20ms..80ms, each once, in ms or s"
            raise ValueError(message)
        _, number, unit, most, most_unit = found.groups()
        least = float(number) * _SECONDS[unit]
        longest = least if most is None else float(most) * _SECONDS[most_unit]
        if not least <= longest <= _MAX_SECONDS:
            message = f"{part.strip()!r} must go from less to more, and to {_MAX_SECONDS:g}s at most"
            raise ValueError(message)
        parts[found["part"]] = Waits(least, longest)
    return Latency(parts.get("first"), parts.get("between"), seed)
