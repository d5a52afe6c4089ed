"""What `make matrix` writes into docs/compatibility.md: the table of the rows, and the sections at its end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from matrix_rows import Result, Row

__all__ = ("page", "verdict")

_HEAD: Final = ("environment", "Python", "wrapt", "OpenTelemetry", "HTTP client", "result", "on", "commit")
_SECTIONS: Final = re.compile("^## (?:Failures|Skipped)$", re.MULTILINE)


def page(table: Iterable[Row], results: Mapping[str, Result], written: str) -> str:
    """Return the page `written` with these results. A row without a result keeps its line."""
    head = _line(_HEAD)
    introduction, _, rest = written.partition(head)
    lines, _, by_hand = rest.partition("\n\n")
    earlier = {line[2:].partition(" | ")[0]: f"{line}\n" for line in lines.splitlines()}
    text = introduction + head + _line(["---"] * len(_HEAD))
    for row in table:
        if row.name in results:
            text += _line(_cells(row, results[row.name]))
        else:
            text += earlier.get(row.name) or _line([row.name, *["-"] * 4, "not run yet", "-", "-"])
    sections = _sections([(row, results[row.name]) for row in table if row.name in results])
    return f"{text}\n{_SECTIONS.split(by_hand)[0].rstrip()}\n{''.join(sections)}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cells(row: Row, result: Result) -> Iterator[str]:
    yield row.name
    yield row.python
    yield result.versions.get("wrapt", "-")
    yield " / ".join(result.versions.get(f"opentelemetry-{name}", "-") for name in ("api", "instrumentation"))
    yield next((f"{name} {result.versions[name]}" for name in ("httpx2", "httpx") if name in result.versions), "-")
    yield verdict(result)
    yield f"{result.date}, {result.system}"
    yield result.commit or "-"


def verdict(result: Result) -> str:
    """Return the result in words."""
    if result.not_run:
        return f"not run: {result.not_run}"
    counts = ((len(result.failed), "**failed**"), (result.passed, "passed"), (sum(result.skipped.values()), "skipped"))
    return ", ".join(f"{count} {what}" for count, what in counts if count)


def _sections(run: list[tuple[Row, Result]]) -> Iterator[str]:
    failures = {row.name: result.failed for row, result in run if result.failed}
    if failures:
        yield "\n## Failures\n"
    for name, tests in failures.items():
        yield f"\n{name}:\n\n" + "".join(f"- `{test}`\n" for test in tests)
    reasons = Counter(reason for _, result in run for reason in result.skipped)
    if reasons:
        yield "\n## Skipped\n\n" + _line(("reason", "in rows")) + _line(("---", "---"))
    for reason, count in sorted(reasons.items()):
        yield _line((reason.replace("|", "\\|"), str(count)))
