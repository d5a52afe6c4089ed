"""Every Python process of a watched program imports this at its start, and nothing of it remains."""

from __future__ import annotations

import sys

__import__("midstream_watch").begin()

# The program's own sitecustomize, which this one hides.
_own = sys.modules.pop(__name__)
try:
    __import__(__name__)
except ModuleNotFoundError as missing:
    if missing.name != __name__:
        raise
    sys.modules[__name__] = _own
