"""The public names as an application's type checker sees them: `make lint` asks it, and so does a test of the wheel.

Nothing runs this. What is wrong on purpose has a comment that ignores the error, and is an error without one: a comment
that ignores nothing is one in itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import assert_type

import midstream
from midstream import AnthropicInstrumentor, Failure, Outcome, Phase, StreamTruncatedError, classify

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider


def what_a_failure_says(error: Exception, body: Any) -> None:
    failure = classify(error)
    assert_type(failure, Failure)
    assert_type(classify(body), Failure)
    assert_type(failure.outcome, Outcome)
    assert_type(failure.outcome.is_failure, bool)
    assert_type(failure.phase, Phase | None)
    assert_type(failure.error_type, str)
    assert_type(failure.status_code, int | None)
    assert_type(failure.reported_status_code, int | None)
    assert_type(failure.leaked, bool)
    assert_type(failure.misreported, bool)
    assert_type(failure.retryable, bool)
    assert_type(failure.retry_after, float | None)
    assert_type(failure.request_id, str | None)
    assert_type(failure.message, str | None)
    assert_type(classify(StreamTruncatedError()), Failure)
    assert_type(midstream.__version__, str)

    classify()  # type: ignore[call-arg]
    failure.leaked = True  # type: ignore[misc]
    failure.retriable  # type: ignore[attr-defined]  # noqa: B018 - the name is wrong on purpose
    midstream.Outcomes  # type: ignore[attr-defined]  # noqa: B018


def what_instrument_takes(tracers: TracerProvider, meters: MeterProvider, loggers: LoggerProvider) -> None:
    instrumentor = AnthropicInstrumentor()
    instrumentor.instrument()
    instrumentor.instrument(tracer_provider=tracers, meter_provider=meters, logger_provider=loggers)
    instrumentor.instrument(tracer_provider=None, spans=False, chunk_timings=True, genai_metrics="both", log=True)
    instrumentor.instrument(skip_dep_check=True, raise_exception_on_conflict=True)
    instrumentor.uninstrument()

    instrumentor.instrument(tracer_provider=meters)  # type: ignore[arg-type]
    instrumentor.instrument(spans="off")  # type: ignore[arg-type]
    instrumentor.instrument(genai_metrics="1.42")  # type: ignore[arg-type]
    instrumentor.instrument(span=False)  # type: ignore[call-arg]


def every_outcome_is_known(outcome: Outcome) -> str:
    """A type checker knows that the set is closed: without one of these, it says that nothing is returned."""
    match outcome:
        case Outcome.COMPLETED | Outcome.CANCELLED | Outcome.ABANDONED:
            return "no failure"
        case Outcome.HTTP_ERROR | Outcome.CONNECTION_ERROR:
            return "before the answer"
        case Outcome.IN_BAND_ERROR | Outcome.TRANSPORT_ERROR | Outcome.TRUNCATED | Outcome.MALFORMED:
            return "within the answer"
        case Outcome.CLIENT_ERROR:
            return "in the SDK"
