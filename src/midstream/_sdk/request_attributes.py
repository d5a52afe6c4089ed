"""What the application requested, from the arguments of `request()`. Content is not read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from midstream._guard import attempt
from midstream._outcomes.values import (
    MAX_REQUEST_TEXT,
    as_float,
    as_int,
    as_label,
    as_text,
    forgotten_with,
    package_of,
    type_of,
)
from midstream._telemetry.call_record import CallRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from weakref import ref

    from midstream._telemetry.operation import Operation


_MAX_STOP_SEQUENCES: Final = 100

_NOT_GIVEN: Final = ("Omit", "NotGiven")
"""The classes of the SDK's marks for what is not given."""

_DEFAULT_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}

_PROVIDERS: Final[Mapping[str, str]] = {
    "BaseBedrockClient": "aws.bedrock",
    "BaseMantleClient": "aws.bedrock",
    "BaseVertexClient": "gcp.vertex_ai",
}
"""By a base class of the client, for SDK below 1.14. All others reach Anthropic: Foundry, AWS and Google Cloud, too."""


def options_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The `options` among the arguments of `request(cast_to, options, ...)`. `None` if they are missing."""
    position = 1
    return kwargs["options"] if "options" in kwargs else args[position] if len(args) > position else None


def request_of(
    client: Any, operation: Operation, options: Any, *, stream: bool, make: Callable[..., CallRequest] = CallRequest
) -> CallRequest:
    """The call that `client` was asked to make. `extra_body` overrides the body, as it does in what is sent.

    `make` may return an earlier `CallRequest` for the same arguments.
    """
    body = _mapping(options.json_data)
    extra = getattr(options, "extra_json", None)
    if extra is not None:
        body = {**body, **_mapping(extra)}
    get = body.get
    temperature, top_p, top_k, stops = get("temperature"), get("top_p"), get("top_k"), get("stop_sequences")
    provider, address, port = _addressed(client)
    return make(
        operation,
        provider,
        as_label(get("model"), MAX_REQUEST_TEXT),
        stream,
        as_int(get("max_tokens", get("max_tokens_to_sample"))),
        None if temperature is None else as_float(temperature),
        None if top_p is None else as_float(top_p),
        None if top_k is None else as_int(top_k),
        None if stops is None else _texts(stops),
        _output_type(get("output_config"), get("output_format")),
        address,
        port,
    )


def _addressed(client: Any) -> tuple[str, str | None, int | None]:
    """The provider, the host and the port of `client`, found once for each base URL that it has."""
    url = client.base_url
    key = id(client)
    known = _clients.get(key)
    if known is not None and known[0]() is client and known[1] is url:
        return known[2]
    found = (provider_name(client), *endpoint(url))
    weak = attempt(forgotten_with, client, _clients)
    if weak is not None:
        _clients[key] = (weak, url, found)
    return found


_clients: Final[dict[int, tuple[ref[Any], object, tuple[str, str | None, int | None]]]] = {}


def endpoint(url: Any) -> tuple[str | None, int | None]:
    """Host and port of an `httpx.URL` or `httpx2.URL`, whose port is `None` where it is the scheme's default."""
    return _endpoint(url.host, url.port, url.scheme)


@lru_cache(maxsize=128)
def _endpoint(host: object, port: object, scheme: str) -> tuple[str | None, int | None]:
    return as_text(host, MAX_REQUEST_TEXT), as_int(port) or _DEFAULT_PORTS.get(scheme)


def provider_name(client: Any) -> str:
    """The `gen_ai.provider.name` of `client`. SDK 1.14 and later name it themselves."""
    named = as_text(getattr(client, "_gen_ai_provider_name", None))
    if named is not None:
        return named
    bases = (base.__name__ for base in type(client).__mro__ if package_of(base.__module__) == "anthropic")
    return next((_PROVIDERS[base] for base in bases if base in _PROVIDERS), "anthropic")


def _output_type(output_config: object, output_format: object) -> str | None:
    # `output_format` is the deprecated form of `output_config.format`.
    is_json = _is_json(_mapping(output_config).get("format")) or _is_json(output_format)
    return "json" if is_json else None


def _is_json(form: object) -> bool:
    return form is not None and as_text(_mapping(form).get("type")) == "json_schema"


def _mapping(value: Any) -> dict[str, Any]:
    if type_of(value) is dict:
        found: dict[str, Any] = value
        return found
    if value is None or type_of(value).__name__ in _NOT_GIVEN:
        return {}
    # It is read once, and may raise.
    return attempt(lambda: dict(cast("Any", value)) if isinstance(value, Mapping) else None) or {}


def _texts(value: object) -> tuple[str, ...] | None:
    # Only what can be read twice: the SDK accepts one-shot iterators, too.
    if not issubclass(type(value), (list, tuple)):
        return None
    kind: Any = list if issubclass(type(value), list) else tuple
    texts = (as_text(item, MAX_REQUEST_TEXT) for item in kind.__getitem__(value, slice(_MAX_STOP_SEQUENCES)))
    return tuple(found for found in texts if found is not None) or None
