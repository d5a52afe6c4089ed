"""Has calls observed where no application has asked for that: for the fixtures for tests."""

from __future__ import annotations

from midstream._observation import Observation
from midstream._options import Settings
from midstream._telemetry.signals import Signals


class FallbackObservation:
    """An observation that tells no provider. It gives way to an application's, and comes back after that.

    Not to be used by two threads at once.
    """

    def __init__(self) -> None:
        self._wanted = False
        self._observation: Observation | None = None

    def want(self, *, wanted: bool, alone: bool) -> None:
        """From now on calls are to be observed, or need not be. `alone`: no application observes them now."""
        self._wanted = wanted
        self.settle(alone=alone)

    def settle(self, *, alone: bool) -> None:
        """To be called before an application begins to observe, and after it has ended."""
        needed = self._wanted and alone
        if needed and self._observation is None:
            self._observation = Observation(Signals.silent(), Settings(spans=False))
            self._observation.begin()
        elif self._observation is not None and not needed:
            self._observation.end()
            self._observation = None
