"""midstream as a pytest plugin, in tests that use it and in tests that do not."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

import pytest

import midstream
from midstream.testing import Faults
from midstream.testing._calls import recorded_calls

PAGE: Final = Path(__file__).parents[2] / "docs" / "testing.md"
BLOCKS: Final = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)

STRICT: Final = ("-Werror", "-pno:cacheprovider", "-pno:asyncio")
ALONE: Final = (*STRICT, "-pno:hypothesispytest", "-pno:anyio", "-pno:timeout")
"""Without the plugins of this repository's own tests, which take longer to load than a test takes."""

FAILING: Final = """
import contextlib

def test_that_fails(anthropic_faults, midstream_calls):
    anthropic_faults.script("in_band", "ok")
    client = anthropic_faults.client()
    for _ in range(2):
        with contextlib.suppress(Exception), client.messages.stream(
            model="claude", max_tokens=64, messages=[{"role": "user", "content": "Is all well?"}]
        ) as stream:
            stream.get_final_message()
    assert midstream_calls.outcomes == ["completed"]
"""


@pytest.fixture(scope="module", autouse=True)
def everything_is_loaded() -> None:
    """A pytest inside this one takes out of `sys.modules` what it has loaded, and half of an HTTP client fails."""
    with recorded_calls(), Faults() as faults:
        faults.client().messages.create(model="claude", max_tokens=64, messages=[{"role": "user", "content": "Hello"}])


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: re.findall(r"def (test_\w+)", block)[0])
def test_every_example_of_the_page_runs_unchanged(block: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(block)
    result = pytester.runpytest_inprocess(*STRICT)
    result.assert_outcomes(passed=len(re.findall(r"^(?:async )?def test_", block, re.MULTILINE)))


def test_a_test_that_fails_shows_its_requests_and_its_calls_in_a_line_each(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FAILING)
    result = pytester.runpytest_inprocess(*STRICT)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*assert ?'in_band_error', 'completed'? == ?'completed'?",
            "*Captured anthropic_faults call*",
            "1. POST /v1/messages claude: in_band",
            "2. POST /v1/messages claude: ok",
            "*Captured midstream_calls call*",
            "1. chat claude streamed: in_band_error: 529 overloaded_error: Overloaded (request *); reported as 200; *",
            "2. chat claude streamed: completed",
        ],
        consecutive=False,
    )


def test_a_wrong_name_points_at_the_line_of_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_that_is_wrong(anthropic_faults):\n    anthropic_faults.script('nonsense')\n")
    result = pytester.runpytest_inprocess(*STRICT)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([">*anthropic_faults.script('nonsense')", "E*ValueError: *'nonsense' is not a*"])
    result.stdout.fnmatch_lines(["test_a_wrong_name_points_at_the_line_of_the_test.py:2: ValueError"])


def test_the_server_s_thread_and_the_clients_are_gone_after_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import threading
        import anthropic
        import pytest

        clients = []

        def threads():
            return {thread for thread in threading.enumerate() if thread.name.startswith("midstream-faults")}

        others = threads()

        def test_first(anthropic_faults):
            anthropic_faults.script("stall")
            clients.append(anthropic_faults.client())
            stream = clients[0].messages.create(
                model="claude", max_tokens=8, messages=[{"role": "user", "content": "x"}], stream=True
            )
            next(iter(stream))
            assert threads() - others

        def test_second(anthropic_faults):
            assert clients[0].is_closed()
            (thread,) = threads() - others
            assert str(anthropic_faults.url.rpartition(":")[2]) in thread.name
            assert anthropic_faults.requests == ()
        """
    )
    pytester.runpytest_inprocess(*STRICT).assert_outcomes(passed=2)


def test_both_fixtures_describe_themselves(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--fixtures", *STRICT)
    result.stdout.fnmatch_lines(["anthropic_faults -- *", "*A server for this test *", "midstream_calls -- *"])


@pytest.mark.parametrize("fixture", ["anthropic_faults", "midstream_calls"])
def test_without_the_sdk_a_fixture_says_in_one_line_what_to_install(fixture: str, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys\nsys.modules['anthropic'] = None")
    pytester.makepyfile(f"def test_that_needs_it({fixture}): ...")
    result = pytester.runpytest_inprocess(*STRICT)
    result.assert_outcomes(errors=1)
    assert f'{fixture} needs anthropic, not installed here: pip install "midstream[testing]"' in result.outlines


def test_it_can_be_left_out(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FAILING)
    result = pytester.runpytest_inprocess("-pno:midstream", *STRICT)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E*fixture 'anthropic_faults' not found"])


@pytest.mark.newest
def test_it_loads_nothing_but_itself_until_a_fixture_is_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_what_is_loaded():
            packages = {name.partition(".")[0] for name in sys.modules}
            assert packages & {"anthropic", "httpx", "httpx2", "opentelemetry", "wrapt"} == set()
            ours = {name for name in sys.modules if name.partition(".")[0] == "midstream"}
            assert ours == {"midstream", "midstream.testing", "midstream._version"}
        """
    )
    pytester.runpytest_subprocess(*ALONE).assert_outcomes(passed=1)


