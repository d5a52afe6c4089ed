"""What has become of the patch targets."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from midstream import AnthropicInstrumentor
from midstream._sdk.patches import Place, place_of
from midstream._sdk.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST = next(one for one in TARGETS if one.name == "anthropic._base_client.SyncAPIClient.request")


@pytest.fixture
def instrumented() -> Iterator[None]:
    instrumentor = AnthropicInstrumentor()
    instrumentor.instrument()
    yield
    instrumentor.uninstrument()


def test_targets_are_bare_before_and_after_and_wrapped_meanwhile() -> None:
    there = [one for one in TARGETS if place_of(one) is not Place.ABSENT]
    assert {one for one in TARGETS if one not in there} <= {one for one in TARGETS if one.optional}
    assert {place_of(one) for one in there} == {Place.BARE}
    instrumentor = AnthropicInstrumentor()
    instrumentor.instrument()
    assert {place_of(one) for one in there} == {Place.WRAPPED}
    instrumentor.uninstrument()
    assert {place_of(one) for one in there} == {Place.BARE}


@pytest.mark.usefixtures("instrumented")
def test_a_target_that_somebody_wraps_after_us_is_still_wrapped_by_us(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = anthropic._base_client.SyncAPIClient
    request: Any = owner.request

    @functools.wraps(request)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return request(*args, **kwargs)

    monkeypatch.setattr(owner, "request", wrapped)
    assert place_of(REQUEST) is Place.WRAPPED


@pytest.mark.usefixtures("instrumented")
def test_a_target_that_somebody_has_replaced_is_bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anthropic._base_client.SyncAPIClient, "request", print)
    assert place_of(REQUEST) is Place.BARE


def test_a_target_whose_class_is_gone_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(anthropic._base_client, "SyncAPIClient")
    assert place_of(REQUEST) is Place.ABSENT
