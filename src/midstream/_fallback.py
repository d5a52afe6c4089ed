"""Observes calls where no application has requested telemetry: for the pytest fixtures and for corrected errors."""

from __future__ import annotations

from midstream._observation import Observation
from midstream._options import Settings
from midstream._telemetry.signals import Signals


class FallbackObservation:
    """An observation that reports to no provider. It gives way to an application's, and resumes afterwards.

    Not thread-safe.
    """

    def __init__(self) -> None:
        self._wanted = False
        self.is_permanent = False
        """Whether it stays wanted."""
        self._observation: Observation | None = None

    def update(self, *, app_instruments: bool, wanted: bool | None = None) -> None:
        """Starts or ends the observation as needed.

        To be called before an application starts to observe, after it has ended, and when `wanted` changes.
        """
        if wanted is not None:
            self._wanted = wanted
        needed = (self._wanted or self.is_permanent) and not app_instruments
        if needed and self._observation is None:
            self._observation = Observation(Signals.silent(), Settings(spans=False))
            self._observation.begin()
        elif self._observation is not None and not needed:
            self._observation.end()
            self._observation = None
