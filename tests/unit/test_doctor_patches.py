"""What has become of the patch targets."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from midstream import AnthropicInstrumentor
from midstream._cli.doctor.patches import Place, place_of
from midstream._sdk.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST = next(target for target in TARGETS if target.name == "anthropic._base_client.SyncAPIClient.request")


@pytest.fixture
def instrumented() -> Iterator[None]:
    instrumentor = AnthropicInstrumentor()
    instrumentor.instrument()
    yield
    instrumentor.uninstrument()


def test_targets_are_wrapped_only_while_instrumented() -> None:
    present = [target for target in TARGETS if place_of(target) is not Place.ABSENT]
    assert {target for target in TARGETS if target not in present} <= {target for target in TARGETS if target.optional}
    assert {place_of(target) for target in present} == {Place.BARE}
    instrumentor = AnthropicInstrumentor()
    instrumentor.instrument()
    assert {place_of(target) for target in present} == {Place.WRAPPED}
    instrumentor.uninstrument()
    assert {place_of(target) for target in present} == {Place.BARE}


@pytest.mark.usefixtures("instrumented")
def test_a_target_that_is_wrapped_again_later_is_still_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = anthropic._base_client.SyncAPIClient
    request: Any = owner.request

    @functools.wraps(request)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return request(*args, **kwargs)

    monkeypatch.setattr(owner, "request", wrapped)
    assert place_of(REQUEST) is Place.WRAPPED


@pytest.mark.usefixtures("instrumented")
def test_a_target_that_was_replaced_is_bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anthropic._base_client.SyncAPIClient, "request", print)
    assert place_of(REQUEST) is Place.BARE


def test_a_target_whose_class_is_gone_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(anthropic._base_client, "SyncAPIClient")
    assert place_of(REQUEST) is Place.ABSENT
