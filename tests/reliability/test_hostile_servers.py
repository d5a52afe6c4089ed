"""Slow and hostile servers: the application sees what it sees without us, the outcome is right, and all is bounded."""

from __future__ import annotations

import importlib
import struct
import zlib
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from midstream.faults import parse
from reliability.encoded import assert_encodable
from reliability.hostile_scenes import CREATE, SCENES
from support.aws_frames import CONTENT_TYPE, event_frame
from support.clients import HTTP_PACKAGE, async_client, constructs_odd_events
from support.hostile_server import HostileServer, streamed
from support.platforms import BEDROCK, forget_the_machine
from support.platforms import run as run_on_platform
from support.readers import READERS
from support.seen import FLAVORS, observable, run, spied
from support.styles import STYLES, see_async

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from reliability.hostile_scenes import Scene
    from support.exported import Exported


pytestmark = pytest.mark.timeout(1800)  # the SDK takes its time with 100 MB


@pytest.fixture(name="hostile", scope="module")
def hostile_() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


ODD = ("long names", "odd names")


def seen_by_the_application(scene: Scene, flavor: str, server: HostileServer) -> tuple[Any, ...]:
    with spied() as raised:
        seen = run(scene.style, flavor, server, parse("ok"), None)
    if scene.style.undecoded and seen.events:
        # How the bytes are cut into pieces is the network's.
        seen.events = [type(seen.events[0])().join(seen.events)]
    return observable(seen, raised)


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=constructs_odd_events if name in ODD else ()) for name in SCENES]
)
def test_the_application_notices_nothing_and_the_outcome_is_right(
    hostile: HostileServer,
    exported: Exported,
    instrumented: Callable[..., AbstractContextManager[Exported]],
    caplog: pytest.LogCaptureFixture,
    name: str,
    flavor: str,
    long: bool,
) -> None:
    scene = SCENES[name]
    hostile.play = lambda _request, _number: scene.play(scene.long if long else scene.size)
    bare = seen_by_the_application(scene, flavor, hostile)
    with instrumented():
        assert seen_by_the_application(scene, flavor, hostile) == bare

    attributes = dict(exported.span.attributes or {})
    error_type = None if scene.error_type is None else scene.error_type.replace("HTTP", HTTP_PACKAGE)
    assert (attributes["midstream.outcome"], attributes.get("error.type")) == (scene.outcome.value, error_type)
    assert exported.outcomes() == {scene.outcome.value: 1}
    assert len(exported.logs) == scene.outcome.is_failure
    assert_encodable(exported, caplog)


HUGE = 5 * 10**30


def test_a_status_of_http2_beyond_64_bits_is_not_recorded(
    hostile: HostileServer, instrumented: Callable[..., AbstractContextManager[Exported]], caplog: Any
) -> None:
    pytest.importorskip("h2", reason="h2, which HTTP/2 needs, is not installed")
    from support.http2_server import Http2Server

    http: Any = importlib.import_module(HTTP_PACKAGE)

    async def call() -> Any:
        async with (
            async_client(hostile, parse("ok")) as made,
            http.AsyncClient(http2=True, http1=False) as http_client,
        ):
            client = made.with_options(base_url=http2.url, http_client=http_client)
            return await see_async(CREATE, client, f"http:{HUGE}")

    with Http2Server() as http2, instrumented() as exported:
        assert anyio.run(call).error.status_code == HUGE
    assert "http.response.status_code" not in (exported.span.attributes or {})
    assert_encodable(exported, caplog)


def lengths(whole: int, headers: int) -> bytes:
    """The beginning of a frame of an AWS event stream, with a checksum that is right."""
    told = struct.pack("!II", whole, headers)
    return told + struct.pack("!I", zlib.crc32(told))


FRAMES = {
    "longer than allowed": lengths(2**32 - 1, 0),
    "headers longer than allowed": lengths(2**20, 2**19),
    "headers longer than the frame": lengths(100, 2000),
    "no frame at all": b"\xff" * 100,
}


@constructs_odd_events
@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("name", FRAMES)
def test_frames_of_absurd_lengths_are_malformed(
    hostile: HostileServer,
    exported: Exported,
    instrumented: Callable[..., AbstractContextManager[Exported]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    flavor: str,
) -> None:
    pytest.importorskip("botocore", reason="the SDK reads event streams with botocore: anthropic[bedrock]")
    forget_the_machine(monkeypatch)
    headers = {"content-type": CONTENT_TYPE}
    start = event_frame(b'{"type":"message_start","message":{}}')
    hostile.play = lambda _request, _number: streamed([start, FRAMES[name] + b"x" * 1000], headers=headers)
    for style in (STYLES["create(stream=True) in a loop"], READERS["iter_bytes"]):
        with spied() as raised:
            bare = observable(run_on_platform(BEDROCK, style, flavor, hostile, "ok"), raised)
        with spied() as raised, instrumented():
            assert observable(run_on_platform(BEDROCK, style, flavor, hostile, "ok"), raised) == bare
    assert exported.outcomes() == {"malformed": 2}
    assert_encodable(exported, caplog)
