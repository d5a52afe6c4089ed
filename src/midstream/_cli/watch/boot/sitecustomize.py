"""Every Python process of a watched program imports this at its start, and nothing of it remains."""

from __future__ import annotations

import sys
from importlib import import_module

import_module("midstream_watch").begin()

# The program's own sitecustomize, which this one hides.
_own = sys.modules.pop(__name__)
try:
    import_module(__name__)
except ModuleNotFoundError as missing:
    if missing.name != __name__:
        raise
    sys.modules[__name__] = _own
