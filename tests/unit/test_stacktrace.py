"""Stack traces that quote no data."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from midstream._telemetry.stacktrace import stacktrace

SECRET = "the prompt"  # noqa: S105 - no password: a text that must not be quoted


class Refused(Exception):  # noqa: N818 - named for what it means
    pass


def inner() -> NoReturn:
    raise Refused(SECRET)


def outer() -> NoReturn:
    try:
        inner()
    except Refused as error:
        message = f"{SECRET} again"
        raise ValueError(message) from error


def caught(function: Any) -> BaseException:
    with pytest.raises((Refused, ValueError)) as raised:
        function()
    return raised.value


def lines_from(trace: str, function: str) -> list[str]:
    return [line for line in trace.splitlines() if line.endswith(f", in {function}")]


def test_a_trace_has_files_lines_and_functions_and_ends_with_the_class() -> None:
    trace = stacktrace(caught(inner))
    assert trace.splitlines()[0] == "Traceback (most recent call last):"
    assert lines_from(trace, "inner") == [f'  File "{__file__}", line {inner.__code__.co_firstlineno + 1}, in inner']
    assert trace.splitlines()[-1] == f"{__name__}.Refused"


def test_a_trace_quotes_neither_a_source_line_nor_a_message() -> None:
    trace = stacktrace(caught(outer))
    assert [text for text in (SECRET, "raise ", "match") if text in trace] == []


def test_causes_come_first_as_python_orders_them() -> None:
    parts = stacktrace(caught(outer)).split(
        "\nThe above exception was the direct cause of the following exception:\n\n"
    )
    assert [part.splitlines()[-1] for part in parts] == [f"{__name__}.Refused", "ValueError"]
    assert [len(lines_from(part, "inner")) for part in parts] == [1, 0]


def test_what_was_being_handled_is_left_out() -> None:
    def handling() -> NoReturn:
        try:
            inner()
        except Refused:
            raise ValueError(SECRET)  # noqa: B904 - the missing cause is the point

    assert "Refused" not in stacktrace(caught(handling))


def test_an_exception_that_was_never_raised_has_its_class_only() -> None:
    assert stacktrace(ValueError(SECRET)) == "Traceback (most recent call last):\nValueError\n"


def test_a_deep_recursion_is_cut_to_its_innermost_frames() -> None:
    def deep(depth: int) -> NoReturn:
        if depth == 0:
            inner()
        deep(depth - 1)

    trace = stacktrace(caught(lambda: deep(200)))
    assert (len(lines_from(trace, "deep")), len(lines_from(trace, "inner"))) == (63, 1)


def test_a_long_chain_of_causes_is_cut_to_the_outermost_ones() -> None:
    first = error = ValueError(0)
    for number in range(1, 100):
        error.__cause__ = ValueError(number)
        error = error.__cause__
    assert stacktrace(first).count("ValueError\n") == 8


def test_a_cycle_of_causes_is_recorded_once() -> None:
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    assert stacktrace(one) == (
        "Traceback (most recent call last):\nKeyError\n"
        "\nThe above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\nValueError\n"
    )


def test_a_source_file_that_is_gone_does_not_matter() -> None:
    scope: dict[str, Any] = {}
    exec(compile("def gone():\n    raise ValueError\n", "/nowhere/gone.py", "exec"), scope)  # noqa: S102 - code without a file
    assert lines_from(stacktrace(caught(scope["gone"])), "gone") == ['  File "/nowhere/gone.py", line 2, in gone']


def test_a_trace_can_be_encoded_and_is_bounded_whatever_files_and_functions_are_called() -> None:
    namespace: dict[str, Any] = {}
    code = compile("def inner(): raise ValueError", "\udcff/" + "x" * 5000, "exec")
    exec(code, namespace)  # noqa: S102 - the way to a function in a file with an odd name
    inner = namespace["inner"]
    inner.__code__ = inner.__code__.replace(co_name="odd \ud800\x00" + "y" * 5000)
    trace = stacktrace(caught(inner))
    assert trace.encode().decode() == trace
    assert (len(trace) < 3000, "\x00" in trace) == (True, False)
