"""The commands and their options. What they do is imported when they are run, for that takes time and packages."""

from __future__ import annotations

import click

from midstream._cli.console.extras import require
from midstream._version import __version__

_PORT = click.IntRange(0, 65535)
_FAULTS_PORT = 8000


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
    from midstream._cli.demo.command import Wishes, run  # noqa: PLC0415 - the SDKs take a second to import

    context.exit(run(Wishes(as_json=as_json, only=only, metrics_port=port if serve else None, otlp=otlp)))


@app.command(context_settings={"allow_interspersed_args": False})
@click.option("--list", "only_list", is_flag=True, help="List the faults, and end.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=_PORT,
    default=None,
    show_default="8000, or a free one for COMMAND",
    help="The port to listen on; 0 takes a free one.",
)
@click.option("--script", metavar="SCRIPT", help="What the next requests get, one each: in_band,reset@4,ok")
@click.option("--mix", metavar="MIX", help="What a share of the requests gets: in_band=5%,reset=2%")
@click.option(
    "--for-model",
    "for_models",
    nargs=2,
    metavar="PATTERN PLAN",
    multiple=True,
    help="A script or a mix for the models like PATTERN: 'claude-haiku-*' in_band=5%. Can be given again.",
)
@click.option(
    "--for-key",
    "for_keys",
    nargs=2,
    metavar="ENDING PLAN",
    multiple=True,
    help="A script or a mix for the API keys with these last characters. Can be given again.",
)
@click.option("--repeat", is_flag=True, help="Scripts begin again after their last scenario.")
@click.option("--seed", type=int, help="Draw what was drawn with this number before.")
@click.option(
    "--latency", metavar="LATENCY", help="Before the first byte and between events: first=300ms,between=20ms..80ms"
)
@click.option(
    "--upstream",
    metavar="URL",
    help="Pass requests on, with the client's own key, and break answers on the way: https://api.anthropic.com",
)
@click.option("--log", metavar="FILE", help="Write what was done, as lines of JSON; - is stdout.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def faults(  # noqa: PLR0913 - one for each option
    context: click.Context,
    /,
    *,
    only_list: bool,
    host: str,
    port: int | None,
    script: str | None,
    mix: str | None,
    for_models: tuple[tuple[str, str], ...],
    for_keys: tuple[tuple[str, str], ...],
    repeat: bool,
    seed: int | None,
    latency: str | None,
    upstream: str | None,
    log: str | None,
    command: tuple[str, ...],
) -> None:
    """Serve a fake Messages API that fails the way the real one does, until Ctrl-C.

    The model of a request names its fault, unless --script, --mix or --for-... say what happens whatever the model is.
    With --upstream the answers are real ones, and some of them break on the way.

    With a COMMAND it serves as long as that runs: midstream faults --mix in_band=5% -- python app.py
    """
    from midstream._cli.faults.command import print_families, serve, serve_command  # noqa: PLC0415 - not needed for --help
    from midstream._cli.faults.options import Wishes  # noqa: PLC0415

    if only_list:
        print_families()
        return
    wishes = Wishes(
        host=host,
        port=port if port is not None else 0 if command else _FAULTS_PORT,
        upstream=upstream,
        script=script,
        mix=mix,
        for_models=for_models,
        for_keys=for_keys,
        latency=latency,
        repeat=repeat,
        seed=Wishes.any_seed() if seed is None else seed,
    )
    if command:
        context.exit(serve_command(wishes, log, command))
    serve(wishes, log)


@app.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON, and nothing else.")
@click.option("--no-call", is_flag=True, help="Make no call, so that nothing of it appears in your telemetry.")
@click.option(
    "--setup",
    metavar="MODULE:FUNCTION",
    help="The function of your application that sets OpenTelemetry up, if opentelemetry-instrument does not.",
)
@click.pass_context
def doctor(context: click.Context, /, *, as_json: bool, no_call: bool, setup: str | None) -> None:
    """Say why there is nothing on the boards: what is installed, patched, switched off, exported.

    To be run where the service runs, in its environment, alone or under opentelemetry-instrument. One call to a server
    on loopback fails on purpose: its span, metrics and log event go where the environment sends them, with the model
    midstream-doctor. The exit status is 1 if something is wrong.
    """
    require("rich")
    from midstream._cli.doctor.command import Wishes, run  # noqa: PLC0415 - as the other commands do

    context.exit(run(Wishes(as_json=as_json, call=not no_call, setup=setup)))


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
    from midstream._cli.dashboards.command import Wishes, manifests, run  # noqa: PLC0415 - as the other commands do
    from midstream._cli.dashboards.links import Links  # noqa: PLC0415

    links = Links.below(grafana_url=grafana_url, runbook_url=runbook_url)
    run(Wishes(folder, links, manifests(form, namespace, labels)))
