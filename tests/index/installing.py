"""Environments as users make them: a real pip, a package index, and the wheel of the checkout where a page names it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from support.blocks import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ("PATIENCE_SECONDS", "built", "environment", "ran")

PATIENCE_SECONDS: Final = 900.0

_KEPT: Final = ("HOME", "LANG", "PATH", "TMPDIR")
_OF_PIP: Final = ("PIP_", "UV_", "SSL_", "REQUESTS_", "HTTP_", "HTTPS_", "NO_PROXY", "http", "https", "no_proxy")


def environment(**added: str) -> dict[str, str]:
    """A user's: where programs and the package index are, and nothing of the tests or of OpenTelemetry."""
    found = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_OF_PIP)}
    # The certificates of the tests are none.
    found.pop("SSL_CERT_DIR", None)
    found["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), found["PATH"]))
    return {**found, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **added}


def built(folder: Path) -> Path:
    """The wheel of the checkout, in `folder`."""
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    ran((*pip, CHECKOUT), folder, environment())
    (wheel,) = folder.glob("midstream-*.whl")
    return wheel


def ran(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str], *, status: int = 0) -> str:
    """What `command` prints on stdout and stderr. It ends with `status`."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == status, done.stdout
    return done.stdout
