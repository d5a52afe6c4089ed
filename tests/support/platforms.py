"""The platform clients of the installed SDK, at a loopback server, with arbitrary credentials."""

from __future__ import annotations

import functools
import os
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import anthropic
import anyio
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import StatusCode

from midstream._outcomes import Outcome
from midstream.faults import parse
from support import expected
from support.clients import API_KEY, HAS_OWN_SPANS, HTTP_PACKAGE, hurry
from support.exported import event_of
from support.platform_server import bedrock_scenario
from support.seen import observable, spied
from support.styles import CANARY, STYLES, see, see_async

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    import pytest

    from midstream.faults import FaultServer, Scenario
    from support.exported import Exported
    from support.styles import Seen, Style

__all__ = (
    "ALL",
    "AWS_KEYS",
    "BEDROCK",
    "HERE",
    "Platform",
    "as_without_midstream",
    "async_client",
    "client",
    "forget_the_machine",
    "run",
    "told",
    "wanted",
    "with_reported",
)


@dataclass(frozen=True)
class Platform:
    """A client of the SDK for one of the platforms."""

    name: str
    provider: str
    credentials: Mapping[str, Any]
    scope: str
    """The end of the name of the scope of the SDK's own spans."""
    path: str = ""
    """What the client's base URL has after the host."""

    def scenario(self, model: str) -> Scenario:
        """What `model` stands for there."""
        return bedrock_scenario(model) if self is BEDROCK else parse(model)


AWS_KEYS = {"aws_access_key": "AKIAMADEUP", "aws_secret_key": API_KEY, "aws_region": "eu-nowhere-1"}
"""What AWS signs requests with."""

_KEY = {"api_key": API_KEY}

BEDROCK = Platform("AnthropicBedrock", "aws.bedrock", AWS_KEYS, "bedrock")
_PLATFORMS = (
    BEDROCK,
    Platform("AnthropicBedrockMantle", "aws.bedrock", _KEY, "bedrock", "/anthropic"),
    Platform(
        "AnthropicVertex",
        "gcp.vertex_ai",
        {"access_token": API_KEY, "project_id": "project", "region": "region"},
        "vertex",
        "/v1",
    ),
    Platform("AnthropicFoundry", "anthropic", _KEY, "foundry", "/anthropic/"),
    Platform("AnthropicAWS", "anthropic", {**_KEY, "workspace_id": "workspace"}, "aws"),
    Platform(
        "AnthropicGoogleCloud",
        "anthropic",
        {"workspace_id": "workspace", "token_provider": lambda: API_KEY},
        "google_cloud",
        "/v1/projects/project/locations/global/workspaces/workspace/invoke",
    ),
)
ALL = {platform.name: platform for platform in _PLATFORMS}
"""By the name of the sync client."""

HERE = [name for name in ALL if hasattr(anthropic, name)]
"""Those that this SDK has."""


def forget_the_machine(patch: pytest.MonkeyPatch) -> None:
    """Hides this machine's own credentials, and the services that hand them out, from the SDK and the clouds'."""
    for name in [name for name in os.environ if name.startswith(_SETTINGS)]:
        patch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"):
        patch.setenv(name, os.devnull)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    patch.setenv("NO_GCE_CHECK", "true")


_SETTINGS = ("ANTHROPIC_", "AWS_", "GOOGLE_", "CLOUD_ML_", "CLOUDSDK_")


def _options(platform: Platform, server: FaultServer, attempts: int, spans: TracerProvider | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        **platform.credentials,
        "base_url": server.url + platform.path,
        "max_retries": attempts - 1,
    }
    if HAS_OWN_SPANS:
        options["open_telemetry"] = False if spans is None else {"tracer_provider": spans}
    return options


@contextmanager
def client(
    platform: Platform, server: FaultServer, attempts: int = 1, spans: TracerProvider | None = None, **more: Any
) -> Generator[Any]:
    """The sync client of `platform`; with `spans`, one that makes the SDK's own spans there."""
    with getattr(anthropic, platform.name)(**_options(platform, server, attempts, spans) | more) as made:
        yield made


@asynccontextmanager
async def async_client(
    platform: Platform, server: FaultServer, attempts: int = 1, spans: TracerProvider | None = None, **more: Any
) -> AsyncGenerator[Any]:
    """The async client of `platform`; with `spans`, one that makes the SDK's own spans there."""
    kind = getattr(anthropic, f"Async{platform.name}")
    async with kind(**_options(platform, server, attempts, spans) | more) as made:
        yield made


def run(
    platform: Platform,
    style: Style,
    flavor: str,
    server: FaultServer,
    model: str,
    spans: TracerProvider | None = None,
) -> Seen:
    """One call, sync or async, with as many attempts and as much patience as `model` needs."""
    scenario = platform.scenario(model)
    stalls = scenario.family == "stall"
    if flavor == "sync":
        with client(platform, server, scenario.attempts, spans) as made:
            if stalls:
                hurry(made)
            return see(style, made, model)

    async def call() -> Seen:
        async with async_client(platform, server, scenario.attempts, spans) as made:
            if stalls:
                hurry(made)
            return await see_async(style, made, model)

    return anyio.run(call)


