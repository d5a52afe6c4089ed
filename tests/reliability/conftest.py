"""A real fault server, the real SDK, a real OpenTelemetry SDK: as for the tests of integration."""

from __future__ import annotations

from integration.conftest import exported, instrumented, no_fault_of_our_own, server

__all__ = ("exported", "instrumented", "no_fault_of_our_own", "server")
