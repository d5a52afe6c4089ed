"""The patches of one `instrument()`: what is looked for in the SDK, wrapped, and restored."""

from __future__ import annotations

import inspect
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from midstream import _supported
from midstream._sdk.targets import TARGETS, Role, Target, own_attribute
from midstream._sdk.wrapped_method import layers, mark_on, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from midstream._sdk.entry import RequestObserver


_log: Final = logging.getLogger("midstream")


class Found(NamedTuple):
    """The targets of an SDK that can be wrapped, with the classes that define their methods."""

    owners: Mapping[Target, type]
    lost: frozenset[Role]
    """The roles that lack a target which is not optional. Their other targets are not wrapped."""

    @property
    def streams(self) -> bool:
        """Whether streams can be observed."""
        return Role.STREAMS not in self.lost

    @property
    def spans(self) -> bool:
        """Whether every method inside the SDK's own spans can be observed."""
        return all(target in self.owners for target in TARGETS if target.role is Role.SPANS)


def find_targets(sdk: Any) -> Found | None:
    """The targets in `sdk`, the imported package. `None` if calls cannot be observed. Logs what cannot be."""
    if not _is_supported(sdk):
        return None
    owners = {target: target.find() for target in TARGETS}
    missing = [target for target, owner in owners.items() if owner is None and not target.optional]
    lost = frozenset(target.role for target in missing)
    if missing:
        _log.warning(
            "midstream does not observe %s: this version of anthropic has no %s",
            "anything" if Role.CALLS in lost else " and ".join(role.value for role in Role if role in lost),
            ", ".join(target.name for target in missing),
        )
    if Role.CALLS in lost:
        return None
    return Found({target: owner for target, owner in owners.items() if owner is not None}, lost)


class _Patch(NamedTuple):
    owner: Any
    method: str
    original: Any
    wrapper: Any


class Patches:
    """The wrapped methods of one `instrument()`."""

    def __init__(self, observer: RequestObserver) -> None:
        self._observer = observer
        self._enabled = [True]
        """Empty when it has ended."""
        self._patches: list[_Patch] = []

    def put_in(self, found: Found) -> None:
        """Wraps the methods that were found, and ends the observation of every other copy of midstream."""
        _take_over((owner, target.method) for target, owner in found.owners.items())
        for target, owner in found.owners.items():
            if target.role not in found.lost:
                for patched in _owners(owner, target.method):
                    self._wrap(target, patched)

    def give_way(self) -> bool:
        """Ends this observation because another copy of midstream takes over. Returns whether it was observing."""
        observed = bool(self._patches)
        self.remove()
        return observed

    def remove(self) -> None:
        """Restores every method. One that other code has wrapped since then stays wrapped, and is disabled.

        Streams that are open now are still recorded when they end.
        """
        self._enabled.clear()
        while self._patches:
            patch = self._patches.pop()
            if own_attribute(patch.owner, patch.method) is patch.wrapper:
                setattr(patch.owner, patch.method, patch.original)
        self._observer.registry.stop()

    def _wrap(self, target: Target, owner: Any) -> None:
        original = own_attribute(owner, target.method)
        wrapper = partial(target.wrapper, self._observer)
        wrapped = wrap(owner, target.method, wrapper, self._enabled, mark=self.give_way)
        self._patches.append(_Patch(owner, target.method, original, wrapped))


def _take_over(methods: Iterable[tuple[type, str]]) -> None:
    found = (
        layer
        for owner, method in methods
        for patched in _owners(owner, method)
        for layer in layers(own_attribute(patched, method))
    )
    observed = [give_way() for give_way in filter(None, map(mark_on, found))]
    if any(observed):
        _log.warning(
            "another copy of midstream in this process was observing anthropic for an earlier instrument(): "
            "that observation has ended, and each call is recorded once, for this instrument()"
        )


def _owners(owner: type, method: str) -> list[type]:
    """`owner`, and its subclasses with another wrapper around its method, which bypasses `owner` itself.

    logfire looks `request` up on the client classes, and sets its wrapper there.
    """
    original = inspect.unwrap(own_attribute(owner, method))
    return [owner, *(sub for sub in _subclasses(owner) if inspect.unwrap(own_attribute(sub, method)) is original)]


def _subclasses(owner: type) -> Iterator[type]:
    subclasses: list[type] = owner.__subclasses__()
    for subclass in subclasses:
        yield subclass
        yield from _subclasses(subclass)


def _is_supported(sdk: Any) -> bool:
    first, end = _supported.SDK
    version = getattr(sdk, "__version__", "")
    found = _supported.major_minor(version)
    if found is not None and first <= found < end:
        return True
    _log.warning(
        "midstream does not observe anthropic %s: it supports %d.%d and later, below %d",
        version or "of an unknown version",
        *first,
        end[0],
    )
    return False