@functools.cache
def as_without_midstream(name: str, style: str, flavor: str, server: FaultServer, model: str, spans: str) -> Any:
    """What the application sees of the same call without us."""
    with spied() as raised:
        seen = run(ALL[name], STYLES[style], flavor, server, model, TracerProvider() if spans == "sdk" else None)
    return observable(seen, raised)


def _attributes(platform: Platform, scenario: Scenario, style: Style, server: FaultServer) -> dict[str, Any]:
    """What the span of the call and the log event must say."""
    found = expected.attributes(
        scenario, style, host=server.host, port=server.port, http_package=HTTP_PACKAGE, own=True
    )
    found["gen_ai.provider.name"] = platform.provider
    if platform is BEDROCK:
        # Bedrock has another header for the id of a request, and no id in its frames.
        found.pop("anthropic.request.id", None)
        found.pop("midstream.in_band.request_id", None)
    if found.get("midstream.status_code") in {408, 503}:
        found["midstream.retryable"] = True
    return found


def wanted(platform: Platform, scenario: Scenario, style: Style, server: FaultServer, *, own: bool) -> dict[str, Any]:
    """What `told` must give for the one call of a test: a call with a span of ours if `own`, else with the SDK's."""
    span = _attributes(platform, scenario, style, server)
    completed = scenario.expectation.outcome is Outcome.COMPLETED
    healthy = StatusCode.UNSET if own else StatusCode.OK
    return {
        "span": span,
        "scope": "midstream" if own else f"com.anthropic.sdk.python.{platform.scope}",
        "name": f"chat {scenario.name}" if own else "anthropic.messages.create",
        "status": healthy if completed else StatusCode.ERROR,
        "metrics": _wanted_metrics(span, scenario),
        "logs": [] if completed else [span],
        "secrets": [],
    }


def told(exported: Exported, *, own: bool) -> dict[str, Any]:
    """All that was exported of the one call of a test, but for what only the SDK says."""
    span = exported.span
    found = dict(span.attributes or {})
    metrics = exported.metrics()
    return {
        "span": found if own else {name: value for name, value in found.items() if name not in _ONLY_THE_SDK_SAYS},
        "scope": span.instrumentation_scope and span.instrumentation_scope.name,
        "name": span.name,
        "status": span.status.status_code,
        "metrics": {
            name: [(dict(point.attributes), point.value) for point in metrics.get(name, []) if point.value]
            for name in _METRICS
        },
        "logs": [
            {name: value for name, value in event_of(log)[1].items() if "exception" not in name}
            for log in exported.logs
        ],
        "secrets": [secret for secret in _SECRETS if secret in exported.everything()],
    }


_SECRETS = (API_KEY, CANARY, AWS_KEYS["aws_access_key"])
_ONLY_THE_SDK_SAYS = frozenset(
    {
        "http.request.method",
        "http.route",
        "url.scheme",
        "url.path",
        "url.full",
        "anthropic.message.stop_reason",
    }
)
_METRICS = (
    "midstream.client.operations",
    "midstream.client.errors",
    "midstream.client.resends",
    "gen_ai.client.operation.duration",
)
_CALL = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
_OUTCOME = (*_CALL, "gen_ai.request.stream", "midstream.outcome", "midstream.leaked", "midstream.misreported")
_ERROR = (
    *_OUTCOME,
    "midstream.corrected",
    "midstream.phase",
    "midstream.status_code",
    "http.response.status_code",
    "error.type",
)
_GEN_AI = (*_CALL, "gen_ai.response.model", "server.address", "server.port", "error.type")


def _wanted_metrics(span: Mapping[str, Any], scenario: Scenario) -> dict[str, Any]:
    flags = {"gen_ai.request.stream": False, "midstream.leaked": False, "midstream.misreported": False}
    known = {**flags, **span}
    if known.get("error.type") in _IN_NO_TABLE:
        known["error.type"] = "_OTHER"
    numbers = (1, 0 if scenario.expectation.outcome is Outcome.COMPLETED else 1, scenario.attempts - 1, 1)
    series = zip(_METRICS, (_OUTCOME, _ERROR, (*_CALL, "midstream.outcome"), _GEN_AI), numbers, strict=True)
    return {
        name: [({key: known[key] for key in keys if key in known}, number)] if number else []
        for name, keys, number in series
    }


_IN_NO_TABLE = frozenset({"unheardOfException", "SomeError"})
"""Types of errors that metrics do not have."""


def with_reported(scenario: Scenario, status: int | None) -> Scenario:
    """`scenario` with an in-band error that the application gets with `status`, or with no status: leaked."""
    reported = replace(
        scenario.expectation,
        reported_status_code=status,
        leaked=status is None,
        misreported=status is not None and status != scenario.expectation.status_code,
    )
    return replace(scenario, expectation=reported)
