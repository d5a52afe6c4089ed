"""What happened to a call. Pure: no OpenTelemetry, no wrapt, no SDK, no HTTP client."""

from midstream._outcomes.classify import classify
from midstream._outcomes.failure import Failure
from midstream._outcomes.summary import MessageSummary
from midstream._outcomes.verdict import Verdict
from midstream._outcomes.vocabulary import Outcome, Phase, StreamTruncatedError
from midstream._outcomes.watch import StreamWatch

__all__ = (
    "Failure",
    "MessageSummary",
    "Outcome",
    "Phase",
    "StreamTruncatedError",
    "StreamWatch",
    "Verdict",
    "classify",
)
