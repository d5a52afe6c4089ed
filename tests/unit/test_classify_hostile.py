"""Whatever `classify` is given: it never raises, and what it returns is bounded and can be exported."""

from __future__ import annotations

import itertools
import sys
from email.utils import format_datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NoReturn

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midstream._outcomes import Failure, Outcome, classify
from midstream._outcomes.redaction import without_quotes
from support.hostile import Agreeable, Explosive, LyingNumber, LyingText, Unfinished, assert_harmless, raising
from support.sdk_errors import body_of, http, http_error, in_band_error
from support.strategies import any_text, anything, api_like

if TYPE_CHECKING:
    from collections.abc import Callable


@given(anything)
def test_any_object(make: Callable[[], object]) -> None:
    assert_harmless(classify(make()))


@given(api_like)
def test_any_body_of_an_error_event(body: dict[str, Any]) -> None:
    failure = classify(body)
    assert_harmless(failure)
    assert failure.outcome is Outcome.IN_BAND_ERROR


ODD: Final[dict[str, Callable[[], object]]] = {
    "none": lambda: None,
    "int": lambda: 7,
    "float": lambda: 7.5,
    "bytes": lambda: b"7",
    "bool": lambda: True,
    "list": lambda: ["7"],
    "number": lambda: LyingNumber(7),
    "text": lambda: LyingText("7"),
    "explosive": Explosive,
    "object": object,
    "agreeable": Agreeable,
    "unfinished": Unfinished,
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
def test_a_header_that_is_not_text_gives_no_wait_or_a_bounded_one(name: str, make: Callable[[], object]) -> None:
    error: Any = http_error(429)
    error.response = SimpleNamespace(status_code=429, headers={name: make()})
    failure = classify(error)
    assert_harmless(failure)
    assert failure.retryable


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_objects_that_are_not_headers_give_no_wait(make: Callable[[], object]) -> None:
    error: Any = http_error(429)
    error.response = SimpleNamespace(status_code=429, headers=make())
    assert (classify(error).retry_after, classify(error).retryable) == (None, True)


@given(
    base=st.sampled_from([anthropic.APIStatusError, anthropic.APIError, anthropic.APIConnectionError, http.ReadError]),
    message=any_text,
    attributes=st.dictionaries(
        st.sampled_from(["body", "response", "status_code", "request_id", "type", "message", "__cause__", "args"]),
        anything,
    ),
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms", "x-should-retry"]),
        any_text | st.integers().map(str) | st.floats().map(str) | st.datetimes().map(format_datetime),
    ),
)
def test_an_exception_with_any_attributes(
    base: type[BaseException], message: str, attributes: dict[str, Callable[[], object]], headers: dict[str, Any]
) -> None:
    told = {name: make() for name, make in attributes.items()}
    response = SimpleNamespace(headers=headers, status_code=told.get("status_code"))
    kind: type[BaseException] = type("Odd", (base,), {"response": response, **told})
    error = kind.__new__(kind, message)
    assert_harmless(classify(error))


@pytest.mark.parametrize(
    "member",
    ["body", "response", "status_code", "request_id", "type", "__cause__", "__context__", "__traceback__", "__class__"],
)
@pytest.mark.parametrize("base", [anthropic.APIStatusError, anthropic.APIConnectionError, http.ReadError, ValueError])
def test_an_exception_whose_members_raise(member: str, base: type[BaseException]) -> None:
    kind: type[BaseException] = type("Odd", (base,), {member: property(raising)})
    assert_harmless(classify(kind.__new__(kind)))


@pytest.mark.parametrize(
    "member", ["__str__", "__repr__", "__getattr__", "__getattribute__", "__eq__", "__bool__", "__len__"]
)
@pytest.mark.parametrize("base", [anthropic.APIStatusError, anthropic.APIConnectionError, http.ReadError, ValueError])
def test_an_exception_whose_methods_raise(member: str, base: type[BaseException]) -> None:
    kind: type[BaseException] = type("Odd", (base,), {member: raising})
    assert_harmless(classify(kind.__new__(kind)))


@pytest.mark.parametrize("kind", [Agreeable, Unfinished], ids=["itself", "another each time"])
@pytest.mark.parametrize("base", [anthropic.APIStatusError, anthropic.APIConnectionError, http.ReadError, ValueError])
def test_an_exception_that_has_every_attribute_is_judged_by_its_class(
    base: type[BaseException], kind: type[Any]
) -> None:
    odd: type[BaseException] = type("Odd", (base,), {"__getattr__": kind.__getattr__})
    failure, plain = classify(odd.__new__(odd)), classify(base.__new__(base))
    assert_harmless(failure)
    assert (failure.outcome, failure.status_code, failure.leaked) == (plain.outcome, plain.status_code, plain.leaked)