@pytest.mark.newest
def test_tests_that_run_in_parallel_do_not_meet(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile(
        """
        import os
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_one(anthropic_faults, midstream_calls, number):
            faults = ["in_band"] * number + ["ok"]
            anthropic_faults.script(*faults)
            client = anthropic_faults.client()
            for _ in faults:
                try:
                    with client.messages.stream(
                        model="claude", max_tokens=64, messages=[{"role": "user", "content": "Is all well?"}]
                    ) as stream:
                        stream.get_final_message()
                except Exception:
                    pass
            assert midstream_calls.outcomes == ["in_band_error"] * number + ["completed"]
            assert os.environ["PYTEST_XDIST_WORKER"] in {"gw0", "gw1"}
        """
    )
    pytester.runpytest_subprocess("-n2", *ALONE).assert_outcomes(passed=4)


def test_pytest_asyncio_may_run_the_tests(pytester: pytest.Pytester) -> None:
    pytest.importorskip("pytest_asyncio")
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(
        """
        import asyncio
        import pytest

        @pytest.mark.parametrize("number", range(2))
        async def test_one(anthropic_faults, midstream_calls, number):
            anthropic_faults.script("reset@4", "ok")
            client = anthropic_faults.async_client()
            for _ in range(2):
                stream = await client.messages.create(
                    model="claude", max_tokens=64, messages=[{"role": "user", "content": "Hello"}], stream=True
                )
                try:
                    async for _ in stream:
                        pass
                except Exception:
                    pass
            assert midstream_calls.outcomes == ["transport_error", "completed"]
        """
    )
    pytester.runpytest_inprocess("-Werror", "-pno:cacheprovider", "-pno:anyio").assert_outcomes(passed=2)


@pytest.mark.newest
def test_an_application_imported_before_pytest_is_not_a_reason_to_warn(pytester: pytest.Pytester) -> None:
    # As a wheel installs it: only where the files are listed pytest knows the package of the plugin.
    site = pytester.mkdir("site")
    (site / "midstream").symlink_to(Path(midstream.__file__).parent)
    about = site / f"midstream-{midstream.__version__}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.4\nName: midstream\nVersion: {midstream.__version__}\n")
    (about / "entry_points.txt").write_text("[pytest11]\nmidstream = midstream.testing\n")
    (about / "RECORD").write_text("midstream/__init__.py,,\nmidstream/testing/__init__.py,,\n")
    pytester.makepyfile(
        f"""
        import midstream

        def test_one(pytestconfig):
            assert pytestconfig.pluginmanager.get_plugin("midstream") is midstream.testing
            assert midstream.__file__.startswith({str(site)!r})
        """
    )
    start = f"import sys; sys.path.insert(0, {str(site)!r}); import midstream, pytest; pytest.main({[*ALONE]})"
    result = pytester.run(sys.executable, "-c", start)
    result.assert_outcomes(passed=1)
