"""What happened to a call. Pure: no OpenTelemetry, no wrapt, no SDK, no HTTP client."""

from midstream._outcomes.classify import classify
from midstream._outcomes.vocabulary import Answer, Failure, Outcome, Phase, StreamTruncatedError, Verdict
from midstream._outcomes.watch import StreamWatch

__all__ = ("Answer", "Failure", "Outcome", "Phase", "StreamTruncatedError", "StreamWatch", "Verdict", "classify")
