"""What is recorded of a call that ended: our own metrics, and the GenAI ones under the names that were chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from midstream._telemetry.operation import Operation
from midstream._telemetry.scope import GenAIMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from midstream._telemetry.call_record import CallRecord
    from midstream._telemetry.contract import Value


@dataclass(frozen=True)
class Measurement:
    """One record for each call."""

    metric: str
    value: Callable[[CallRecord], float | None]
    """`None`: there is nothing to record."""
    more: Mapping[str, Value] = field(default_factory=dict["str", "Value"])
    """Attributes that are of this record, and not of the call."""


_OURS: Final[tuple[Measurement, ...]] = (
    Measurement("midstream.client.operations", lambda _: 1),
    Measurement("midstream.client.errors", lambda e: None if e.verdict.failure is None else 1),
    Measurement("midstream.client.resends", lambda e: e.resends or None),
    Measurement("midstream.client.stream.longest_wait", lambda e: e.verdict.longest_wait if e.verdict.opened else None),
)

_UNKNOWN: Final = {"gen_ai.token.modality": "unknown"}
"""The API does not say which tokens are text and which an image."""

_DURATION: Final = Measurement("gen_ai.client.operation.duration", lambda e: e.duration)

_RELEASED: Final[tuple[Measurement, ...]] = (
    _DURATION,
    Measurement("gen_ai.client.operation.time_to_first_chunk", lambda e: e.time_to_first_chunk),
    Measurement("gen_ai.client.token.usage", lambda e: e.verdict.answer.input_tokens, {"gen_ai.token.type": "input"}),
    Measurement("gen_ai.client.token.usage", lambda e: e.verdict.answer.output_tokens, {"gen_ai.token.type": "output"}),
)

# Counters say 0 where the API said nothing, on failed calls too, as the conventions ask for. A histogram has only what
# the API counted: whether failed calls belong there they have not settled (their issue 530), and a 0 would be made up.
_NEXT: Final[tuple[Measurement, ...]] = (
    Measurement("gen_ai.client.inference.duration", lambda e: e.duration),
    Measurement("gen_ai.client.inference.time_to_first_chunk", lambda e: e.time_to_first_chunk),
    Measurement("gen_ai.client.inference.usage.input_tokens", lambda e: e.verdict.answer.input_tokens or 0, _UNKNOWN),
    Measurement("gen_ai.client.inference.usage.output_tokens", lambda e: e.verdict.answer.output_tokens or 0, _UNKNOWN),
    Measurement(
        "gen_ai.client.inference.usage.cache_read.input_tokens",
        lambda e: e.verdict.answer.cache_read_tokens or 0,
        _UNKNOWN,
    ),
    Measurement(
        "gen_ai.client.inference.usage.cache_write.input_tokens",
        lambda e: e.verdict.answer.cache_write_tokens or 0,
        _UNKNOWN,
    ),
    Measurement("gen_ai.client.inference.operation.input_tokens", lambda e: e.verdict.answer.input_tokens),
    Measurement("gen_ai.client.inference.operation.output_tokens", lambda e: e.verdict.answer.output_tokens),
)

_OF_A_COUNT: Final[tuple[Measurement, ...]] = (_DURATION,)
"""Whatever the names: no answer is asked for, and the next conventions rename only what is of an answer."""

_OF_AN_ANSWER: Final[Mapping[GenAIMetrics, tuple[Measurement, ...]]] = {
    GenAIMetrics.V1_41: _RELEASED,
    GenAIMetrics.NEXT: _NEXT,
    GenAIMetrics.BOTH: (*_RELEASED, *_NEXT),
}

CHUNK_TIMES: Final[Mapping[GenAIMetrics, tuple[str, ...]]] = {
    GenAIMetrics.V1_41: ("gen_ai.client.operation.time_per_output_chunk",),
    GenAIMetrics.NEXT: ("gen_ai.client.inference.time_per_output_chunk",),
    GenAIMetrics.BOTH: (
        "gen_ai.client.operation.time_per_output_chunk",
        "gen_ai.client.inference.time_per_output_chunk",
    ),
}
"""The metrics that have a record for each piece of content, where those are asked for."""


def measurements_with(names: GenAIMetrics) -> Mapping[Operation, tuple[Measurement, ...]]:
    """By operation, what is recorded where the GenAI metrics have `names`: none of those of what is no inference."""
    of_inference = {**dict.fromkeys(Operation, _OF_AN_ANSWER[names]), Operation.COUNT_TOKENS: _OF_A_COUNT}
    return {
        operation: (*_OURS, *of_inference[operation]) if operation.is_inference else _OURS for operation in Operation
    }
