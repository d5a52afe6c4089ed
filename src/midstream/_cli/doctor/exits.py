"""Whether what runs the service here ends or freezes its processes without their exit handlers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from midstream._cli.doctor.findings import Finding, Health, Subject
from midstream._guard import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class _Runner:
    """What runs programs: known by modules that can be imported, or by variables of the environment."""

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
    _Runner("gunicorn lets its own workers run theirs", None, modules=("gunicorn",)),
    _Runner(
        "AWS Lambda freezes the process after each invocation",
        "in Lambda, force_flush() at the end of each invocation (examples/aws_lambda)",
        variables=("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API"),
    ),
)


def _can_be_imported(module: str) -> bool:
    return attempt(find_spec, module) is not None


def ends(
    environment: Mapping[str, str] = os.environ, there: Callable[[str], bool] = _can_be_imported
) -> Iterator[Finding]:
    """What is known here to lose the last telemetry, and what keeps it. Whether the application does that is not known.

    `there` says whether a module can be imported.
    """
    found = [one for one in _RUNNERS if any(map(environment.get, one.variables)) or any(map(there, one.modules))]
    message = "; ".join(one.does for one in found) or "neither Celery, uvicorn, gunicorn nor AWS Lambda is here"
    remedy = "; ".join(one.remedy for one in found if one.remedy) or None
    yield Finding(Subject.LAST_TELEMETRY, Health.OK, message, remedy)
