"""Begins to watch this process when it imports the Anthropic SDK.

This runs in any Python process of the program, whether midstream is installed there or not. So it needs the standard
library only, and imports most of that only in a process that imports the SDK.
"""

# ruff: noqa: PLC0415 - for this reason

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from typing import Any

ADDRESS = "MIDSTREAM_WATCH"
"""The environment variable with host and port of the watcher."""

PROBLEM = "midstream.watch.problem"
"""The name of the log event whose body says why a process is not watched."""

_SDK = "anthropic"
_INSIDE = "midstream._cli.watch.inside"
_SECONDS = 0.5
"""To connect to loopback and hand over a report takes a fraction of a millisecond."""


class Watcher:
    """The watcher of this process, which receives OTLP. It has the address HOST:PORT.

    Requests are handed to the system, so they arrive even if the process ends now. There is neither a connection to
    keep nor a thread: nothing to flush or to close, and nothing that breaks in a forked child.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def post_metrics(self, metrics: Sequence[Mapping[str, Any]]) -> bool:
        """Sends `metrics`, in the JSON of OTLP. Returns `True`, or raises `OSError`."""
        return self._post("metrics", {"scopeMetrics": [{"metrics": metrics}]})

    def post_event(self, name: str, body: str, attributes: Sequence[Mapping[str, Any]] = ()) -> bool:
        """Sends a log event, whose `attributes` are in the JSON of OTLP. Returns `True`, or raises `OSError`."""
        # Not as eventName, which older versions of OTLP do not know.
        event = {"key": "event.name", "value": {"stringValue": name}}
        record = {
            "timeUnixNano": str(time.time_ns()),
            "body": {"stringValue": body},
            "attributes": [event, *attributes],
        }
        return self._post("logs", {"scopeLogs": [{"logRecords": [record]}]})

    def _post(self, signal: str, telemetry: Mapping[str, Any]) -> bool:
        import json
        import socket

        pid = {"key": "process.pid", "value": {"intValue": str(os.getpid())}}
        path = {"key": "process.executable.path", "value": {"stringValue": sys.executable or "python"}}
        request = {f"resource{signal.title()}": [{"resource": {"attributes": [pid, path]}, **telemetry}]}
        body = json.dumps(request).encode()
        head = f"POST /v1/{signal} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        host, _, port = self._address.rpartition(":")
        with socket.create_connection((host, int(port)), _SECONDS) as connection:
            connection.sendall(head.encode() + body)
        return True


class _Awaiting:
    """A finder that finds nothing, and notices the import of the SDK."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        if name != _SDK or self not in sys.meta_path:
            return None
        from contextlib import suppress
        from importlib.util import find_spec

        sys.meta_path.remove(self)
        if find_spec(_SDK) is None:  # it may be installed, or found on another path, later
            sys.meta_path.insert(0, self)
            return None
        with suppress(Exception):
            _begin(self._watcher)
        return find_spec(_SDK)  # with midstream's hook, which was not there when this import began


def _begin(watcher: Watcher) -> None:
    from importlib import import_module

    try:
        inside = import_module(_INSIDE)
    except ImportError as error:
        watcher.post_event(PROBLEM, _reason(error))
    else:
        inside.watch(watcher)


def _reason(error: ImportError) -> str:
    if sys.modules.get("midstream") is None:
        return f"midstream is not installed for {sys.executable}: {sys.executable} -m pip install midstream"
    return f"the midstream of {sys.executable} cannot watch: {error}"


def begin() -> None:
    """Waits for the import of the SDK, if this process has a watcher."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib takes longer to import
    sys.path[:] = [place for place in sys.path if place != here]
    address = os.environ.get(ADDRESS)
    if address and not any(type(finder) is _Awaiting for finder in sys.meta_path):
        sys.meta_path.insert(0, _Awaiting(Watcher(address)))
