"""The wheel's metadata: for the index, for installers, for OpenTelemetry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from midstream import AnthropicInstrumentor, __version__
from midstream._cli.console import extras
from project import REPOSITORY
from support.export import CHECKOUT

if TYPE_CHECKING:
    from release.distribution import Release

CORE = {"opentelemetry-api", "opentelemetry-instrumentation", "wrapt"}
EXTRAS = {
    "instruments": {"anthropic"},
    "doctor": {"click", "rich"},
    "cli": {
        "anthropic",
        "click",
        "rich",
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp-proto-http",
        "opentelemetry-exporter-prometheus",
        "opentelemetry-proto",
    },
    "testing": {"anthropic", "pytest"},
}
"""By extra, what it brings."""

ENTRY_POINTS = {
    "console_scripts": {"midstream": "midstream._cli:main"},
    "pytest11": {"midstream": "midstream.testing"},
    "opentelemetry_instrumentor": {"anthropic_midstream": "midstream._instrumentor:AnthropicInstrumentor"},
}

CLASSIFIERS = {
    "Development Status :: 4 - Beta",
    "Framework :: OpenTelemetry",
    "Framework :: OpenTelemetry :: Instrumentations",
    "Framework :: Pytest",
    "Intended Audience :: Developers",
    "Intended Audience :: System Administrators",
    "Operating System :: OS Independent",
    "Programming Language :: Python :: 3",
    "Programming Language :: Python :: 3.10",
    "Programming Language :: Python :: 3.11",
    "Programming Language :: Python :: 3.12",
    "Programming Language :: Python :: 3.13",
    "Programming Language :: Python :: 3.14",
    "Topic :: Software Development :: Libraries :: Python Modules",
    "Topic :: System :: Monitoring",
    "Typing :: Typed",
}


def needs(release: Release, extra: str = "") -> dict[str, Requirement]:
    """What the wheel requires, `extra` included."""
    wanted = map(Requirement, release.metadata.requires or ())
    return {r.name: r for r in wanted if (r.marker.evaluate({"extra": extra}) if r.marker else not extra)}


def test_the_version_is_that_of_the_code_and_of_the_latest_changes(release: Release) -> None:
    latest = re.search(r"^## (.*)$", (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert latest is not None
    assert re.fullmatch(r"Unreleased \((.+)\)|(\S+) \(\d{4}-\d\d-\d\d\)", latest[1]), "neither unreleased nor dated"
    assert __version__ in latest[1]
    assert release.metadata.version == __version__
    assert {name.split("-")[1] for name in (release.wheel.name, release.sdist.name.removesuffix(".tar.gz"))} == {
        __version__
    }


def test_the_index_gets_this_metadata(release: Release) -> None:
    told = release.metadata.metadata
    assert (told["Name"], told["Requires-Python"], told["License-Expression"]) == ("midstream", ">=3.10", "Apache-2.0")
    assert (told.get_all("License-File"), set(told.get_all("Classifier") or ())) == (["LICENSE"], CLASSIFIERS)
    assert (
        told["Summary"]
        == "OpenTelemetry instrumentation for the Anthropic Python SDK that records how every call really ended"
    )


def test_the_urls_of_the_project_start_with_the_address_in_pyproject(release: Release) -> None:
    urls = dict(url.split(", ") for url in release.metadata.metadata.get_all("Project-URL") or ())
    assert set(urls) == {"Homepage", "Documentation", "Changelog", "Issues", "Source"}
    assert {label for label, url in urls.items() if not f"{url}/".startswith(f"{REPOSITORY}/")} == set()


def test_the_page_of_the_index_is_the_readme_with_absolute_links_and_pictures(release: Release) -> None:
    told: Any = release.metadata.metadata
    page: str = told.get_payload()
    links = re.findall(r"\]\(([^()\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", page)
    assert told["Description-Content-Type"] == "text/markdown"
    assert [link for pair in links for link in pair if link and not link.startswith("https://")] == []
    for address in (f"{REPOSITORY}/blob/v{__version__}/", f"{REPOSITORY}/raw/v{__version__}/"):
        assert address in page
        page = page.replace(address, "")
    assert page.replace("](README.md#", "](#") == (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_the_core_requires_little(release: Release) -> None:
    assert set(needs(release)) == CORE


def test_the_extras_bring_this(release: Release) -> None:
    assert set(release.metadata.metadata.get_all("Provides-Extra") or ()) == set(EXTRAS)
    assert {extra: set(needs(release, extra)) for extra in EXTRAS} == EXTRAS


def test_the_versions_of_the_sdk_are_those_that_the_instrumentor_checks(release: Release) -> None:
    (checked,) = AnthropicInstrumentor().instrumentation_dependencies()
    asked = {extra: needs(release, extra)["anthropic"].specifier for extra in EXTRAS if extra != "doctor"}
    assert asked == dict.fromkeys(asked, Requirement(checked).specifier)


def test_what_the_commands_look_for_is_what_the_extra_brings(release: Release) -> None:
    assert set(extras._PACKAGES.values()) == set(needs(release, "cli"))


def test_the_entry_points_are_these(release: Release) -> None:
    found: dict[str, dict[str, str]] = {}
    for entry in release.metadata.entry_points:
        found.setdefault(entry.group, {})[entry.name] = entry.value
    assert found == ENTRY_POINTS
