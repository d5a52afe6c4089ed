"""Which calls of the SDK are observed: the endpoints, what they are asked for, and their kind of stream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from midstream._outcomes.kinds import COMPLETIONS, COUNTS, MESSAGES, SESSIONS, THREADS, UNDELIMITED, StreamKind
from midstream._telemetry.operation import Operation


@dataclass(frozen=True)
class Endpoint:
    """One endpoint that is observed."""

    method: str
    path: re.Pattern[str]
    """Matches the whole path, without the query."""
    operation: Operation
    stream: StreamKind


def _endpoint(method: str, path: str, operation: Operation, stream: StreamKind) -> Endpoint:
    return Endpoint(method, re.compile(path), operation, stream)


_ENDPOINTS: Final = (
    _endpoint("post", "/v1/messages", Operation.CHAT, MESSAGES),
    _endpoint("post", "/v1/messages/count_tokens", Operation.COUNT_TOKENS, COUNTS),
    _endpoint("post", "/v1/complete", Operation.TEXT_COMPLETION, COMPLETIONS),
    _endpoint("get", "/v1/messages/batches/[^/]+/results", Operation.BATCH_RESULTS, UNDELIMITED),
    _endpoint("get", "/v1/sessions/[^/]+/events/stream", Operation.SESSION_EVENTS, SESSIONS),
    _endpoint("get", "/v1/sessions/[^/]+/threads/[^/]+/stream", Operation.SESSION_EVENTS, THREADS),
    _endpoint("get", "/v1/files/[^/]+/content", Operation.FILE_DOWNLOAD, UNDELIMITED),
    _endpoint("get", "/v1/skills/[^/]+/versions/[^/]+/content", Operation.FILE_DOWNLOAD, UNDELIMITED),
    _endpoint("get", "/v1/organizations/plugins/[^/]+/versions/[^/]+/content", Operation.FILE_DOWNLOAD, UNDELIMITED),
)
"""The platform clients rewrite the path later, so it is the same for all."""

_ORIGIN: Final = re.compile("https?://.*?(?=/v1/)", re.IGNORECASE)


def endpoint_of(options: Any) -> Endpoint | None:
    """The endpoint that a request with the SDK's `options` goes to. `None` if it is none that is observed.

    The URL is a path, or a whole URL where the application or the API gave one, as for the results of a batch; a
    gateway's may have a path of its own before. An application may leave out the slash that a path begins with.
    """
    return _endpoint_at(options.method, options.url.partition("?")[0])


@lru_cache(maxsize=128)
def _endpoint_at(method: str, url: str) -> Endpoint | None:
    path = "/" + _ORIGIN.sub("", url).removeprefix("/")
    return next((one for one in _ENDPOINTS if one.method == method.lower() and one.path.fullmatch(path)), None)
