"""Whether this environment ends or freezes processes without running their exit handlers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from midstream._cli.doctor.findings import Finding, Subject
from midstream._guard import attempt


@dataclass(frozen=True)
class _Runner:
    """What runs programs. It is here if one of the modules can be imported, or one of the variables is set."""

    does: str
    remedy: str | None
    modules: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


_RUNNERS: Final = (
    _Runner(
        "Celery ends its worker processes without exit handlers",
        "with Celery, set up in worker_process_init and force_flush() in worker_process_shutdown (examples/celery)",
        modules=("celery", "billiard"),
    ),
    _Runner(
        "uvicorn, also under gunicorn, ends without exit handlers on SIGTERM",
        "with uvicorn, force_flush() in the shutdown of the lifespan (examples/uvicorn)",
        modules=("uvicorn", "uvicorn_worker"),
    ),
    _Runner("gunicorn's own workers run their exit handlers", None, modules=("gunicorn",)),
    _Runner(
        "AWS Lambda freezes the process after each invocation",
        "in Lambda, force_flush() at the end of each invocation (examples/aws_lambda)",
        variables=("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API"),
    ),
)


def _is_importable(module: str) -> bool:
    return attempt(find_spec, module) is not None


def exits(
    environment: Mapping[str, str] = os.environ, is_importable: Callable[[str], bool] = _is_importable
) -> Iterator[Finding]:
    """What may lose the last telemetry here, and how to keep it. Whether the application does so is unknown."""
    found = [
        runner
        for runner in _RUNNERS
        if any(map(environment.get, runner.variables)) or any(map(is_importable, runner.modules))
    ]
    message = "; ".join(runner.does for runner in found) or "neither Celery, uvicorn, gunicorn nor AWS Lambda is here"
    remedy = "; ".join(runner.remedy for runner in found if runner.remedy) or None
    yield Subject.LAST_TELEMETRY.ok(message, remedy)
