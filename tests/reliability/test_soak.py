"""Many calls of mixed faults and lifecycles, sync, async and on threads: each is recorded once, and nothing is left.

Growth is judged between rounds of the same calls, so the machine's load does not matter.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final

import pytest

from midstream._outcomes import Outcome
from reliability.soak import SHAPES, WARM_UP, Round, soak
from support.clients import HAS_OWN_SPANS

pytestmark = [
    pytest.mark.timeout(2 * 60 * 60),
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="file descriptors are counted in /proc"),
]

QUICK, FULL, LONG = (100, 5, 1), (300, 5, 3), (100_000, 20, len(SHAPES))
"""How many calls there are, in how many rounds, of how many shapes: by default, with `--full`, with `--long`."""

PATIENCE: Final = {False: 600.0, True: 2 * 60 * 60.0}

MAX_TRACED = 24 * 1024
MAX_TRACED_PER_CALL = 128 if sys.version_info >= (3, 11) else MAX_TRACED
"""The bytes that a round may leave behind at midstream's lines. What CPython keeps of freed objects grows with the
first thousands of calls, and no further: the smallest object of a call has 200 bytes. Python 3.10 also keeps a frame
of each function."""

OF_THE_SDK: Final[set[str]] = (
    set() if HAS_OWN_SPANS else {"anthropic._utils._transform.PropertyInfo", "builtins.tuple", "typing._AnnotatedAlias"}
)
"""Types that the old SDK accumulates with every call of `stream()`, also without midstream."""

if OF_THE_SDK and sys.version_info < (3, 11):
    OF_THE_SDK.add("builtins.dict")  # of the instances of these

CALLS_FOR_ONE_UNCONNECTED: Final = 20_000

MAX_RESIDENT: Final = 32 * 1024 * 1024


@pytest.fixture(scope="module")
def size(full: bool, long: bool) -> tuple[int, int, int]:
    return LONG if long else FULL if full else QUICK


@pytest.fixture(scope="module")
def rounds(long: bool, size: tuple[int, int, int]) -> list[Round]:
    found = soak(*size, PATIENCE[long])
    print(f"\n{summary(found)}")  # noqa: T201 - with --long, the summary is the result
    return found


def shapes(rounds: list[Round]) -> dict[str, list[Round]]:
    return {shape: list(those) for shape, those in groupby(rounds, lambda one: one.shape)}


def summary(rounds: list[Round]) -> str:
    outcomes: Counter[str] = Counter()
    for one in rounds:
        outcomes.update(one.counted)
    calls = f"{sum(one.calls for one in rounds):,} calls in {len(rounds)} rounds"
    lines = [f"{calls}: {', '.join(f'{count:,} {outcome}' for outcome, count in outcomes.most_common())}"]
    for shape, those in shapes(rounds).items():
        first, last = those[WARM_UP - 1].census, those[-1].census
        held = f"objects {sum(first.objects.values()):,} -> {sum(last.objects.values()):,}"
        files = f"descriptors {first.descriptors} -> {last.descriptors}, threads {first.threads} -> {last.threads}"
        memory = f"resident {first.resident >> 20} -> {last.resident >> 20} MiB"
        ours = f"ours {last.traced - those[-2].census.traced:+,} B in the last {those[-1].calls:,} calls"
        lines.append(f"{shape}: {sum(one.calls for one in those):,} calls; {held}, {files}, {memory}, {ours}")
    return "\n".join(lines)


def _ours(one: Round) -> dict[str, int]:
    return {name: count for name, count in one.census.objects.items() if name.startswith("midstream.")}


def growing(those: list[Round]) -> set[str]:
    """The types whose number grew in every round."""
    counts = [one.census.objects for one in those[WARM_UP - 1 :]]
    every = counts[-1].keys() - OF_THE_SDK
    return {name for name in every if all(a.get(name, 0) < b.get(name, 0) for a, b in pairwise(counts))}


def test_it_has_every_shape_and_as_many_calls_as_it_says(rounds: list[Round], size: tuple[int, int, int]) -> None:
    streams, times, kinds = size
    assert sum(one.calls for one in rounds) >= streams
    assert Counter(one.shape for one in rounds) == dict.fromkeys(map(str, SHAPES[:kinds]), times)


def never_connected(one: Round) -> Counter[str]:
    """By model, the calls that should break in their stream, and are recorded as without a connection.

    Of a hundred thousand, one has met that on loopback.
    """
    broken, unconnected = f" {Outcome.TRANSPORT_ERROR.value}", f" {Outcome.CONNECTION_ERROR.value}"
    more = Counter(one.spans) - Counter(one.expected)
    less = Counter(one.expected) - Counter(one.spans)
    models = {told.removesuffix(unconnected): count for told, count in more.items() if told.endswith(unconnected)}
    return Counter({model: min(count, less[model + broken]) for model, count in models.items()})


def test_every_call_is_recorded_on_one_span_with_its_own_outcome(rounds: list[Round]) -> None:
    for one in rounds:
        expected = Counter(one.expected)
        for model, count in never_connected(one).items():
            expected[f"{model} {Outcome.TRANSPORT_ERROR.value}"] -= count
            expected[f"{model} {Outcome.CONNECTION_ERROR.value}"] += count
        assert one.spans == +expected, (one.shape, one.number)
        assert one.strangers == 0
        assert sum(one.spans.values()) == one.calls
    calls = sum(one.calls for one in rounds)
    assert sum(never_connected(one).total() for one in rounds) <= calls // CALLS_FOR_ONE_UNCONNECTED


def test_the_metrics_count_what_the_spans_report(rounds: list[Round]) -> None:
    for one in rounds:
        outcomes: Counter[str] = Counter()
        for told, count in one.spans.items():
            outcomes[told.rpartition(" ")[2]] += count
        assert one.counted == outcomes, (one.shape, one.number)
        assert one.active == 0
        assert one.faults == 0


def test_there_is_a_log_event_and_a_counted_error_for_each_failure_and_no_other(rounds: list[Round]) -> None:
    assert [(one.logs, one.errors) for one in rounds] == [(one.failures, one.failures) for one in rounds]


def test_every_connection_is_given_back(rounds: list[Round]) -> None:
    assert {tuple(one.pool) for one in rounds} == {("idle",)}
    left = {str(shape): 1 if shape.shared else 0 for shape in SHAPES}
    assert [(one.shape, one.connections) for one in rounds] == [(one.shape, left[one.shape]) for one in rounds]


def test_no_object_of_ours_is_left_behind(rounds: list[Round]) -> None:
    for shape, those in shapes(rounds).items():
        first, last = (_ours(one) for one in (those[WARM_UP - 1], those[-1]))
        assert first == last, shape


def test_no_type_of_object_has_more_after_every_round(rounds: list[Round]) -> None:
    assert {shape: growing(those) for shape, those in shapes(rounds).items()} == {
        shape: set() for shape in shapes(rounds)
    }


def test_neither_file_descriptors_nor_threads_are_more_after_every_round(rounds: list[Round]) -> None:
    for shape, those in shapes(rounds).items():
        held = [one.census for one in those[WARM_UP - 1 :]]
        assert not all(a.descriptors < b.descriptors for a, b in pairwise(held)), shape
        assert not all(a.threads < b.threads for a, b in pairwise(held)), shape
        # Those of the loop's executor come and go.
        assert held[-1].descriptors <= held[0].descriptors, shape


def test_no_memory_of_ours_is_left_behind(rounds: list[Round]) -> None:
    for shape, those in shapes(rounds).items():
        more = those[-1].census.traced - those[-2].census.traced
        assert more <= min(MAX_TRACED_PER_CALL * those[-1].calls, MAX_TRACED), shape


def test_the_process_does_not_grow(rounds: list[Round], long: bool) -> None:
    if not long:
        pytest.skip("a few calls say nothing about the memory of a process; --long makes many")
    for shape, those in shapes(rounds).items():
        assert those[-1].census.resident - those[WARM_UP - 1].census.resident <= MAX_RESIDENT, shape
