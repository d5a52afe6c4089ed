"""What midstream counts for a meter provider, which reads it when metrics are collected.

The OpenTelemetry SDK ignores the callback of a second instrument of a name. So what is read belongs to the provider: it
survives `uninstrument()`, and the next `instrument()` continues with it.
"""

from __future__ import annotations

import weakref
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

    The first time, `make` makes it, and `create` creates its instruments with `meter`. Where the meter creates none,
    nothing is reported. Raises what `make` raises, and `create` must not raise.
    """
    if isinstance(meter, NoOpMeter):
        return make()  # not kept: a meter that is broken or shut down now may work later
    # Kept in OpenTelemetry's module: this one may be imported again, and providers keep the callbacks of the first
    # import.
    kept = cast(
        "weakref.WeakKeyDictionary[Any, T]",
        metrics.__dict__.setdefault(f"_midstream_{name}", weakref.WeakKeyDictionary()),
    )
    found = attempt(_known, kept, provider)
    if found is None:
        found = make()
        create(found)
        attempt(kept.__setitem__, provider, found)
    return found


def _known(kept: weakref.WeakKeyDictionary[Any, T], provider: object) -> T | None:
    found = kept.get(provider)
    if found is None and provider is get_meter_provider():
        # Until the application sets its own provider, the API's is a proxy, which passes its instruments on.
        return next((counted for known, counted in kept.items() if _is_of_the_api(known)), None)
    return found


def _is_of_the_api(provider: object) -> bool:
    return type(provider).__module__.startswith("opentelemetry.metrics.")
