"""`midstream faults`."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from textwrap import fill
from typing import Final

import click

from midstream._cli.console.problem import Problem, cannot_listen
from midstream._cli.console.programs import run_program
from midstream._cli.console.signals import until_stopped
from midstream._cli.faults.options import FaultsOptions
from midstream._cli.faults.request_log import request_log
from midstream.faults import FAMILIES, FaultServer, Served

_KEYS: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_GAP: Final = "  "
_WIDTH: Final = 99

_DEFAULTS: Final = """
Without an argument, these are the defaults:
{}.
@K puts the fault after K events of the response, 0 to 8; without it, after 4."""

_BY_MODEL: Final = """\
A Messages API that fails on purpose is at {url}. The model names the fault:

    import anthropic

    client = anthropic.Anthropic(base_url="{url}", api_key="any", max_retries=0)
    hello = {{"role": "user", "content": "Hello"}}
    for event in client.messages.create(model="{model}", max_tokens=64, messages=[hello], stream=True):
        print(event.type)

`midstream faults --list` lists the model names. Ctrl-C ends the server."""

_SEED: Final = "--seed {seed} draws the same again."
_BAD_HOST: Final = "--host {}: must be an address or a name of this machine, such as 127.0.0.1 or ::1"
_SHOWN_MODEL: Final = "in_band:overloaded_error"


def run(options: FaultsOptions) -> int:
    """Runs the command, and returns its exit status. Raises `Problem` for an option that is invalid."""
    if options.only_list:
        _print_families()
    elif options.command:
        return _serve_command(options)
    else:
        _serve(options)
    return 0


def _print_families() -> None:
    width = max(len(family.spelling) for family in FAMILIES.values())
    click.secho(f"{'model name':<{width}}{_GAP}what happens to a call", bold=True)
    for family in FAMILIES.values():
        click.echo(f"{family.spelling:<{width}}{_GAP}{family.explanation}")
    defaults = (f"{family.name}:{family.argument.default}" for family in FAMILIES.values() if family.argument)
    click.echo(_DEFAULTS.format(fill(", ".join(defaults), _WIDTH)))


def _serve(options: FaultsOptions) -> None:
    with until_stopped() as wait, _running(options) as server:
        click.echo(_how_to(options, server.url), err=options.log == "-")
        wait()


def _serve_command(options: FaultsOptions) -> int:
    """Runs any program that uses the SDK, unchanged, against the server. Returns its exit status."""
    with _running(options) as server:
        if options.is_random:
            click.echo(_SEED.format(seed=options.seed), err=True)
        environment = {**os.environ, "ANTHROPIC_BASE_URL": server.url}
        if options.upstream is None and not any(map(os.environ.get, _KEYS)):
            environment[_KEYS[0]] = "any"
        status = run_program(options.command, environment)
        click.echo(_summary(server.requests), err=True)
    return status


def _summary(requests: tuple[Served, ...]) -> str:
    """The number of requests, and the scenarios of the last ones, as many as the server remembers."""
    scenarios = Counter(served.scenario or "refused" for served in requests)
    total = requests[-1].number if requests else 0
    count = "1 request" if total == 1 else f"{total} requests"
    return ": ".join(filter(None, (count, ", ".join(f"{n} {name}" for name, n in scenarios.most_common()))))


@contextmanager
def _running(options: FaultsOptions) -> Generator[FaultServer]:
    bad_host = _BAD_HOST.format(options.host)
    if not options.host:
        raise Problem(bad_host)  # it would mean every address of this machine
    with ExitStack() as stack:
        server = options.server(stack.enter_context(request_log(options.log)))
        try:
            stack.enter_context(server)
        except OSError as error:
            raise cannot_listen(options.listen_port, error, bad_host) from error
        except UnicodeError as error:  # a name that cannot be encoded
            raise Problem(bad_host) from error
        if not _is_loopback(options.host):
            click.echo(f"Warning: --host {options.host}: other machines may be able to reach the server.", err=True)
        yield server


def _how_to(options: FaultsOptions, url: str) -> str:
    if options.by_model:
        return _BY_MODEL.format(url=url, model=_SHOWN_MODEL)
    what = f"Requests to {url} are forwarded to {options.upstream}; what you asked for fails on the way."
    if options.upstream is None:
        what = f"A Messages API that fails on purpose is at {url}, for every model."
    where = f"ANTHROPIC_BASE_URL={url} in the environment of a program points the SDK there."
    seed = [_SEED.format(seed=options.seed)] if options.is_random else []
    return "\n".join((what, where, *seed, "Ctrl-C ends the server."))


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    # Not every Python parses an address with a scope, fe80::1%eth0.
    return all(ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)
