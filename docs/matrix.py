"""Run the tests with many versions of everything, and write the results into docs/compatibility.md.

Each row of the table has its own environment, which pins only what the row is about. A row with a result for the
current code does not run again, so a stopped run can continue.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from typing import Final

from matrix_page import page, verdict
from matrix_rows import ROOT, WORK, Result, Row, fingerprint, newest_on_the_index, rows, run

PAGE: Final = ROOT / "docs" / "compatibility.md"


def _kept() -> dict[str, Result]:
    """The results by the row's name."""
    try:
        text = (WORK / "results.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return {name: Result(**result) for name, result in json.loads(text).items()}


def _keep(results: Mapping[str, Result]) -> None:
    new = WORK / "results.json.new"
    new.write_text(json.dumps({name: asdict(result) for name, result in results.items()}, indent=1), encoding="utf-8")
    new.replace(WORK / "results.json")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="run only matching rows, such as sdk=0.49, python=3.13, wrapt=1.16 or opentelemetry=1.30; repeatable: a "
        "row must match all",
    )
    parser.add_argument("--again", action="store_true", help="also run rows that have a result")
    parser.add_argument("--list", action="store_true", help="list the rows and their results, without running any")
    parser.add_argument(
        "--jobs", type=int, default=max(1, (os.cpu_count() or 1) // 2), help="concurrent rows (default: %(default)s)"
    )
    found = parser.parse_args()
    for condition in found.only:
        name, equals, _ = condition.partition("=")
        if not equals or name not in Row.__dataclass_fields__:
            parser.error(
                f"invalid --only {condition!r}: expected FIELD=VALUE; fields: {', '.join(Row.__dataclass_fields__)}"
            )
    return found


def _chosen(row: Row, conditions: Iterable[str]) -> bool:
    """Whether every condition names the field's value or a prefix of its version: 0.49 matches 0.49.0, 1.1 not 1.13."""
    pairs = (condition.partition("=") for condition in conditions)
    return all(f"{getattr(row, name)}.".startswith(f"{value}.") for name, _, value in pairs)


def main() -> int:
    """Return the exit status."""
    arguments = _arguments()
    table = rows(newest_on_the_index())
    results = _kept()
    code = fingerprint()
    chosen = [row for row in table if _chosen(row, arguments.only)]
    if arguments.list:
        for row in chosen:
            print(f"{row.name}: {verdict(results[row.name]) if row.name in results else 'not run yet'}")
        return 0
    done = {name for name, result in results.items() if result.code == code and not result.not_run}
    todo = [row for row in chosen if arguments.again or row.name not in done]
    print(f"{len(todo)} of {len(table)} rows to run, {arguments.jobs} at a time; logs are in {WORK}", flush=True)
    for row, result in _all_run(todo, arguments.jobs):
        results[row.name] = result
        print(f"{row.name}: {verdict(result)}", flush=True)
        _keep(results)
        _write(table, results)
    _write(table, results)
    return 1 if any(results[row.name].failed for row in chosen if row.name in results) else 0


def _write(table: Iterable[Row], results: Mapping[str, Result]) -> None:
    PAGE.write_text(page(table, results, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _all_run(todo: list[Row], jobs: int) -> Iterator[tuple[Row, Result]]:
    stopped = threading.Event()

    def run_unless_stopped(row: Row) -> tuple[Row, Result] | None:
        return None if stopped.is_set() else (row, run(row))

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for future in as_completed([pool.submit(run_unless_stopped, row) for row in todo]):
                if found := future.result():
                    yield found
        finally:
            stopped.set()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Stopped; finished rows are kept.")
