"""Writes docs/telemetry.md from the contract in the code; with --check, says how the two differ and exits 1."""

from __future__ import annotations

import argparse
import ast
import difflib
import inspect
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import telemetry_contract as contract
from midstream._outcomes import Outcome, Phase
from midstream._outcomes.status import API_STATUS, BEDROCK_STATUS, SESSION_STATUS, TOKEN_STATUS, UNKNOWN_STATUS
from midstream._outcomes.values import MAX_NAME_LENGTH, MAX_REQUEST_TEXT
from midstream._telemetry.operation import Operation
from midstream._telemetry.scope import SCOPE, GenAIMetrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import Enum

__all__ = ("page",)

PAGE = Path(__file__).with_name("telemetry.md")

_INTRODUCTION = """\
<!-- Made from src/midstream/_telemetry and docs/telemetry_contract.py by `make docs`. Edit those, not this. -->

# What midstream emits

Every name here is a public interface: a change to one is named in CHANGELOG.md.

## Words

- **call**: one invocation of an SDK method, with every retry and the reading of the stream that it returns.
- **attempt**: one HTTP request within a call.
- **observed** status: the number on the wire. **synthesized** status: the number that the failure would have had,
  derived from the API's error type. **reported** status: the number on the exception that the application got.
- **effective** status: the observed one if it is an error, else the synthesized one.
- **leaked**: the exception that escaped from the SDK is not an `anthropic.APIError`, so
  `except anthropic.APIError` misses it.
- **misreported**: the reported status is not the effective one.
"""

_OPERATIONS = """\
## `gen_ai.operation.name`

What is no inference has names of our own, and none of the `gen_ai.*` metrics. Only streams that say when they are whole
can be `truncated`. Other endpoints of the SDK are not observed.
"""

_STATUSES = f"""\
## Effective status

An HTTP error has the observed status. An error inside a 200 response has the status of its type. Where the type is
unknown or missing, a `code` or `status` from 400 to 599 in the error object decides, as a number or as its text, and
otherwise it is {UNKNOWN_STATUS}. `http.response.status_code` stays what was on the wire: 200 for an error inside a 200
response.
"""

_SPANS = """\
## Attributes

They stand on the call's span and, for a failed call, on its log event. The SDK's own span (1.14 and later) has some
of them already, under the same names, marked with *SDK* here: those are left as they are, and set where they are
missing.
"""

_BOUNDED = ", ".join(f"`{name}`" for name in contract.BOUNDED_ATTRIBUTES)

_OPEN = ", ".join(f"`{name}`" for name in sorted(contract.UNBOUNDED_ATTRIBUTES - set(contract.BOUNDED_ATTRIBUTES)))

_METRICS = f"""\
## Metrics

Meter `{SCOPE}`. On the first call of an operation, provider, model and kind (streamed or not), the series of
`midstream.client.operations` for all ten outcomes are created with 0, each with the flags that the outcome normally
has. Prometheus has underscores for the dots, and suffixes: `midstream_client_operations_total`,
`gen_ai_client_operation_duration_seconds_bucket`.

Series stay few. `error.type` is `_OTHER` for a type that the API made up. Of
{_BOUNDED},
each has the first {contract.MAX_VALUES} values that a process sees, of at most {contract.MAX_VALUE_LENGTH} characters;
every other text is `_OTHER`, and a number too many is left out. The combinations stay few, too: each metric has the
first {contract.MAX_SERIES:,} series that a process sees, and in every other one all of these attributes and
{_OPEN}
are `_OTHER` or, if they are numbers, left out. So a process has at most
{sum(map(contract.most_series, contract.METRICS)):,} series, and by far fewer in practice. (In Prometheus, a histogram
has more than one: {len(max(m.buckets or () for m in contract.METRICS)) + 3} each.) Spans and log events have these
values as they are, cut at {MAX_REQUEST_TEXT:,} characters if the application gives them,
at {MAX_NAME_LENGTH} if the API does.
"""

_NEXT = """\
## The next names of the GenAI metrics

The `gen_ai.*` metrics above have the names of the released conventions, 1.41. Those being written have others: a
rename, and counters of tokens in place of one histogram. `instrument(genai_metrics=...)`, or
`MIDSTREAM_GENAI_METRICS`, says which are recorded:
"""

_NEXT_RULES = f"""\
These are from {contract.NEXT_SOURCE}.
They are not released and can change; midstream then follows, in any version, and names it in CHANGELOG.md. The schema
URL stays that of 1.41, for there is no published one. What midstream does with them:

- A count of tokens asks for no answer, so its duration stays `gen_ai.client.operation.duration`.
- The counters count failed calls, too: what the API said, else 0.
- The histograms of tokens have what the API said, on failed calls with `error.type`; never a 0 that it did not say. The
  conventions have not settled whether failed calls belong there (their issue 530).
- `gen_ai.token.modality` is always `unknown`: the API gives no counts by modality. Tokens of reasoning have no metric.

With `both`, a process has at most {sum(map(contract.most_series, contract.metrics_with(GenAIMetrics.BOTH))):,} series.
[Policy](policy.md) says what happens once the names are released, which panels of the boards read them, and how to
move others.
"""

