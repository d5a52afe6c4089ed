"""The commands and their options. What they do is imported when they are run, for that takes time and packages."""

from __future__ import annotations

import click

from midstream.cli.extras import require
from midstream.version import __version__

__all__ = ("app",)

_PORT = click.IntRange(0, 65535)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="midstream")
def app() -> None:
    """Midstream tells how every call of the Anthropic SDK really ended."""


@app.command()
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON, and nothing else.")
@click.option(
    "--only",
    metavar="FAULT",
    multiple=True,
    help="Run this one and no other, or these if given again: reset@2. `midstream faults --list` has them all.",
)
@click.option("--serve", is_flag=True, help="Go on with such traffic and serve Prometheus metrics, until Ctrl-C.")
@click.option("--port", type=_PORT, default=9464, show_default=True, help="The port for --serve; 0 takes a free one.")
@click.option(
    "--otlp", metavar="URL", help="Export spans, metrics and log events over OTLP/HTTP: http://127.0.0.1:4318."
)
@click.pass_context
def demo(  # noqa: PLR0913 - one for each option
    context: click.Context, /, *, as_json: bool, only: tuple[str, ...], serve: bool, port: int, otlp: str | None
) -> None:
    """Run the real SDK through every fault, and show what it said beside what really happened.

    Needs no API key and no network but loopback. The exit status is 0 if every fault was told as it should be.
    """
    require("anthropic", "rich", "opentelemetry.sdk")
    if serve:
        require("opentelemetry.exporter.prometheus")
    if otlp is not None:
        require("opentelemetry.exporter.otlp.proto.http")
    from midstream.cli.demo import Wishes, run  # noqa: PLC0415 - the SDKs take a second to import

    context.exit(run(Wishes(as_json=as_json, only=only, metrics_port=port if serve else None, otlp=otlp)))


@app.command()
@click.option("--list", "only_list", is_flag=True, help="List the faults, and end.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=_PORT, default=8000, show_default=True, help="The port to listen on; 0 takes a free one.")
def faults(*, only_list: bool, host: str, port: int) -> None:
    """Serve a fake Messages API that fails the way the real one does, until Ctrl-C."""
    from midstream.cli.faults import print_families, serve  # noqa: PLC0415 - asyncio is not needed for --help

    if only_list:
        print_families()
    else:
        serve(host, port)


@app.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON, and nothing else.")
@click.option("--call/--no-call", default=True, help="Whether to make one call that fails, to see where it is told.")
@click.option(
    "--setup",
    metavar="MODULE:FUNCTION",
    help="The function of your application that sets OpenTelemetry up, if opentelemetry-instrument does not.",
)
@click.pass_context
def doctor(context: click.Context, /, *, as_json: bool, call: bool, setup: str | None) -> None:
    """Say why there is nothing on the boards: what is installed, patched, switched off, exported.

    To be run where the service runs, in its environment, alone or under opentelemetry-instrument. One call to a server
    on loopback fails on purpose: its span, metrics and log event go where the environment sends them, with the model
    midstream-doctor. The exit status is 1 if something is wrong.
    """
    require("rich")
    from midstream.cli.doctor import Wishes, run  # noqa: PLC0415 - as the other commands do

    context.exit(run(Wishes(as_json=as_json, call=call, setup=setup)))


@app.group()
def dashboards() -> None:
    """Grafana boards, Prometheus rules and runbooks for what midstream records."""


@dashboards.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "--format",
    "form",
    type=click.Choice(("files", "kubernetes")),
    default="files",
    show_default=True,
    help="kubernetes: PrometheusRules for the Prometheus operator and ConfigMaps for Grafana's sidecar.",
)
@click.option("--grafana-url", metavar="URL", help="Where your Grafana is, for the links from alerts to boards.")
@click.option(
    "--runbook-url", metavar="URL", help="Where you publish DIR, for the links from alerts to runbooks/NAME.md in it."
)
@click.option("--namespace", metavar="NAME", help="The namespace of the objects; without, where they are applied.")
@click.option(
    "--label",
    "labels",
    metavar="KEY=VALUE",
    multiple=True,
    help="A label for each object, as the operator's ruleSelector may want it: release=prometheus. Can be given again.",
)
def export(  # noqa: PLR0913 - one for each option
    *,
    folder: str,
    form: str,
    grafana_url: str | None,
    runbook_url: str | None,
    namespace: str | None,
    labels: tuple[str, ...],
) -> None:
    """Write boards, rules and runbooks into DIR, all of them or, if that fails, none.

    DIR must be empty, or not exist yet in a folder that does. Without the URLs the links of the alerts stay relative.
    """
    from midstream.cli.dashboards import Wishes, manifests, run  # noqa: PLC0415 - as the other commands do
    from midstream.cli.dashboards_links import Links  # noqa: PLC0415

    links = Links.below(grafana_url=grafana_url, runbook_url=runbook_url)
    run(Wishes(folder, links, manifests(form, namespace, labels)))
