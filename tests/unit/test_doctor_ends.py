"""What `midstream doctor` says of processes that end without their exit handlers, or are frozen."""

from __future__ import annotations

from pathlib import Path

import pytest

from midstream._cli.doctor_ends import ends
from midstream._cli.doctor_findings import Finding, Health, Subject

EXAMPLES = Path(__file__).parents[2] / "examples"


def found(*modules: str, **environment: str) -> Finding:
    (one,) = ends(environment, modules.__contains__)
    assert (one.subject, one.verdict) == (Subject.LAST_TELEMETRY, Health.OK)
    return one


@pytest.mark.parametrize(
    ("modules", "environment", "named", "example", "what"),
    [
        (("celery",), {}, "Celery", "celery", "worker_process_shutdown"),
        (("billiard",), {}, "Celery", "celery", "worker_process_shutdown"),
        (("uvicorn",), {}, "uvicorn", "uvicorn", "lifespan"),
        (("gunicorn", "uvicorn_worker"), {}, "uvicorn", "uvicorn", "lifespan"),
        ((), {"AWS_LAMBDA_FUNCTION_NAME": "answers"}, "AWS Lambda", "aws_lambda", "each invocation"),
    ],
)
def test_what_is_recognized_is_named_with_what_to_do_and_an_example(
    modules: tuple[str, ...], environment: dict[str, str], named: str, example: str, what: str
) -> None:
    one = found(*modules, **environment)
    assert named in one.message
    assert one.remedy is not None
    assert f"(examples/{example})" in one.remedy
    assert what in one.remedy
    assert (EXAMPLES / example / "README.md").is_file()


def test_all_that_is_there_is_reported_in_one_finding() -> None:
    one = found("celery", "uvicorn", AWS_LAMBDA_FUNCTION_NAME="answers")
    assert one.message.count("; ") == 2
    assert one.remedy is not None
    assert one.remedy.count("; ") == 2


@pytest.mark.parametrize("modules", [(), ("gunicorn",)])
def test_where_exit_handlers_run_there_is_nothing_to_do(modules: tuple[str, ...]) -> None:
    assert found(*modules, AWS_LAMBDA_FUNCTION_NAME="").remedy is None
