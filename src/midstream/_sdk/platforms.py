"""Which provider a client talks to."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from midstream._outcomes.values import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping


_ANTHROPIC: Final = "anthropic"
"""Whom all clients talk to that are not named below: those for Foundry, AWS and Google Cloud reach Anthropic itself."""

_BY_CLASS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BaseBedrockClient": "aws.bedrock",
        "BaseMantleClient": "aws.bedrock",
        "BaseVertexClient": "gcp.vertex_ai",
    }
)
"""By a class of the SDK's in the client's `__mro__`, for SDK below 1.14."""


def provider_name(client: Any) -> str:
    """The `gen_ai.provider.name` of `client`, which SDK 1.14 and later names itself."""
    told = as_text(getattr(client, "_gen_ai_provider_name", None))
    if told is not None:
        return told
    names = (base.__name__ for base in type(client).__mro__ if base.__module__.partition(".")[0] == "anthropic")
    return next((_BY_CLASS[name] for name in names if name in _BY_CLASS), _ANTHROPIC)
