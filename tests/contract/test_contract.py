"""The names that dashboards and users rely on, written out once more, and the page that is made from them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from midstream._outcomes import Outcome, Phase
from midstream._outcomes.status import API_STATUS, BEDROCK_STATUS
from midstream._telemetry.metrics import METRICS, NEXT_METRICS
from telemetry_contract import ATTRIBUTES, EXCEPTION_ATTRIBUTES

ROOT = Path(__file__).parents[2]

CALL = {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"}
COUNTED = CALL | {"gen_ai.request.stream", "midstream.outcome", "midstream.leaked", "midstream.misreported"}
GEN_AI = CALL | {"gen_ai.response.model", "server.address", "server.port"}


def test_the_page_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "telemetry.py", "--check"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, f"run `make docs`\n{done.stdout}{done.stderr}"
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_outcomes_and_phases_are_the_closed_sets_of_the_contract() -> None:
    assert {outcome.value: outcome.is_failure for outcome in Outcome} == {
        "completed": False,
        "http_error": True,
        "connection_error": True,
        "in_band_error": True,
        "transport_error": True,
        "truncated": True,
        "malformed": True,
        "client_error": True,
        "cancelled": False,
        "abandoned": False,
    }
    assert {phase.value for phase in Phase} == {"request", "opening", "content", "closing"}


def test_every_error_type_has_the_status_of_the_contract() -> None:
    assert dict(API_STATUS) == {
        "invalid_request_error": 400,
        "authentication_error": 401,
        "billing_error": 402,
        "permission_error": 403,
        "not_found_error": 404,
        "conflict_error": 409,
        "memory_path_conflict_error": 409,
        "memory_precondition_failed_error": 409,
        "request_too_large": 413,
        "rate_limit_error": 429,
        "api_error": 500,
        "timeout_error": 504,
        "overloaded_error": 529,
    }
    assert dict(BEDROCK_STATUS) == {
        "throttlingException": 429,
        "validationException": 400,
        "modelStreamErrorException": 424,
        "internalServerException": 500,
        "modelTimeoutException": 408,
        "serviceUnavailableException": 503,
    }


def test_attributes_match_the_contract() -> None:
    assert {name: attribute.type for name, attribute in ATTRIBUTES.items()} == {
        "midstream.outcome": "string",
        "midstream.phase": "string",
        "midstream.status_code": "int",
        "midstream.status_code.source": "string",
        "midstream.reported.status_code": "int",
        "midstream.leaked": "boolean",
        "midstream.misreported": "boolean",
        "midstream.corrected": "boolean",
        "midstream.retryable": "boolean",
        "midstream.in_band.request_id": "string",
        "midstream.stream.bytes": "int",
        "midstream.stream.longest_wait": "double (s)",
        "midstream.stream.last_event": "string",
        "error.type": "string",
        "http.response.status_code": "int",
        "http.request.resend_count": "int",
        "anthropic.request.id": "string",
        "gen_ai.operation.name": "string",
        "gen_ai.provider.name": "string",
        "gen_ai.request.model": "string",
        "gen_ai.request.stream": "boolean",
        "gen_ai.request.max_tokens": "int",
        "gen_ai.request.temperature": "double",
        "gen_ai.request.top_p": "double",
        "gen_ai.request.top_k": "int",
        "gen_ai.request.stop_sequences": "string[]",
        "gen_ai.output.type": "string",
        "gen_ai.response.id": "string",
        "gen_ai.response.model": "string",
        "gen_ai.response.finish_reasons": "string[]",
        "gen_ai.response.time_to_first_chunk": "double (s)",
        "gen_ai.usage.input_tokens": "int",
        "gen_ai.usage.output_tokens": "int",
        "gen_ai.usage.cache_read.input_tokens": "int",
        "gen_ai.usage.cache_write.input_tokens": "int",
        "server.address": "string",
        "server.port": "int",
    }
    assert set(EXCEPTION_ATTRIBUTES) == {
        *("exception.type", "exception.message", "exception.stacktrace"),
        "midstream.error.code",
    }


def test_metrics_match_the_contract() -> None:
    found = {m.name: (m.instrument.value, m.unit, set(m.attributes)) for m in METRICS}
    detail = {
        "midstream.corrected",
        "midstream.phase",
        "error.type",
        "midstream.status_code",
        "http.response.status_code",
    }
    assert found == {
        "midstream.client.operations": ("counter", "{operation}", COUNTED),
        "midstream.client.errors": ("counter", "{error}", COUNTED | detail),
        "midstream.client.stream.active": ("up-down counter", "{stream}", CALL),
        "midstream.client.stream.longest_wait": ("histogram", "s", CALL | {"midstream.outcome"}),
        "midstream.client.resends": ("counter", "{request}", CALL | {"midstream.outcome"}),
        "midstream.telemetry.errors": ("counter", "{error}", {"midstream.component"}),
        "gen_ai.client.operation.duration": ("histogram", "s", GEN_AI | {"error.type"}),
        "gen_ai.client.token.usage": ("histogram", "{token}", GEN_AI | {"gen_ai.token.type"}),
        "gen_ai.client.operation.time_to_first_chunk": ("histogram", "s", GEN_AI),
        "gen_ai.client.operation.time_per_output_chunk": ("histogram", "s", GEN_AI),
    }


def test_the_next_metrics_are_those_of_the_conventions_main_branch() -> None:
    """Of semantic-conventions-genai: docs/gen-ai/client-inference.md (024a4f9), model/gen-ai/token-metrics.yaml."""
    found = {m.name: (m.instrument.value, m.unit, set(m.attributes)) for m in NEXT_METRICS}
    usage = GEN_AI | {"gen_ai.token.modality"}
    assert found == {
        "gen_ai.client.inference.duration": ("histogram", "s", GEN_AI | {"error.type"}),
        "gen_ai.client.inference.time_to_first_chunk": ("histogram", "s", GEN_AI),
        "gen_ai.client.inference.time_per_output_chunk": ("histogram", "s", GEN_AI),
        "gen_ai.client.inference.usage.input_tokens": ("counter", "{token}", usage),
        "gen_ai.client.inference.usage.output_tokens": ("counter", "{token}", usage),
        "gen_ai.client.inference.usage.cache_read.input_tokens": ("counter", "{token}", usage),
        "gen_ai.client.inference.usage.cache_write.input_tokens": ("counter", "{token}", usage),
        "gen_ai.client.inference.operation.input_tokens": ("histogram", "{token}", GEN_AI | {"error.type"}),
        "gen_ai.client.inference.operation.output_tokens": ("histogram", "{token}", GEN_AI | {"error.type"}),
    }
