"""The commands and their options. A command is imported when it runs: that takes time and packages."""

# ruff: noqa: PLC0415 - for this reason

from __future__ import annotations

from random import SystemRandom
from typing import Any

import click

from midstream._cli.console.extras import require
from midstream._version import __version__

_PORT = click.IntRange(0, 65535)
_SEEDS = 1_000_000
_COMPLETION = 'Completion: eval "$(_MIDSTREAM_COMPLETE=bash_source midstream)"; also zsh_source and fish_source.'


def run() -> int:
    """Runs the command line of this process, and returns its exit status. Raises `KeyboardInterrupt` after Ctrl-C."""
    try:
        status: object = app.main(prog_name="midstream", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as aborted:
        raise KeyboardInterrupt from aborted
    return status if isinstance(status, int) else 0


def _complete_faults(_context: click.Context, _option: click.Parameter, typed: str) -> list[str]:
    from midstream.faults import EXAMPLES

    return [name for name in EXAMPLES if name.startswith(typed)]


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_COMPLETION)
@click.version_option(__version__, prog_name="midstream")
def app() -> None:
    """Midstream records how every call of the Anthropic SDK really ended."""


@app.command()
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON, and nothing else.")
@click.option(
    "--only",
    metavar="FAULT",
    multiple=True,
    shell_complete=_complete_faults,
    help="Run only this fault, such as reset@2. Can be given again. `midstream faults --list` lists them.",
)
@click.option("--serve", is_flag=True, help="Keep such calls coming and serve Prometheus metrics, until Ctrl-C.")
@click.option("--port", type=_PORT, default=9464, show_default=True, help="The port for --serve; 0 takes a free one.")
@click.option(
    "--otlp", metavar="URL", help="Export spans, metrics and log events over OTLP/HTTP: http://127.0.0.1:4318."
)
@click.pass_context
def demo(context: click.Context, /, **options: Any) -> None:
    """Run the real SDK through every fault, and compare what it reported with what really happened.

    Needs no API key and no network but loopback. The exit status is 0 if midstream recorded every call correctly.
    """
    require("anthropic", "rich", "opentelemetry.sdk")
    if options["serve"]:
        require("opentelemetry.exporter.prometheus")
    if options["otlp"] is not None:
        require("opentelemetry.exporter.otlp.proto.http")
    from midstream._cli.demo.command import DemoOptions, run

    context.exit(run(DemoOptions(**options)))


