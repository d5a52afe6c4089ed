"""The attributes of a request come from the SDK's own options, and its content is not read."""

from __future__ import annotations

import enum
import gc
import itertools
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import anthropic
import pytest
from anthropic._models import FinalRequestOptions

from midstream._sdk import request_attributes
from midstream._sdk.request_attributes import endpoint, options_of, request_of
from midstream._telemetry.call_record import CallRequest
from midstream._telemetry.operation import Operation
from support.hostile import MAKERS
from support.sdk_errors import http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CLIENT: Any = SimpleNamespace(base_url=http.URL("https://api.test"))


def options(
    json_data: object = None, extra_json: Mapping[str, object] | None = None, url: str = "/v1/messages"
) -> FinalRequestOptions:
    made: dict[str, Any] = {"method": "post", "url": url, "json_data": json_data, "extra_json": extra_json}
    return FinalRequestOptions.construct(**made)


def asked(
    json_data: object = None, extra_json: Mapping[str, object] | None = None, *, stream: bool = False
) -> CallRequest:
    return request_of(CLIENT, Operation.CHAT, options(json_data, extra_json), stream=stream)


def request(**known: Any) -> CallRequest:
    return CallRequest(Operation.CHAT, "anthropic", **known, server_address="api.test", server_port=443)


def test_every_attribute_of_a_request_is_read() -> None:
    body: dict[str, Any] = {
        "model": "claude-x",
        "max_tokens": 64,
        "temperature": 0.5,
        "top_p": 1,
        "top_k": 40,
        "stop_sequences": ["END", "STOP"],
        "output_config": {"format": {"type": "json_schema", "schema": {}}},
        "messages": [{"role": "user", "content": "secret"}],
        "stream": True,
    }
    assert asked(body, stream=True) == request(
        model="claude-x",
        stream=True,
        max_tokens=64,
        temperature=0.5,
        top_p=1.0,
        top_k=40,
        stop_sequences=("END", "STOP"),
        output_type="json",
    )


def test_what_is_not_given_is_absent() -> None:
    assert asked({}) == request()


def test_extra_body_has_the_last_word() -> None:
    assert asked({"model": "one", "max_tokens": 1}, {"model": "other", "top_k": 2}) == request(
        model="other", max_tokens=1, top_k=2
    )


@pytest.mark.parametrize("body", [None, [], "text", b"bytes", 1], ids=repr)
def test_a_body_that_is_not_a_mapping_gives_nothing(body: object) -> None:
    assert asked(body) == request()


def test_any_kind_of_mapping_is_a_body() -> None:
    assert asked(MappingProxyType({"model": "claude-x"})) == request(model="claude-x")


@pytest.mark.parametrize(
    ("body", "output_type"),
    [
        ({"output_config": {"format": {"type": "json_schema"}}}, "json"),
        ({"output_format": {"type": "json_schema"}}, "json"),
        ({"output_config": {"format": {"type": "text"}}}, None),
        ({"output_config": {"effort": "low"}}, None),
        ({"output_config": {"format": None}, "output_format": None}, None),
        ({"output_config": "json_schema", "output_format": 1}, None),
        ({"output_config": {"format": {"type": ["json_schema"]}}}, None),
    ],
    ids=repr,
)
def test_json_is_requested_in_either_way(body: dict[str, Any], output_type: str | None) -> None:
    assert asked(body) == request(output_type=output_type)


class Model(str, enum.Enum):
    OPUS = "claude-opus"


class Number(enum.IntEnum):
    MANY = 64


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ({"model": Model.OPUS, "max_tokens": Number.MANY}, {"model": "claude-opus", "max_tokens": 64}),
        (
            {"model": "half \ud800", "stop_sequences": ["\udfff"]},
            {"model": "half \ufffd", "stop_sequences": ("\ufffd",)},
        ),
        ({"max_tokens": 10**40, "top_k": -(10**40), "temperature": 10**400}, {}),
        ({"temperature": float("nan"), "top_p": float("inf")}, {}),
        ({"model": 3, "max_tokens": "64", "temperature": "hot", "top_p": None, "top_k": 1.5}, {}),
        ({"model": "", "max_tokens": True, "temperature": False, "top_k": None}, {}),
        ({"max_tokens": 0, "temperature": 0, "top_k": 0}, {"max_tokens": 0, "temperature": 0.0, "top_k": 0}),
        ({"stop_sequences": ("END", 1, None, "")}, {"stop_sequences": ("END",)}),
        ({"model": "m" * 1025, "stop_sequences": ["s" * 1025]}, {"model": "m" * 1024, "stop_sequences": ("s" * 1024,)}),
        (
            {"model": "nul \x00", "stop_sequences": ["\x00"] * 101},
            {"model": "nul \ufffd", "stop_sequences": ("\ufffd",) * 100},
        ),
        ({"stop_sequences": []}, {}),
        ({"stop_sequences": "END"}, {}),
        ({"stop_sequences": [1, 2]}, {}),
        ({"stop_sequences": {"END": 1}}, {}),
    ],
    ids=repr,
)
def test_values_of_odd_types_are_made_exact_or_left_out(body: dict[str, Any], known: dict[str, Any]) -> None:
    found = asked(body)
    assert found == request(**known)
    kinds = {type(found.model), type(found.max_tokens), type(found.temperature)}
    assert kinds <= {str, int, float, type(None)}


