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
@click.option("--serve", is_flag=True, help="Go on with mixed traffic and serve Prometheus metrics, until Ctrl-C.")
@click.option("--port", type=_PORT, default=9464, show_default=True, help="The port for --serve; 0 takes a free one.")
@click.option(
    "--otlp", metavar="URL", help="Export spans, metrics and log events over OTLP/HTTP: http://127.0.0.1:4318."
)
@click.pass_context
def demo(context: click.Context, /, *, as_json: bool, serve: bool, port: int, otlp: str | None) -> None:
    """Run the real SDK through every fault, and show what it said beside what really happened.

    Needs no API key and no network but loopback. The exit status is 0 if every fault was told as it should be.
    """
    require("anthropic", "rich", "opentelemetry.sdk")
    if serve:
        require("opentelemetry.exporter.prometheus")
    if otlp is not None:
        require("opentelemetry.exporter.otlp.proto.http")
    from midstream.cli.demo import Wishes, run  # noqa: PLC0415 - the SDKs take a second to import

    context.exit(run(Wishes(as_json=as_json, metrics_port=port if serve else None, otlp=otlp)))


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
