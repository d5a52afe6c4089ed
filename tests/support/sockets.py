"""The state of a client's connections, without waiting."""

from __future__ import annotations

import weakref
from typing import Any

__all__ = ("SocketRef", "connections")


class SocketRef:
    """The socket under a response, without keeping it alive."""

    def __init__(self, response: Any) -> None:
        found = response.extensions["network_stream"].get_extra_info("socket")
        # asyncio returns a new wrapper each time.
        self._socket = weakref.ref(getattr(found, "_sock", found))

    @property
    def closed(self) -> bool:
        """Whether it is closed: the server sees the end of the connection from here on."""
        found = self._socket()
        return found is None or found.fileno() == -1


def connections(client: Any) -> tuple[str, ...]:
    """The state of each connection in the pool of an SDK client."""
    pool = client._client._transport_for_url(client.base_url)._pool
    return tuple(_state(connection) for connection in pool.connections)


def _state(connection: Any) -> str:
    if connection.is_closed():
        return "closed"
    return "idle" if connection.is_idle() else "active"