class Endless(list[str]):
    def __iter__(self) -> Any:
        return itertools.repeat("END")


@pytest.mark.parametrize(
    "name", ["model", "max_tokens", "temperature", "stop_sequences", "output_config", "output_format"]
)
@pytest.mark.parametrize("make", MAKERS, ids=itertools.count())
def test_values_that_raise_at_access_give_nothing(name: str, make: Callable[[], object]) -> None:
    # Not the SDK's own options, which look at what they are given.
    of_a_part = SimpleNamespace(json_data={"top_p": 1, name: make()})
    assert request_of(CLIENT, Operation.CHAT, of_a_part, stream=False).top_p == 1.0
    of_it_all = SimpleNamespace(json_data=make())
    assert request_of(CLIENT, Operation.CHAT, of_it_all, stream=False).server_address == "api.test"


def test_a_list_that_claims_to_be_endless_is_read_to_its_end() -> None:
    assert asked({"stop_sequences": Endless(["END", "STOP"])}) == request(stop_sequences=("END", "STOP"))


def test_iterators_of_the_application_are_not_consumed() -> None:
    stops: Iterator[str] = iter(["END"])
    messages: Iterator[str] = iter(["Hello"])
    assert asked({"stop_sequences": stops, "messages": messages}) == request()
    assert (list(stops), list(messages)) == (["END"], ["Hello"])


def test_the_content_is_not_even_looked_at() -> None:
    def look(*_args: object) -> NoReturn:
        raise AssertionError

    looks = ("__getattr__", "__iter__", "__len__", "__str__", "__repr__", "__bool__", "__eq__", "__hash__")
    private: Callable[[], object] = type("Private", (), dict.fromkeys(looks, look))
    assert asked({"model": "claude-x", "messages": private(), "system": private()}) == request(model="claude-x")


@pytest.mark.parametrize(
    ("args", "kwargs", "found"),
    [
        (("cast_to", "options"), {}, "options"),
        (("cast_to",), {"options": "options"}, "options"),
        ((), {"cast_to": "cast_to", "options": "options", "stream": True}, "options"),
        (("cast_to",), {}, None),
        ((), {}, None),
    ],
)
def test_the_options_are_found_wherever_they_are_passed(
    args: tuple[str, ...], kwargs: dict[str, Any], found: str | None
) -> None:
    assert options_of(args, kwargs) == found


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.anthropic.com/v1/messages", ("api.anthropic.com", 443)),
        ("http://localhost", ("localhost", 80)),
        ("http://127.0.0.1:8080/x", ("127.0.0.1", 8080)),
        ("https://[::1]:8443", ("::1", 8443)),
        ("/relative", (None, None)),
    ],
)
def test_an_endpoint_is_host_and_port(url: str, expected: tuple[str | None, int | None]) -> None:
    assert endpoint(http.URL(url)) == expected


def test_the_provider_is_the_one_that_the_client_names_or_is_known_for() -> None:
    client = anthropic.Anthropic(api_key="key", base_url="http://localhost:1234")
    assert request_of(client, Operation.CHAT, options({}), stream=False) == CallRequest(
        Operation.CHAT, "anthropic", server_address="localhost", server_port=1234
    )


def test_a_client_that_gets_another_base_url_has_its_address() -> None:
    with anthropic.Anthropic(api_key="any", base_url="http://one.test") as client:
        first = request_of(client, Operation.CHAT, options({}), stream=False)
        client.base_url = "http://two.test"
        then = request_of(client, Operation.CHAT, options({}), stream=False)
    assert (first.server_address, then.server_address) == ("one.test", "two.test")


def test_what_is_remembered_of_a_client_is_forgotten_with_it() -> None:
    client = anthropic.Anthropic(api_key="any")
    key = id(client)
    request_of(client, Operation.CHAT, options({}), stream=False)
    remembered = key in request_attributes._clients
    del client
    gc.collect()
    assert (remembered, key in request_attributes._clients) == (True, False)
