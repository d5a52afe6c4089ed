"""Which requests are observed, by method and path, and the kind of stream in their answers."""

from __future__ import annotations

import pytest
from anthropic._models import FinalRequestOptions

from midstream._outcomes.kinds import COMPLETIONS, COUNTS, MESSAGES, RESULTS, SESSIONS, THREADS, UNDELIMITED, StreamKind
from midstream._sdk.endpoints import endpoint_of
from midstream._telemetry.operation import Operation


@pytest.mark.parametrize(
    ("method", "url", "operation", "kind"),
    [
        ("post", "/v1/messages", Operation.CHAT, MESSAGES),
        ("POST", "/v1/messages", Operation.CHAT, MESSAGES),
        ("post", "/v1/messages?beta=true", Operation.CHAT, MESSAGES),
        ("post", "v1/messages", Operation.CHAT, MESSAGES),
        ("post", "https://api.test/v1/messages", Operation.CHAT, MESSAGES),
        ("post", "/v1/messages/count_tokens", Operation.COUNT_TOKENS, COUNTS),
        ("post", "/v1/messages/count_tokens?beta=true", Operation.COUNT_TOKENS, COUNTS),
        ("post", "/v1/complete", Operation.TEXT_COMPLETION, COMPLETIONS),
        ("get", "/v1/messages/batches/msgbatch_1/results", Operation.BATCH_RESULTS, RESULTS),
        ("get", "https://api.test/v1/messages/batches/msgbatch_1/results", Operation.BATCH_RESULTS, RESULTS),
        ("get", "HTTPS://gateway.test/a/v1/messages/batches/1/results?x=/", Operation.BATCH_RESULTS, RESULTS),
        ("get", "/v1/sessions/s_1/events/stream?beta=true", Operation.SESSION_EVENTS, SESSIONS),
        ("get", "/v1/sessions/s_1/threads/t_1/stream", Operation.SESSION_EVENTS, THREADS),
        ("get", "/v1/files/file_1/content", Operation.FILE_DOWNLOAD, UNDELIMITED),
        ("get", "/v1/skills/s_1/versions/2/content", Operation.FILE_DOWNLOAD, UNDELIMITED),
        ("get", "/v1/organizations/plugins/p_1/versions/2/content", Operation.FILE_DOWNLOAD, UNDELIMITED),
    ],
)
def test_an_observed_request_is_known_by_its_method_and_path(
    method: str, url: str, operation: Operation, kind: StreamKind
) -> None:
    endpoint = endpoint_of(FinalRequestOptions.construct(method=method, url=url))
    assert endpoint is not None
    assert (endpoint.operation, endpoint.stream) == (operation, kind)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("get", "/v1/messages"),
        ("post", "/v1/messages/"),
        ("post", "//v1/messages"),
        ("post", "/v1/messages/batches"),
        ("get", "/v1/messages/batches/msgbatch_1"),
        ("get", "/v1/messages/batches//results"),
        ("get", "/v1/messages/batches/a/b/results"),
        ("get", "/v1/files/file_1"),
        ("delete", "/v1/files/file_1/content"),
        ("get", "/v1/sessions/s_1/events"),
        ("post", "/v1/models"),
        ("post", "https://api.test"),
        ("post", ""),
    ],
)
def test_any_other_request_is_not_observed(method: str, url: str) -> None:
    assert endpoint_of(FinalRequestOptions.construct(method=method, url=url)) is None