def test_a_members_fault_hides_nothing_that_the_others_say() -> None:
    error: Any = in_band_error(body_of("overloaded_error"))
    error.response = error.request_id = Explosive()
    assert classify(error) == Failure(
        Outcome.IN_BAND_ERROR,
        "overloaded_error",
        status_code=529,
        reported_status_code=200,
        misreported=True,
        retryable=True,
        request_id="req_body",
        in_band_request_id="req_body",
        exception_type="anthropic.APIStatusError",
        message="No luck",
    )


@pytest.mark.parametrize("lie", [dict, ValueError, str, anthropic.APIStatusError])
def test_an_exception_that_lies_about_its_class_is_known_by_its_real_one(lie: type) -> None:
    kind: type[Exception] = type("Odd", (http.ReadError,), {"__class__": lie})
    kind.__module__ = "odd"
    failure = classify(kind.__new__(kind))
    assert (failure.outcome, failure.error_type) == (Outcome.TRANSPORT_ERROR, "odd.Odd")


def test_an_object_that_claims_to_be_an_exception_is_not_one() -> None:
    class Pretender:
        __class__ = ValueError  # type: ignore[assignment] # a lie

    assert classify(Pretender()) == Failure(Outcome.CLIENT_ERROR, "_OTHER")


@pytest.mark.parametrize("module", [None, 3, "", "x" * 500, "\n", "anthropic"])
def test_an_exception_class_with_an_odd_name(module: Any) -> None:
    kind: type[Exception] = type("Odd" * 100, (http.ReadError,), {"__module__": module})
    assert_harmless(classify(kind.__new__(kind, "x")))


def test_a_cycle_of_causes_ends() -> None:
    one, other = http.ReadError("one"), http.ReadError("other")
    one.__cause__, other.__cause__ = other, one
    failure = classify(one)
    assert_harmless(failure)
    assert failure.message == "other"


def test_a_chain_of_causes_without_end_is_followed_only_so_far() -> None:
    errors: list[BaseException] = [ValueError() for _ in range(5000)]
    errors.append(http.ReadError("too far away to matter"))
    for error, cause in itertools.pairwise(errors):
        error.__cause__ = cause
    first = errors[0]
    assert classify(first) == Failure(Outcome.CLIENT_ERROR, "ValueError", leaked=True, exception_type="ValueError")


def test_causes_that_are_not_exceptions_end_the_chain() -> None:
    kind: type[Exception] = type("Odd", (http.ReadError,), {"__cause__": Explosive()})
    assert classify(kind.__new__(kind)).outcome is Outcome.TRANSPORT_ERROR


class Endless:
    """An endless traceback."""

    tb_lineno = 1
    tb_frame = sys._getframe()

    @property
    def tb_next(self) -> Endless:
        return self


class OfEndlessKind(type):
    """Claims that a class has endless bases."""

    @property
    def __mro__(cls) -> Any:
        return itertools.repeat(object)


@pytest.mark.parametrize("base", [anthropic.APIConnectionError, http.ReadError])
def test_a_traceback_or_a_class_without_an_end_is_not_followed(base: type[BaseException]) -> None:
    kind: Any = OfEndlessKind("Odd", (base,), {"__traceback__": Endless()})
    assert classify(kind.__new__(kind)).outcome is classify(base.__new__(base)).outcome


def test_a_message_that_is_nothing_but_separators_is_searched_once() -> None:
    # A new search from each of them takes a quarter of an hour.
    assert without_quotes(" :" * 100_000) == " :" * 100_000


@pytest.mark.parametrize("depth", [10, 100_000])
def test_depth_and_size_of_a_body_do_not_matter(depth: int) -> None:
    deep: Any = {}
    for _ in range(depth):
        deep = {"error": deep}
    body = {"error": {"type": "x" * 10_000_000, "message": "y\n" * 10_000_000, "more": deep}}
    assert_harmless(classify(body))
    while deep:  # from the outside in, because recursion cannot free something that deep
        deep = deep["error"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_meant_for_the_application_is_not_swallowed(error: type[BaseException]) -> None:
    class Interrupted(Exception):  # noqa: N818 - a member of it interrupts
        @property
        def status_code(self) -> NoReturn:
            raise error

    with pytest.raises(error):
        classify(Interrupted())


@given(
    outcome=st.sampled_from(Outcome),
    error_type=any_text,
    status_code=st.none() | st.integers(0, 1000),
    request_id=st.none() | any_text,
    exception_type=st.none() | any_text,
    message=st.none() | any_text,
    leaked=st.booleans(),
)
def test_any_failure_is_one_line(**fields: Any) -> None:
    line = str(Failure(**fields))
    assert (len(line) <= 1024, len(line.splitlines()) <= 1) == (True, True)
    assert line.encode().decode() == line
