"""Read the results of a batch: one long stream, which can break, or end early without an exception."""

import os

import anthropic
from anthropic.types.messages import MessageBatchIndividualResponse

import midstream

BATCH = os.environ["BATCH"]

claude = anthropic.Anthropic()
counts = claude.messages.batches.retrieve(BATCH).request_counts
expected = counts.succeeded + counts.errored + counts.canceled + counts.expired

results: dict[str, MessageBatchIndividualResponse] = {}
try:
    for result in claude.messages.batches.results(BATCH):
        results[result.custom_id] = result
except Exception as error:
    # Not only anthropic.APIError: the SDK does not wrap what breaks mid-stream.
    print(midstream.classify(error))
print(f"{len(results)} of {expected} results")
