"""What midstream counts for a meter provider, which reads it when metrics are collected.

The OpenTelemetry SDK ignores the callback of a second instrument of a name. So what is read belongs to the provider: it
survives `uninstrument()`, and the next `instrument()` continues with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from opentelemetry import metrics
from opentelemetry.metrics import NoOpMeter, get_meter_provider

from midstream._guard import attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Meter

T = TypeVar("T")


def of_provider(name: str, meter: Meter, provider: object, make: Callable[[], T], create: Callable[[T], object]) -> T:
    """What is counted under `name` for `provider`, which created `meter`: always the same object.

    The first time, `make` makes it, and `create` creates its instruments with `meter`, and returns them. Where the
    meter creates none, nothing is reported. Raises what `make` raises, and `create` must not raise.
    """
    if isinstance(meter, NoOpMeter):
        return make()  # not kept: a meter that is broken or shut down now may work later
    # Kept on the provider, which need not be hashable (logfire's is not), and on the meter, because the provider may be
    # wrapped in a new object each time. Not in this module, which may be imported again.
    name = f"_midstream_{name}"
    places = [place for place in (_attributes(provider), _attributes(meter)) if place is not None]
    found = next((place[name] for place in (*places, *_of_the_api(provider)) if name in place), None)
    if found is None:
        counted = make()
        # With the meter and its instruments, because logfire's, which move to its next provider, are weakly referenced.
        found = (counted, meter, create(counted))
        if _is_of_the_api(provider):
            places.append(metrics.__dict__)
    for place in places:
        place.setdefault(name, found)
    return found[0]


def _attributes(thing: object) -> dict[str, Any] | None:
    found: dict[str, Any] | None = cast("Any", attempt(vars, thing))
    return found if found.__class__ is dict else None  # that of a class cannot be changed


def _of_the_api(provider: object) -> list[dict[str, Any]]:
    """Where that of the API's own provider is, a proxy that passes its instruments on to the first global provider."""
    return [metrics.__dict__] if provider is attempt(get_meter_provider) else []


def _is_of_the_api(provider: object) -> bool:
    return type(provider).__module__.startswith("opentelemetry.metrics.")