@app.command(context_settings={"allow_interspersed_args": False})
@click.option("--list", "only_list", is_flag=True, help="List the faults, and exit.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=_PORT,
    show_default="8000, or a free one for COMMAND",
    help="The port to listen on; 0 takes a free one.",
)
@click.option("--script", metavar="SCRIPT", help="What happens to the next requests, in order: in_band,reset@4,ok")
@click.option("--mix", metavar="MIX", help="What happens to a share of the requests: in_band=5%,reset=2%")
@click.option(
    "--for-model",
    "for_models",
    nargs=2,
    metavar="PATTERN PLAN",
    multiple=True,
    help="A script or a mix for the models that match PATTERN: 'claude-haiku-*' in_band=5%. Can be given again.",
)
@click.option(
    "--for-key",
    "for_keys",
    nargs=2,
    metavar="ENDING PLAN",
    multiple=True,
    help="A script or a mix for the API keys with these last characters. Can be given again.",
)
@click.option("--repeat", is_flag=True, help="Scripts start over after their last scenario.")
@click.option(
    "--seed", type=int, default=lambda: SystemRandom().randrange(_SEEDS), help="Draw the same as before with this seed."
)
@click.option(
    "--latency", metavar="LATENCY", help="Before the first byte and between events: first=300ms,between=20ms..80ms"
)
@click.option(
    "--upstream",
    metavar="URL",
    help="Forward requests, with the client's own key, and break responses on the way: https://api.anthropic.com",
)
@click.option("--log", metavar="FILE", help="Write a line of JSON for each request; - is stdout.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def faults(context: click.Context, /, **options: Any) -> None:
    """Serve a fake Messages API that fails the way the real one does, until Ctrl-C.

    The model of a request names its fault, unless --script, --mix or --for-... decide what happens whatever the model
    is. With --upstream the responses are real ones, and some of them break on the way.

    With a COMMAND it serves until that ends: midstream faults --mix in_band=5% -- python app.py
    """
    from midstream._cli.faults.command import run
    from midstream._cli.faults.options import FaultsOptions

    context.exit(run(FaultsOptions(**options)))


@app.command(context_settings={"allow_interspersed_args": False})
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, and nothing else.")
@click.option("--lines", is_flag=True, help="Print lines instead of drawing a screen; COMMAND keeps the terminal.")
@click.option(
    "--log", metavar="FILE", help="Write the output of COMMAND into FILE. Without it, a screen needs a temporary one."
)
@click.option("--quiet", is_flag=True, help="Drop the output of COMMAND.")
@click.option(
    "--port",
    type=_PORT,
    show_default="4318, or a free one for COMMAND",
    help="The port of the OTLP receiver on loopback; 0 takes a free one.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def watch(context: click.Context, /, **options: Any) -> None:
    """Show every call of a program live, and how it really ended.

    midstream watch -- python app.py

    The exit status and the signals of COMMAND pass through, and a summary follows on stderr. The program must have
    midstream in its environment; its own telemetry stays as it is. Without a COMMAND, it listens for services that run
    elsewhere on this machine, until Ctrl-C.
    """
    require("rich", "opentelemetry.proto")
    from midstream._cli.watch.command import WatchOptions, run

    context.exit(run(WatchOptions(**options)))


@app.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON, and nothing else.")
@click.option("--no-call", is_flag=True, help="Make no call, so that nothing of it appears in your telemetry.")
@click.option(
    "--setup",
    metavar="MODULE:FUNCTION",
    help="The function of your application that sets OpenTelemetry up, if opentelemetry-instrument does not.",
)
@click.pass_context
def doctor(context: click.Context, /, **options: Any) -> None:
    """Find out why the boards are empty: what is installed, patched, switched off, exported.

    Run it where the service runs, in its environment, and start it as the service is started: opentelemetry-instrument
    midstream doctor. One call to a server on
    loopback fails on purpose: its span, metrics and log event go where the environment sends them, with the model
    midstream-doctor. The exit status is 1 if something is wrong.
    """
    require("rich", extra="doctor")
    from midstream._cli.doctor.command import run

    context.exit(run(**options))


@app.group()
def dashboards() -> None:
    """Grafana boards, Prometheus rules and runbooks for what midstream records."""


@dashboards.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "--format",
    "form",
    type=click.Choice(("files", "kubernetes", "kustomize", "helm")),
    default="files",
    show_default=True,
    help="kubernetes: PrometheusRules for the Prometheus operator and ConfigMaps for Grafana's sidecar. "
    "kustomize: the same with a kustomization. helm: the same as the templates of a chart.",
)
@click.option("--grafana-url", metavar="URL", help="The URL of your Grafana, for the links from alerts to boards.")
@click.option(
    "--runbook-url", metavar="URL", help="Where you publish DIR, for the links from alerts to runbooks/NAME.md in it."
)
@click.option(
    "--by",
    metavar="LABELS",
    help="The labels that identify a service, such as cluster,namespace,job. "
    "Default: job, service_name and, where present, the deployment environment and the namespace.",
)
@click.option(
    "--objective", metavar="PERCENT", show_default="99", help="The share of calls that must not fail, such as 99.5."
)
@click.option(
    "--window", metavar="DAYS", show_default="30d", help="The time for which the error budget is given, such as 28d."
)
@click.option(
    "--prices",
    "prices_file",
    metavar="FILE",
    help="JSON with what a million tokens cost, for the panel Money lost: "
    '{"claude-sonnet-*": {"input": 1, "output": 2}}',
)
@click.option("--namespace", metavar="NAME", help="The namespace of the objects. Default: where they are applied.")
@click.option(
    "--label",
    "labels",
    metavar="KEY=VALUE",
    multiple=True,
    help="A label for each object, as the operator's ruleSelector may require: release=prometheus. Can be given again.",
)
@click.option("--force", is_flag=True, help="Write into DIR even if no export wrote it, or if it was edited since.")
def export(**options: Any) -> None:
    """Write boards, rules and runbooks into DIR: all of them or, if that fails, none.

    DIR must be empty, or not exist yet in a folder that does, or have been written by an earlier export: then it is
    updated, and what has changed is listed. Without the URLs the links of the alerts stay relative.
    """
    from midstream._cli.dashboards.command import ExportOptions, run

    run(ExportOptions(**options))
