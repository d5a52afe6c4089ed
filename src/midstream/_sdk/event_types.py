"""The skip protocol: which events the iterators need not pass to their call."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from midstream._outcomes.values import is_mapping, is_sdk_answer

if TYPE_CHECKING:
    from midstream._outcomes import StreamWatch


class NoEvent:
    """The class of no event."""


class EventTypes:
    """The classes of events that calls of one `instrument()` have seen.

    A long answer is a run of content events of which the first says it all. So an iterator compares the class of each
    event with `ObservedCall.ignored_event_type`, and does nothing else for an event of that class. After every other
    event, `StreamWatch.is_redundant` says whether another of its type adds anything, and if not, its class is ignored.

    The SDK has classes that stand for several types of events. A class that was informative once, in any call, is never
    ignored. Nor is a mapping, which may stand for anything.
    """

    def __init__(self) -> None:
        self._informative: weakref.WeakSet[type] = weakref.WeakSet()
        self._of_sdk: set[type] = set()

    def can_ignore(self, event: object, watch: StreamWatch) -> bool:
        """Whether more events of the class of `event`, the last one of `watch`, can be ignored."""
        kind = type(event)
        if kind in self._of_sdk:
            return False
        # A class of the SDK lives as long as the SDK, so it needs no weak reference.
        is_of_sdk = is_sdk_answer(event)
        informative = self._of_sdk if is_of_sdk else self._informative
        if not watch.is_redundant:
            informative.add(kind)
            return False
        return kind not in informative and (is_of_sdk or not is_mapping(event))
