"""The observed endpoints of the API, each with its operation and its kind of stream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from midstream._outcomes.kinds import COMPLETIONS, COUNTS, MESSAGES, SESSIONS, THREADS, UNDELIMITED, StreamKind
from midstream._telemetry.operation import Operation


@dataclass(frozen=True)
class Endpoint:
    """One observed endpoint."""

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
"""The same for all platforms: their clients rewrite the path later."""

_ORIGIN: Final = re.compile("https?://.*?(?=/v1/)", re.IGNORECASE)


def endpoint_of(options: Any) -> Endpoint | None:
    """The endpoint of a request with the SDK's `options`. `None` if it is not observed.

    The URL is a path, whose first slash an application may omit, or a whole URL from the application or the API, as for
    the results of a batch. A gateway's URL may have another path before the endpoint's.
    """
    return _endpoint_at(options.method, options.url.partition("?")[0])


@lru_cache(maxsize=128)
def _endpoint_at(method: str, url: str) -> Endpoint | None:
    path = "/" + _ORIGIN.sub("", url).removeprefix("/")
    candidates = (endpoint for endpoint in _ENDPOINTS if endpoint.method == method.lower())
    return next((endpoint for endpoint in candidates if endpoint.path.fullmatch(path)), None)
