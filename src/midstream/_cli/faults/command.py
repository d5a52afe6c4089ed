"""`midstream faults`."""

from __future__ import annotations

import socket
from collections import Counter
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from textwrap import fill
from typing import TYPE_CHECKING, Final

import click

from midstream._cli.console.problem import Problem, cannot_listen
from midstream._cli.console.signals import until_stopped
from midstream._cli.faults.child import run_command
from midstream._cli.faults.request_log import json_lines
from midstream.faults import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Generator

    from midstream._cli.faults.options import Wishes
    from midstream.faults import FaultServer, Served


_GAP: Final = "  "
_WIDTH: Final = 99

_DEFAULTS: Final = """
What is left out has its default:
{}.
@K puts the fault after K events of the answer, 0 to 8; without it, after 4."""

_BY_MODEL: Final = """\
A Messages API that fails on purpose is at {url}. The model name says how:

    import anthropic

    client = anthropic.Anthropic(base_url="{url}", api_key="any", max_retries=0)
    hello = {{"role": "user", "content": "Hello"}}
    for event in client.messages.create(model="{model}", max_tokens=64, messages=[hello], stream=True):
        print(event.type)

`midstream faults --list` lists the model names. Ctrl-C ends the server."""

_FAILING: Final = "A Messages API that fails on purpose is at {url}, for every model."
_PASSING: Final = "Requests to {url} go on to {upstream}; what was asked for fails on the way."
_POINT: Final = "ANTHROPIC_BASE_URL={url} in the environment of a program points the SDK there."
_SEED: Final = "--seed {seed} draws the same again."
_CTRL_C: Final = "Ctrl-C ends the server."

_NO_HOST: Final = "--host {}: not an address or a name of this machine, such as 127.0.0.1 or ::1"
_SHOWN_MODEL: Final = "in_band:overloaded_error"


def print_families() -> None:
    """Prints how the faults are spelled, and what each of them is."""
    width = max(len(family.spelling) for family in FAMILIES.values())
    click.secho(f"{'model name':<{width}}{_GAP}what happens to a call", bold=True)
    for family in FAMILIES.values():
        click.echo(f"{family.spelling:<{width}}{_GAP}{family.explanation}")
    defaults = (f"{family.name}:{family.argument.default}" for family in FAMILIES.values() if family.argument)
    click.echo(_DEFAULTS.format(fill(", ".join(defaults), _WIDTH)))


def serve(wishes: Wishes, log: str | None) -> None:
    """Serves until Ctrl-C or SIGTERM. Raises `Problem` for a wish that cannot be fulfilled."""
    with ExitStack() as stack:
        wait = stack.enter_context(until_stopped())
        server = stack.enter_context(_running(wishes, log))
        click.echo(_how_to(wishes, server.url), err=log == "-")
        wait()


def serve_command(wishes: Wishes, log: str | None, command: tuple[str, ...]) -> int:
    """Serves as long as `command` runs, and returns its exit status. Raises `Problem` as `serve` does."""
    with _running(wishes, log) as server:
        if wishes.draws:
            click.echo(_SEED.format(seed=wishes.seed), err=True)
        status = run_command(command, server.url, with_key=wishes.upstream is None)
        click.echo(_summary(server.requests), err=True)
    return status


def _summary(requests: tuple[Served, ...]) -> str:
    """How many requests there were, and of what scenarios the last of them were, as many as the log keeps."""
    played = Counter(served.scenario or "refused" for served in requests)
    whole = requests[-1].number if requests else 0
    count = "1 request" if whole == 1 else f"{whole} requests"
    return ": ".join(filter(None, (count, ", ".join(f"{n} {name}" for name, n in played.most_common()))))


@contextmanager
def _running(wishes: Wishes, log: str | None) -> Generator[FaultServer]:
    host = wishes.host
    if not host:
        raise Problem(_NO_HOST.format(host))  # which would mean every address of this machine
    with ExitStack() as stack:
        server = wishes.server(stack.enter_context(json_lines(log)))
        try:
            stack.enter_context(server)
        except OSError as error:
            raise cannot_listen(wishes.port, error, _NO_HOST.format(host)) from error
        except UnicodeError as error:  # no address can have such a name
            raise Problem(_NO_HOST.format(host)) from error
        if not _is_loopback(host):
            click.echo(f"Warning: --host {host}: others than this machine may reach the server.", err=True)
        yield server


def _how_to(wishes: Wishes, url: str) -> str:
    if not wishes.plans:
        return _BY_MODEL.format(url=url, model=_SHOWN_MODEL)
    what = _FAILING.format(url=url) if wishes.upstream is None else _PASSING.format(url=url, upstream=wishes.upstream)
    seed = (_SEED.format(seed=wishes.seed),) if wishes.draws else ()
    return "\n".join((what, _POINT.format(url=url), *seed, _CTRL_C))


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    # An address with a scope, fe80::1%eth0, is none that ip_address() knows in every Python.
    return all(ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)
