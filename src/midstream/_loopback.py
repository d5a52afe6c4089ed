"""How to call the fault server, on this machine and nowhere else."""

from __future__ import annotations

from typing import Any, Final

LOOPBACK_ONLY: Final[dict[str, Any]] = {"trust_env": False, "mounts": {"all://127.0.0.1": None}}
"""Options of an HTTP client. The SDK looks for proxies itself, and those in the environment are for other addresses."""
