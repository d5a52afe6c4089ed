"""Nothing that the SDK hands out piece by piece is left out: a new endpoint or reader fails here by its name."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anthropic
from anthropic._models import FinalRequestOptions

from midstream._sdk.endpoints import endpoint_of
from midstream._sdk.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator

_RESULTS_URL = "results_url"
"""The one URL that is not a constant: the API says where the results of a batch are."""

_LIVE = ("BinaryAPIResponse", "JSONLDecoder")
"""Parts of the names of what a body is cast to that is not decoded as a whole."""

_HELPERS = {"MessageStream", "AsyncMessageStream", "BetaMessageStream", "BetaAsyncMessageStream"}
"""Have a `__stream__` that reads a `Stream`, and no body."""


def live_requests() -> Iterator[tuple[str, str]]:
    """The method and the URL of every request in the SDK's resources whose body can be read piece by piece."""
    for file in sorted((Path(anthropic.__file__).parent / "resources").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                live = "stream_cls" in given or any(name in given.get("cast_to", "") for name in _LIVE)
                if live and node.func.attr.startswith("_"):
                    yield node.func.attr.removeprefix("_"), url(node.args[0])


def url(argument: ast.expr) -> str:
    """The URL with its parameters filled in; it may be a constant, an f-string, or a template within a call."""
    if _RESULTS_URL in ast.unparse(argument):
        return "https://api.test/v1/messages/batches/b/results"
    if isinstance(argument, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "id" for part in argument.values)
    constants = [node.value for node in ast.walk(argument) if isinstance(node, ast.Constant)]
    return str(constants[0]).replace("{", "").replace("}", "")


def test_every_endpoint_whose_body_can_be_read_piece_by_piece_is_observed() -> None:
    found = set(live_requests())
    assert ("post", "/v1/messages") in found
    unobserved = [one for one in found if endpoint_of(FinalRequestOptions.construct(method=one[0], url=one[1])) is None]
    assert unobserved == []


def test_every_token_count_is_observed() -> None:
    assert endpoint_of(FinalRequestOptions.construct(method="post", url="/v1/messages/count_tokens")) is not None


def classes() -> Iterator[type[Any]]:
    for module in pkgutil.walk_packages(anthropic.__path__, "anthropic."):
        if module.name.startswith(("anthropic.types", "anthropic.resources")) or "__main__" in module.name:
            continue
        try:
            members = vars(importlib.import_module(module.name))
        except ImportError:
            continue  # for an extra of the SDK's that is not installed
        # isinstance() would ask the SDK's proxies of packages that are not installed, which raise.
        yield from (cast("type[Any]", value) for value in members.values() if issubclass(type(value), type))


def test_every_iterator_over_a_body_is_patched() -> None:
    """The generators that decode a body are `__stream__` and `__decode__`; no class has one that is not patched."""
    patched = {target.owner for target in TARGETS if target.method in {"__stream__", "__decode__"}}
    found = {kind.__name__ for kind in classes() if not {"__stream__", "__decode__"}.isdisjoint(vars(kind))}
    assert patched - found == set()
    assert found - patched - _HELPERS == set()


def test_no_client_has_a_request_of_its_own() -> None:
    """`request` is overridden nowhere, so two patches see every call."""
    owners = {kind.__name__ for kind in classes() if "request" in vars(kind) and hasattr(kind, "_build_request")}
    assert owners == {"SyncAPIClient", "AsyncAPIClient"}
