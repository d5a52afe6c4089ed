"""Write docs/telemetry.md from the contract in the code. With --check, print the differences and exit with 1."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path

import telemetry_contract as contract
from midstream._outcomes import Outcome, Phase
from midstream._outcomes.status import API_STATUS, BEDROCK_STATUS, SESSION_STATUS, TOKEN_STATUS, UNKNOWN_STATUS
from midstream._outcomes.values import MAX_NAME_LENGTH, MAX_REQUEST_TEXT
from midstream._telemetry.operation import Operation
from midstream._telemetry.scope import SCHEMA_URL, SCOPE, GenAIMetrics
from writing import is_check, publish

__all__ = ("members", "page")

PAGE = Path(__file__).with_name("telemetry.md")

_INTRODUCTION = """\
<!-- Made from src/midstream/_telemetry and docs/telemetry_contract.py by `make docs`. Edit those, not this. -->

# Telemetry

For engineers who query midstream's telemetry: every span attribute, metric and log attribute that it records.
[policy.md](policy.md) says how names change.

## Terms

- **call**: one invocation of an SDK method, including its retries and the reading of the stream that it returns.
- **observed** status: the number on the wire. **synthesized** status: the number that the API's error type stands for.
  **reported** status: the number on the exception that the SDK raised.
- **effective** status: the observed status if it is an error, else the synthesized one.
"""

_OPERATIONS = """\
## `gen_ai.operation.name`

Other endpoints of the SDK are not observed.
"""

_STATUSES = f"""\
## Effective status

An HTTP error has its observed status. An error inside a 200 response has the status of its type. If the type is unknown
or missing, a `code` or `status` from 400 to 599 in the error object decides, as a number or as text; otherwise the
status is {UNKNOWN_STATUS}.
"""

_SPANS = """\
## Attributes

The call's span has these, and the log event of a failed call. *SDK* marks attributes that the SDK's own spans (1.14
and later) have under the same name; midstream adds only missing ones. The attributes of the verdict are set last, so
that an attribute limit does not drop them.
"""

_BOUNDED = ", ".join(f"`{name}`" for name in contract.BOUNDED_ATTRIBUTES)

_OPEN = ", ".join(f"`{name}`" for name in sorted(contract.UNBOUNDED_ATTRIBUTES - set(contract.BOUNDED_ATTRIBUTES)))

_METRICS = f"""\
## Metrics

The meter is `{SCOPE}`. The first call of an operation, provider, model and kind (streamed or not) creates the series of
`midstream.client.operations` for all ten outcomes with value 0, each with the usual flags of its outcome. Prometheus
adds underscores and suffixes: `midstream_client_operations_total`, `gen_ai_client_operation_duration_seconds_bucket`.

The number of series is limited:

- `error.type` is `_OTHER` for an API error type that is not in the tables above.
- {_BOUNDED}
  each keep the first {contract.MAX_VALUES} values of a process, of at most {contract.MAX_VALUE_LENGTH} characters.
  Other texts become `_OTHER`; other numbers are omitted.
- Each metric keeps the first {contract.MAX_SERIES:,} series of a process. Further series treat these attributes and
  {_OPEN}
  in the same way.

A process has at most {sum(map(contract.most_series, contract.METRICS)):,} series, usually far fewer; in Prometheus, a
histogram counts as {len(max(m.buckets or () for m in contract.METRICS)) + 3}. Spans and log events keep the values, cut
at {MAX_REQUEST_TEXT:,} characters if the application supplies them, at {MAX_NAME_LENGTH} if the API does.
"""

_NEXT = """\
## Next names of the GenAI metrics

