"""`midstream faults`."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Final

import click

from midstream.cli.problem import Problem, cannot_listen
from midstream.cli.stopping import until_stopped
from midstream.faults import FAMILIES, FaultServer

__all__ = ("print_families", "serve")

_GAP: Final = "  "

_DEFAULTS: Final = """
What is left out has its default:
{}.
@K puts the fault after K events of the answer, 0 to 8; without it, after 4."""

_HOW_TO: Final = """\
A Messages API that fails on purpose is at {url}. The model name says how:

    import anthropic

    client = anthropic.Anthropic(base_url="{url}", api_key="any", max_retries=0)
    hello = {{"role": "user", "content": "Hello"}}
    for event in client.messages.create(model="{model}", max_tokens=64, messages=[hello], stream=True):
        print(event.type)

`midstream faults --list` lists the model names. Ctrl-C ends the server."""

_NO_HOST: Final = "--host {}: not an address or a name of this machine, such as 127.0.0.1 or ::1"
_SHOWN_MODEL: Final = "in_band:overloaded_error"


def print_families() -> None:
    """Prints how the faults are spelled, and what each of them is."""
    width = max(len(family.spelling) for family in FAMILIES.values())
    click.secho(f"{'model name':<{width}}{_GAP}what happens to a call", bold=True)
    for family in FAMILIES.values():
        click.echo(f"{family.spelling:<{width}}{_GAP}{family.explanation}")
    defaults = (f"{family.name}:{family.argument.default}" for family in FAMILIES.values() if family.argument)
    click.echo(_DEFAULTS.format(", ".join(defaults)))


def serve(host: str, port: int) -> None:
    """Serves the faults on `host` and `port` until Ctrl-C or SIGTERM. Raises `Problem` if it cannot listen there."""
    if not host:
        raise Problem(_NO_HOST.format(host))  # which would mean every address of this machine
    server = FaultServer(host, port)
    with ExitStack() as stack:
        wait = stack.enter_context(until_stopped())
        try:
            stack.enter_context(server)
        except OSError as error:
            raise cannot_listen(port, error, _NO_HOST.format(host)) from error
        except UnicodeError as error:  # no address can have such a name
            raise Problem(_NO_HOST.format(host)) from error
        if not _is_loopback(host):
            click.echo(f"Warning: --host {host}: others than this machine may reach the server.", err=True)
        click.echo(_HOW_TO.format(url=server.url, model=_SHOWN_MODEL))
        wait()


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    # An address with a scope, fe80::1%eth0, is none that ip_address() knows in every Python.
    return all(ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)
