"""Every platform client of the installed SDK is known by its provider."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import anthropic
import pytest

from midstream._sdk.request_attributes import provider_name

PROVIDERS = {
    "Anthropic": "anthropic",
    "AnthropicAWS": "anthropic",
    "AnthropicBedrock": "aws.bedrock",
    "AnthropicBedrockMantle": "aws.bedrock",
    "AnthropicFoundry": "anthropic",
    "AnthropicGoogleCloud": "anthropic",
    "AnthropicVertex": "gcp.vertex_ai",
}
CLIENTS = [
    (prefix + name, provider)
    for name, provider in PROVIDERS.items()
    for prefix in ("", "Async")
    if hasattr(anthropic, prefix + name)
]


@pytest.mark.parametrize(("name", "provider"), CLIENTS)
def test_a_client_is_known_by_its_class(name: str, provider: str) -> None:
    kind: Any = getattr(anthropic, name)
    assert provider_name(kind.__new__(kind)) == provider


@pytest.mark.parametrize(("name", "provider"), CLIENTS)
def test_so_is_a_client_of_a_class_of_the_applications(name: str, provider: str) -> None:
    kind: Any = type("Mine", (getattr(anthropic, name),), {})
    assert provider_name(kind.__new__(kind)) == provider


@pytest.mark.parametrize(("name", "provider"), CLIENTS)
def test_where_the_client_does_not_name_its_provider_the_classes_of_the_sdk_do(name: str, provider: str) -> None:
    kind: Any = type("Older", (getattr(anthropic, name),), {"_gen_ai_provider_name": None})
    assert provider_name(kind.__new__(kind)) == provider


def test_no_client_of_the_sdk_is_missing_here() -> None:
    clients = {
        name
        for name in dir(anthropic)
        if name.startswith("Anthropic") and hasattr(getattr(anthropic, name), "messages")
    }
    assert clients - set(PROVIDERS) == set()


def test_a_client_names_its_provider_itself() -> None:
    assert provider_name(SimpleNamespace(_gen_ai_provider_name="acme")) == "acme"


def test_a_long_name_is_cut() -> None:
    assert provider_name(SimpleNamespace(_gen_ai_provider_name="acme" * 1000)) == "acme" * 32


@pytest.mark.parametrize("told", [None, "", 3, object()], ids=["none", "empty", "number", "object"])
def test_a_name_that_is_not_text_is_not_recorded(told: object) -> None:
    assert provider_name(SimpleNamespace(_gen_ai_provider_name=told)) == "anthropic"


def test_a_class_of_the_applications_is_not_taken_for_the_sdks_by_its_name() -> None:
    assert provider_name(type("BaseVertexClient", (), {})()) == "anthropic"
