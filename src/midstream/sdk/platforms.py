"""Which provider a client talks to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("provider_name",)

_BY_CLASS: Final[Mapping[str, str]] = {
    "BaseBedrockClient": "aws.bedrock",
    "BaseMantleClient": "aws.bedrock",
    "BaseVertexClient": "gcp.vertex_ai",
}
"""By a class in the client's `__mro__`, for SDK below 1.14. All other clients speak to Anthropic."""


def provider_name(client: Any) -> str:
    """The `gen_ai.provider.name` of `client`, which SDK 1.14 and later names itself."""
    told = getattr(client, "_gen_ai_provider_name", None)
    if isinstance(told, str):
        return told
    names = (base.__name__ for base in type(client).__mro__)
    return next((_BY_CLASS[name] for name in names if name in _BY_CLASS), "anthropic")