The conventions under development rename the `gen_ai.*` metrics above, and replace the token histogram with counters.
`instrument(genai_metrics=...)`, or `MIDSTREAM_GENAI_METRICS`, selects:
"""

_NEXT_RULES = f"""\
The names are from {contract.NEXT_SOURCE}.
[policy.md](policy.md#genai-semantic-conventions) says how they may change, which panels read them, and how to move a
dashboard. Details:

- The duration of a token count stays `gen_ai.client.operation.duration`.
- The counters include failed calls, with the numbers that the API reported, else 0.
- The token histograms contain only numbers that the API reported; failed calls have `error.type`. The conventions have
  not settled whether failed calls belong there (their issue 530).
- Reasoning tokens have no metric.
- The schema URL remains 1.41's.

With `both`, a process has at most {sum(map(contract.most_series, contract.metrics_with(GenAIMetrics.BOTH))):,} series.
"""

_LOG = f"""\
## Log event

Each failed call has one `{contract.EVENT_NAME}`, with severity WARN and the context of the call's span.
Its body is the failure in one line. Before OpenTelemetry 1.35, its name is in the attribute `event.name`. It has the
attributes above and:
"""

_REGISTRY = f"""\
## Registry

[registry/](../registry/README.md) is this page as a semantic-convention registry in OpenTelemetry's format. midstream
emits names of the scope's schema URL, `{SCHEMA_URL}`, and in addition `midstream.*`,
`anthropic.request.id`, `gen_ai.usage.cache_write.input_tokens` (there `cache_creation`) and the next metrics.
"""

_SPAN_RULES = """\
## Spans

Each call has one span. If the SDK has a recording span for the call, midstream enriches it and ends it at its true end;
name, parent and start time stay. If the SDK's span is sampled out, the call has no span. Otherwise midstream creates a
`CLIENT` span named `{gen_ai.operation.name} {gen_ai.request.model}`. A failed call has the status `ERROR`, described by
the failure in one line; on midstream's spans, other calls have none. Prompts and completions are never recorded.
"""


def page() -> str:
    """Return the page."""
    return "\n".join(
        (
            _INTRODUCTION,
            "## `midstream.outcome`\n",
            _table(("value", "meaning", "failure"), _outcomes()),
            _OPERATIONS,
            _table(("value", "request", "GenAI metrics"), _operations()),
            "## `midstream.phase`\n",
            "How far a failed call had come. An HTTP error has the phase `request`.\n",
            _table(("value", "meaning"), ((f"`{value}`", text) for value, text in members(Phase).items())),
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
            "Attributes that only metrics have:\n",
            _table(
                ("name", "type", "meaning"),
                ((f"`{name}`", a.type, a.meaning) for name, a in contract.METRIC_ATTRIBUTES.items()),
            ),
            _NEXT,
            _table(("value", "the GenAI metrics"), _choices()),
            _NEXT_RULES,
            *_described(contract.NEXT_METRICS),
            _LOG,
            _table(
                ("name", "type", "meaning"),
                ((f"`{name}`", a.type, a.meaning) for name, a in contract.EXCEPTION_ATTRIBUTES.items()),
            ),
            _REGISTRY,
        )
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def members(kind: type[Enum]) -> dict[str, str]:
    """The docstring beneath each member in the source, by the member's value."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)  # noqa: S101 - the source of a class
    texts: dict[str, str] = {}
    for member, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(member, ast.Assign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            (name,) = (target.id for target in member.targets if isinstance(target, ast.Name))
            texts[kind[name].value] = " ".join(str(text.value.value).split())
    return texts


def _outcomes() -> Iterable[tuple[object, ...]]:
    texts = members(Outcome)
    return ((f"`{o.value}`", texts[o.value], "yes" if o.is_failure else "no") for o in Outcome)


def _operations() -> Iterable[tuple[object, ...]]:
    texts = members(Operation)
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
    yield "Attributes:\n"
    yield _table(("metric", "attributes"), _metric_attributes(metrics))
    yield "Buckets, in the metric's unit:\n"
    yield _table(("metric", "buckets"), _buckets(metrics))


def _metrics(metrics: tuple[contract.Metric, ...]) -> Iterable[tuple[object, ...]]:
    rows = ((m, f"{contract.most_series(m):,}") for m in metrics)
    return ((f"`{m.name}`", m.instrument.value, f"`{m.unit}`", most, m.brief) for m, most in rows)


def _metric_attributes(metrics: tuple[contract.Metric, ...]) -> Iterable[tuple[object, ...]]:
    return ((f"`{m.name}`", ", ".join(f"`{name}`" for name in m.attributes)) for m in metrics)


def _buckets(metrics: tuple[contract.Metric, ...]) -> Iterable[tuple[object, ...]]:
    return ((f"`{m.name}`", ", ".join(f"{b:g}" for b in m.buckets)) for m in metrics if m.buckets)


def _choices() -> Iterable[tuple[object, ...]]:
    texts = members(GenAIMetrics)
    return ((f"`{names.value}`", texts[names.value]) for names in GenAIMetrics)


def main() -> int:
    """Return the exit status."""
    check = is_check(__doc__)
    return publish({PAGE: page()}, "the contract", check=check)


if __name__ == "__main__":
    sys.exit(main())