_LOG = f"""\
## Log event

`{contract.EVENT_NAME}`, severity WARN, in the context of the call's span, once per failed call. Its body is the
failure in one line, as in the status of the span. Records before OpenTelemetry 1.35 have no place for the name of an
event: there it is the attribute `event.name`. The attributes are those above and
"""

_SPAN_RULES = """\
## Spans

Exactly one per call. If the SDK has a recording span for it, that one is enriched, at its true end, and keeps its name,
its parent and its times. If the SDK's is sampled out, there is none. Otherwise it is a `CLIENT` span of ours, named
`{gen_ai.operation.name} {gen_ai.request.model}`. The status of a failed call is `ERROR`, described by the failure in
one line; of every other call of ours it stays unset. Prompts and completions are never recorded.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        (
            _INTRODUCTION,
            "## `midstream.outcome`\n",
            _table(("value", "meaning", "failure"), _outcomes()),
            _OPERATIONS,
            _table(("value", "what is asked for", "GenAI metrics"), _operations()),
            "## `midstream.phase`\n",
            "Where a failed call was. An HTTP error has the phase `request`.\n",
            _table(("value", "meaning"), ((f"`{value}`", text) for value, text in _members(Phase).items())),
            _STATUSES,
            _table(("error type of the API", "status"), _rows(API_STATUS)),
            _table(("exception of a Bedrock stream", "status"), _rows(BEDROCK_STATUS)),
            _table(("error type of a session", "status"), _rows(SESSION_STATUS)),
            _table(("error of a token endpoint whose status is not known", "status"), _rows(TOKEN_STATUS)),
            _SPAN_RULES,
            _SPANS,
            _table(("name", "type", "on", "", "meaning"), _attributes()),
            _METRICS,
            *_described(contract.METRICS),
            _NEXT,
            _table(("value", "the GenAI metrics"), _choices()),
            _NEXT_RULES,
            *_described(contract.NEXT_METRICS),
            _LOG,
            _table(("name", "meaning"), ((f"`{name}`", text) for name, text in contract.EXCEPTION_ATTRIBUTES.items())),
        )
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def _members(kind: type[Enum]) -> dict[str, str]:
    """By value of each member, the docstring that stands beneath it in the source."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)  # noqa: S101 - the source of a class
    texts: dict[str, str] = {}
    for member, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(member, ast.Assign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            (name,) = (target.id for target in member.targets if isinstance(target, ast.Name))
            texts[kind[name].value] = " ".join(str(text.value.value).split())
    return texts


def _outcomes() -> Iterable[tuple[object, ...]]:
    texts = _members(Outcome)
    return ((f"`{o.value}`", texts[o.value], "yes" if o.is_failure else "no") for o in Outcome)


def _operations() -> Iterable[tuple[object, ...]]:
    texts = _members(Operation)
    return ((f"`{o.value}`", texts[o.value], "yes" if o.is_inference else "no") for o in Operation)


def _rows(statuses: Mapping[str, int]) -> Iterable[tuple[object, ...]]:
    return ((f"`{kind}`", status) for kind, status in statuses.items())


def _attributes() -> Iterable[tuple[object, ...]]:
    for table in (contract.CALL_ATTRIBUTES, contract.REQUEST_ATTRIBUTES):
        for attribute in table:
            described = contract.ATTRIBUTES[attribute.name]
            of_sdk = "*SDK*" if attribute.of_sdk else ""
            yield f"`{attribute.name}`", described.type, described.on, of_sdk, described.meaning


def _described(metrics: tuple[contract.Metric, ...]) -> Iterable[str]:
    yield _table(("name", "instrument", "unit", "series at most", "meaning"), _metrics(metrics))
    yield "Their attributes:\n"
    yield _table(("metric", "attributes"), _metric_attributes(metrics))
    yield "Buckets, in the unit of the metric:\n"
    yield _table(("metric", "buckets"), _buckets(metrics))


def _metrics(metrics: tuple[contract.Metric, ...]) -> Iterable[tuple[object, ...]]:
    rows = ((m, f"{contract.most_series(m):,}") for m in metrics)
    return ((f"`{m.name}`", m.instrument.value, f"`{m.unit}`", most, m.brief) for m, most in rows)


def _metric_attributes(metrics: tuple[contract.Metric, ...]) -> Iterable[tuple[object, ...]]:
    return ((f"`{m.name}`", ", ".join(f"`{name}`" for name in m.attributes)) for m in metrics)


def _buckets(metrics: tuple[contract.Metric, ...]) -> Iterable[tuple[object, ...]]:
    return ((f"`{m.name}`", ", ".join(f"{b:g}" for b in m.buckets)) for m in metrics if m.buckets)


def _choices() -> Iterable[tuple[object, ...]]:
    texts = _members(GenAIMetrics)
    return ((f"`{names.value}`", texts[names.value]) for names in GenAIMetrics)


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    written = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    names = ("docs/telemetry.md", "the contract")
    difference = list(difflib.unified_diff(written.splitlines(), page().splitlines(), *names, lineterm=""))
    for line in difference:
        print(line)
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
