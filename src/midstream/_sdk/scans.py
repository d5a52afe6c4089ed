"""Which scan a body gets that nobody decodes for us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from midstream._outcomes.frames import FrameScan
from midstream._outcomes.scan import ByteScan, DocumentScan, EventScan, Unpacked, can_unpack
from midstream._outcomes.unexpected import is_json
from midstream._sdk import callers
from midstream._sdk.results import format_of

if TYPE_CHECKING:
    from midstream._outcomes.scan import Scan
    from midstream._sdk.calls import Call
    from midstream._sdk.results import BodyFormat, Head


_UNPACKS: Final = frozenset({"iter_bytes", "aiter_bytes"})
"""The methods of the HTTP client's response that undo the content encoding; all but readers of raw bytes use them."""


def scan_of(call: Call, head: Head) -> Scan | None:
    """The scan of a body of `call` that is about to be read. `None` where there is a parser, or nothing to find.

    Never raises. To be asked by the iterator of the body: who reads it is told by the stack.
    """
    with call.guards.bodies:
        return None if call.is_parsed else _scan_of(call, format_of(*head))
    return None


def _scan_of(call: Call, form: BodyFormat) -> Scan | None:
    readers = callers.readers()
    scan: Scan
    if form.media_type == "application/vnd.amazon.eventstream":
        scan = FrameScan(call)
    elif call.wants_events:
        scan = EventScan(call, call.watch.kind)  # whatever the body is called, and also if it has no events
    elif call.watch.kind.proof is None:
        scan = ByteScan(call)
    else:
        # The SDK decodes every body that is called JSON, and takes any other that it cannot decode for a text.
        decodes = "json" in readers or ("parse" in readers and is_json(form.media_type))
        scan = DocumentScan(call, form.media_type, raises=decodes)
    if not form.encoding:
        return scan
    if not can_unpack(form.encoding):
        return None
    return Unpacked(scan, call, form.encoding, form.decoding_error, raises=not _UNPACKS.isdisjoint(readers))
