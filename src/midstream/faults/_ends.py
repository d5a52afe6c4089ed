"""How calls really end: what the rows of `FAMILIES` choose from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from midstream._outcomes.vocabulary import Outcome, Phase
from midstream.faults._api_errors import api_error
from midstream.faults._scenario import HTTPX, Expectation

Ends = Callable[[str, Phase], Expectation]
"""How a call ends, from the argument (empty if the family takes none) and the phase that K leads to.

For a body that the SDK reads as a whole, the phase is always the opening.
"""

READ_ERROR: Final = f"{HTTPX}.ReadError"
READ_TIMEOUT: Final = f"{HTTPX}.ReadTimeout"
PROTOCOL_ERROR: Final = f"{HTTPX}.RemoteProtocolError"


def _always(expectation: Expectation) -> Ends:
    return lambda _argument, _phase: expectation


def _after_k(expectation: Expectation) -> Ends:
    return lambda _argument, phase: replace(expectation, phase=phase)


def _http_error(error_type: str, status: int) -> Expectation:
    return Expectation(Outcome.HTTP_ERROR, error_type, status, status, phase=Phase.REQUEST)


def http(error_type: str, _phase: Phase) -> Expectation:
    return _http_error(error_type, api_error(error_type).status)


def http_status(status: str, _phase: Phase) -> Expectation:
    return _http_error(status, int(status))


def in_band(error_type: str, phase: Phase) -> Expectation:
    status = api_error(error_type).status
    return Expectation(Outcome.IN_BAND_ERROR, error_type, status, 200, misreported=True, phase=phase)


def envelope(error_type: str, phase: Phase) -> Expectation:
    return Expectation(Outcome.IN_BAND_ERROR, error_type, api_error(error_type).status, phase=phase)


def envelope_as_line(error_type: str, _phase: Phase) -> Expectation:
    return envelope(error_type, Phase.CONTENT)


def no_response(error_type: str) -> Ends:
    return _always(Expectation(Outcome.CONNECTION_ERROR, error_type, phase=Phase.REQUEST))


def transport_error(error_type: str, *, leaked: bool) -> Ends:
    return _after_k(Expectation(Outcome.TRANSPORT_ERROR, error_type, leaked=leaked))


def _malformed(error_type: str, *, leaked: bool = False, futile: bool = False) -> Ends:
    return _after_k(Expectation(Outcome.MALFORMED, error_type, leaked=leaked, futile=futile))


completed: Final = _always(Expectation(Outcome.COMPLETED))
truncated: Final = _after_k(Expectation(Outcome.TRUNCATED, "stream_truncated"))
without_known_events: Final = _after_k(Expectation(Outcome.TRUNCATED, "stream_truncated", futile=True))
unexpected_body: Final = _malformed("unexpected_body", futile=True)
unexpected_media_type: Final = _malformed("unexpected_media_type", futile=True)
bad_json: Final = _malformed("json.decoder.JSONDecodeError", leaked=True)
bad_utf8: Final = _malformed("UnicodeDecodeError", leaked=True)
bad_gzip: Final = _malformed(f"{HTTPX}.DecodingError")
bad_gzip_leaked: Final = _malformed(f"{HTTPX}.DecodingError", leaked=True)
in_band_untyped: Final = _after_k(in_band("_OTHER", Phase.OPENING))
in_band_unnoticed: Final = _after_k(Expectation(Outcome.IN_BAND_ERROR, "408", 408))
http_untyped: Final = _always(_http_error("500", 500))
refused: Final = _always(_http_error("invalid_request_error", 400))
