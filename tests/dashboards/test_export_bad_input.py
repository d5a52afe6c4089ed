"""An impossible `midstream dashboards export`: one line, exit status 2, and nothing is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import midstream as package
from support.commands import midstream_after
from support.export import contents, export, shipped_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

OTHERWISE = "give a folder that is empty or does not exist yet, or --force to write into this one"


def refused(result: Result, line: str) -> None:
    """It ended with this line on stderr."""
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {line}\n")


# DIR


@pytest.mark.parametrize("name", ["notes.txt", ".hidden"])
def test_a_folder_that_is_not_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    refused(export(tmp_path), f"DIR {tmp_path}: is not empty, and no export wrote it; {OTHERWISE}")
    assert contents(tmp_path) == {name: b"mine"}


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    refused(export(file), f"DIR {file}: is not a folder; give one that is empty or does not exist yet")
    assert contents(tmp_path) == {"file": b"mine"}


def test_a_link_to_nothing(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("nothing")
    refused(export(link), f"DIR {link}: is not a folder; give one that is empty or does not exist yet")
    assert link.is_symlink()


def test_a_folder_in_one_that_does_not_exist(tmp_path: Path) -> None:
    folder = tmp_path / "missing" / "new"
    refused(export(folder), f"DIR {folder}: cannot be made: there is no folder {tmp_path / 'missing'}")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    folder = tmp_path / "file" / "new"
    refused(export(folder), f"DIR {folder}: cannot be made: there is no folder {tmp_path / 'file'}")


def test_an_empty_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(export(""), "DIR '': must be the name of a folder")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 300)
    refused(export(folder), f"DIR {folder}: cannot be written: {os.strerror(errno.ENAMETOOLONG)}")
    assert list(tmp_path.iterdir()) == []


def test_a_name_with_a_line_break_is_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "two\nlines" / "new"
    refused(export(folder), f"DIR {str(folder)!r}: cannot be made: there is no folder {str(folder.parent)!r}")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc, where no folder can be made")
def test_a_folder_that_cannot_be_made() -> None:
    refused(export("/proc/midstream"), f"DIR /proc/midstream: cannot be written: {os.strerror(errno.ENOENT)}")


# Trouble half-way


@pytest.mark.parametrize("is_there", [False, True])
def test_a_disk_that_is_full_after_some_files(tmp_path: Path, is_there: bool) -> None:
    sizes = [len(text) for text in shipped_files().values()]
    limit = 40_000
    assert min(sizes) < limit < max(sizes)  # some are written before one is not
    folder = tmp_path / "new"
    if is_there:
        folder.mkdir()
    full = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    done = midstream_after(full, "dashboards", "export", str(folder))
    line = f"Error: DIR {folder}: cannot be written: {os.strerror(errno.EFBIG)}\n"
    assert (done.status, done.stdout, done.stderr) == (2, "", line)
    assert folder.exists() == is_there
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("form", ["files", "kubernetes"])
@pytest.mark.parametrize("before", [0, 1, 20])
def test_an_error_after_some_of_it_is_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, form: str
) -> None:
    monkeypatch.setattr(Path, "rename", failing_after(before, Path.rename))
    refused(export("--format", form, tmp_path), f"DIR {tmp_path}: cannot be written: {os.strerror(errno.EIO)}")
    assert list(tmp_path.iterdir()) == []


def test_an_error_when_a_new_folder_is_put_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "rename", failing_after(0, Path.rename))
    folder = tmp_path / "new"
    refused(export(folder), f"DIR {folder}: cannot be written: {os.strerror(errno.EIO)}")
    assert list(tmp_path.iterdir()) == []


def failing_after(times: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """A function that works like `real` a few times, and then fails like a broken disk."""
    done: list[object] = []

    def call(*arguments: object) -> object:
        if len(done) == times:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        done.append(arguments)
        return real(*arguments)

    return call


def test_files_that_appear_meanwhile_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def rename_late(made: Path, target: Path) -> Path:
        target.mkdir()
        (target / "file").write_text("theirs")
        return rename(made, target)

    monkeypatch.setattr(Path, "rename", rename_late)
    folder = tmp_path / "new"
    refused(export(folder), f"DIR {folder}: cannot be written: {os.strerror(errno.ENOTEMPTY)}")
    assert contents(tmp_path) == {"new/file": b"theirs"}


# What is not there


@pytest.mark.parametrize("lacking", ["grafana", "grafana-v2", "prometheus", "runbooks", "everything"])
def test_an_installation_without_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    installed = tmp_path / "site-packages" / "midstream"
    for name, content in shipped_files().items():
        file = installed / "dashboards" / name
        if lacking not in {name.partition("/")[0], "everything"}:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    monkeypatch.setattr(package, "__file__", str(installed / "__init__.py"))
    place = installed / "dashboards"
    line = f"the boards, rules and runbooks are missing from {place}; install midstream again"
    refused(export(tmp_path / "new"), line)
    assert not (tmp_path / "new").exists()


# The options

A_URL = (
    "must be an absolute http or https URL, such as https://example.com/path, "
    "without query, fragment, password, quotes and blanks"
)
A_NAMESPACE = (
    "must be the name of a namespace: 1 to 63 lower case letters, digits and -, with a letter or digit at both ends"
)
A_LABEL = (
    "must be KEY=VALUE, such as release=prometheus, of letters, digits, - _ and ., up to 63 each; "
    "a prefix and / may stand before the key"
)


@pytest.mark.parametrize("option", ["--grafana-url", "--runbook-url"])
@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", "''"),
        ("grafana.example.com", None),
        ("/d/x", None),
        ("//grafana.example.com", None),
        ("ftp://example.com", None),
        ("http://", None),
        ("http://:3000", None),
        ("http:///path", None),
        ("http://[::1", None),
        ("http://example.com:0", None),
        ("http://example.com:99999", None),
        ("http://example.com:port", None),
        ("http://example.com/?orgId=1", None),
        ("http://example.com/#top", None),
        ("http://me:secret@example.com", None),
        ("http://example.com/a b", None),
        (" http://example.com", "' http://example.com'"),
        ("http://example.com\n", r"'http://example.com\n'"),
        ("http://example.com/{{ . }}", None),
        ("http://example.com/'", None),
        ('http://example.com/"', None),
        ("http://example.com/\\1", None),
        ("http://exämple.com", None),
    ],
)
def test_an_invalid_url(tmp_path: Path, option: str, url: str, shown: str | None) -> None:
    refused(export(tmp_path / "new", option, url), f"{option} {shown or url}: {A_URL}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("namespace", ["Monitoring", "a_b", "-a", "a-", "a.b", "x" * 64, "a b"])
def test_an_invalid_namespace(tmp_path: Path, namespace: str) -> None:
    result = export(tmp_path / "new", "--format", "kubernetes", "--namespace", namespace)
    refused(result, f"--namespace {namespace}: {A_NAMESPACE}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "label",
    ["release", "=value", "-a=b", "a=-b", "a=b c", "a/b/c=d", "/a=b", "A/b=c", "x" * 64 + "=y", "x=" + "y" * 64],
)
def test_an_invalid_label(tmp_path: Path, label: str) -> None:
    result = export(tmp_path / "new", "--format", "kubernetes", "--label", "release=fine", "--label", label)
    refused(result, f"--label {label}: {A_LABEL}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("option", "value"), [("--namespace", "monitoring"), ("--label", "release=prometheus")])
def test_an_option_for_kubernetes_without_that_format(tmp_path: Path, option: str, value: str) -> None:
    refused(
        export(tmp_path / "new", option, value), f"{option} {value}: is for --format kubernetes, kustomize, helm only"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument 'DIR'"),
        (["--format", "perses", "new"], "Invalid value for '--format': 'perses' is not one of 'files', 'kubernetes'"),
        (["one", "two"], "Got unexpected extra argument (two)"),
    ],
)
def test_missing_and_unknown_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = export(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []
