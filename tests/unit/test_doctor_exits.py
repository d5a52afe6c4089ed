"""What `midstream doctor` reports of processes that end without their exit handlers, or are frozen."""

from __future__ import annotations

from pathlib import Path

import pytest

from midstream._cli.doctor.exits import exits
from midstream._cli.doctor.findings import Finding, Health, Subject

EXAMPLES = Path(__file__).parents[2] / "examples"


def found(*modules: str, **environment: str) -> Finding:
    (finding,) = exits(environment, modules.__contains__)
    assert (finding.subject, finding.verdict) == (Subject.LAST_TELEMETRY, Health.OK)
    return finding


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
def test_a_known_runner_is_named_with_a_remedy_and_an_example(
    modules: tuple[str, ...], environment: dict[str, str], named: str, example: str, what: str
) -> None:
    finding = found(*modules, **environment)
    assert named in finding.message
    assert finding.remedy is not None
    assert f"(examples/{example})" in finding.remedy
    assert what in finding.remedy
    assert (EXAMPLES / example / "README.md").is_file()


def test_all_runners_are_in_one_finding() -> None:
    finding = found("celery", "uvicorn", AWS_LAMBDA_FUNCTION_NAME="answers")
    assert finding.message.count("; ") == 2
    assert finding.remedy is not None
    assert finding.remedy.count("; ") == 2


@pytest.mark.parametrize("modules", [(), ("gunicorn",)])
def test_where_exit_handlers_run_there_is_no_remedy(modules: tuple[str, ...]) -> None:
    assert found(*modules, AWS_LAMBDA_FUNCTION_NAME="").remedy is None
