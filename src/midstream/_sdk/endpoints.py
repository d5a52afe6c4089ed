"""The observed endpoints of the API, each with its operation and its kind of stream."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

from midstream._outcomes.kinds import COMPLETIONS, COUNTS, MESSAGES, RESULTS, SESSIONS, THREADS, UNDELIMITED, StreamKind
from midstream._outcomes.values import compiled
from midstream._telemetry.operation import Operation


class Endpoint(NamedTuple):
    """One observed endpoint."""

    method: str
    path: str
    """A regular expression for the whole path, without the query."""
    operation: Operation
    stream: StreamKind


_ENDPOINTS: Final = (
    Endpoint("post", "/v1/messages", Operation.CHAT, MESSAGES),
    Endpoint("post", "/v1/messages/count_tokens", Operation.COUNT_TOKENS, COUNTS),
    Endpoint("post", "/v1/complete", Operation.TEXT_COMPLETION, COMPLETIONS),
    Endpoint("get", "/v1/messages/batches/[^/]+/results", Operation.BATCH_RESULTS, RESULTS),
    Endpoint("get", "/v1/sessions/[^/]+/events/stream", Operation.SESSION_EVENTS, SESSIONS),
    Endpoint("get", "/v1/sessions/[^/]+/threads/[^/]+/stream", Operation.SESSION_EVENTS, THREADS),
    Endpoint("get", "/v1/files/[^/]+/content", Operation.FILE_DOWNLOAD, UNDELIMITED),
    Endpoint("get", "/v1/skills/[^/]+/versions/[^/]+/content", Operation.FILE_DOWNLOAD, UNDELIMITED),
    Endpoint("get", "/v1/organizations/plugins/[^/]+/versions/[^/]+/content", Operation.FILE_DOWNLOAD, UNDELIMITED),
)
"""The same for all platforms: their clients rewrite the path later."""

_ORIGIN: Final = "https?://.*?(?=/v1/)"


def endpoint_of(options: Any) -> Endpoint | None:
    """The endpoint of a request with the SDK's `options`. `None` if it is not observed.

    The URL is a path, whose first slash an application may omit, or a whole URL from the application or the API, as for
    the results of a batch. A gateway's URL may have another path before the endpoint's.
    """
    return _endpoint_at(options.method, options.url.partition("?")[0])


@lru_cache(maxsize=128)
def _endpoint_at(method: str, url: str) -> Endpoint | None:
    path = "/" + compiled(_ORIGIN, re.IGNORECASE).sub("", url).removeprefix("/")
    candidates = (endpoint for endpoint in _ENDPOINTS if endpoint.method == method.lower())
    return next((endpoint for endpoint in candidates if compiled(endpoint.path).fullmatch(path)), None)
