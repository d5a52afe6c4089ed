"""The boards and rules on metrics that came over OTLP: they have no `job` there, and other names for their scope.

The store is VictoriaMetrics, as Debian's Prometheus has no OTLP receiver, and its vmalert evaluates the rules.
`make test-otlp` fetches both and runs this.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from dashboards.prometheus import Store
from dashboards.shipped import faster_rules, shown_panels, variables
from support.commands import midstream_running
from support.programs import eventually, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_FOLDER: Final = "VICTORIA_METRICS"
"""The environment variable with the folder that the package is unpacked in."""
_LISTENS: Final = r"started server at http://(\S+?)/"
_ANY_PORT: Final = "-httpListenAddr=127.0.0.1:0"
_PATIENCE_SECONDS: Final = 240.0

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(_FOLDER not in os.environ, reason="`make test-otlp` has the store that this needs"),
]


@contextmanager
def store(directory: Path) -> Generator[Store]:
    command = (
        _program("victoria-metrics"),
        f"-storageDataPath={directory / 'store'}",
        "-opentelemetry.usePrometheusNaming",
        "-search.latencyOffset=1s",  # new samples are visible immediately
        _ANY_PORT,
    )
    with serving(command, directory / "store.log", _LISTENS) as url:
        yield Store(url)


@contextmanager
def rules(directory: Path, of: Store) -> Generator[Store]:
    """vmalert with the rules: an API that has alerts, and no metrics."""
    command: tuple[str | Path, ...] = (
        _program("vmalert"),
        *(f"-rule={path}" for path in faster_rules(directory)),
        f"-datasource.url={of.url}",
        f"-remoteWrite.url={of.url}",
        "-remoteWrite.flushInterval=1s",
        "-notifier.blackhole",
        "-evaluationInterval=1s",
        _ANY_PORT,
    )
    with serving(command, directory / "vmalert.log", _LISTENS) as url:
        yield Store(url)


def _program(name: str) -> Path:
    return Path(os.environ[_FOLDER], "usr", "bin", name)


def the_variables_have_values_but_for_the_job(metrics: Store) -> None:
    found = {name: metrics.values_of(label, selector) for name, selector, label in variables()}
    assert found.pop("job") == set()
    assert found["service"] == {"midstream-demo"}
    assert all(found.values()), found


def every_panel_moves(metrics: Store) -> None:
    still = [str(shown) for shown in shown_panels() if not shown.moves(shown.answers(metrics))]
    empty = [str(shown) for shown in shown_panels() if not all(shown.answers(metrics))]
    assert (still, empty) == ([], [])


def no_rule_has_a_fault(evaluated: Store) -> None:
    found: list[Any] = [rule for group in evaluated.get("rules")["groups"] for rule in group["rules"]]
    assert found
    assert [rule for rule in found if rule["health"] != "ok" or rule["lastError"]] == []


def an_alert_fires_without_a_job(evaluated: Store) -> None:
    wanted = ("MidstreamAccessDenied", "authentication_error")
    alerts = [
        alert
        for alert in evaluated.get("alerts")["alerts"]
        if (alert["name"], alert["labels"].get("error_type")) == wanted
    ]
    assert len(alerts) == 1
    alert = alerts[0]
    assert alert["state"] == "firing"
    assert alert["labels"]["service_name"] == "midstream-demo"
    assert "job" not in alert["labels"]
    assert "var-service=midstream-demo" in alert["annotations"]["dashboard_url"]
    assert "var-job" not in alert["annotations"]["dashboard_url"]


def test_every_panel_returns_data_of_a_store_that_was_pushed_to(tmp_path: Path, subtests: pytest.Subtests) -> None:
    def proves(claim: Callable[..., None], of: Store) -> None:
        with subtests.test(claim.__name__):
            eventually(partial(claim, of), until)

    with store(tmp_path) as metrics, rules(tmp_path, metrics) as evaluated:
        pushes = ("demo", "--serve", "--port", "0", "--otlp", f"{metrics.url}/opentelemetry")
        with midstream_running(*pushes, OTEL_METRIC_EXPORT_INTERVAL="1000", MIDSTREAM_ERRORS="corrected") as demo:
            demo.read_until("Ctrl-C stops.")
            until = time.monotonic() + _PATIENCE_SECONDS
            proves(the_variables_have_values_but_for_the_job, metrics)
            proves(an_alert_fires_without_a_job, evaluated)
            proves(every_panel_moves, metrics)
            proves(no_rule_has_a_fault, evaluated)
