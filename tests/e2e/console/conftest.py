"""A browser, and a project with tasks of all kinds, for the tests of the console."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from local.browser.chromium import NoBrowser
from local.browser.running import running_browser
from local.deployed import Deployed, Project, make_project
from tests.e2e.conftest import AGENTS, UNTESTED_CONSOLE
from tests.e2e.console.reader import Reader, reading
from tests.e2e.console.seeds import Seeds, seeded

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One for all tests. It ends with them, since its loop would be in the way of others'."""
    try:
        with running_browser() as running:
            yield running
    except NoBrowser as error:
        pytest.skip(f"{UNTESTED_CONSOLE}: {error}")


@pytest.fixture(scope="module")
def console_project(deployed: Deployed) -> Project:
    return make_project(deployed, "console", AGENTS)


@pytest.fixture(scope="module")
def seeds(browser: "Browser", console_project: Project) -> Iterator[Seeds]:  # noqa: ARG001  without one, nothing
    with seeded(console_project) as found:
        yield found


@pytest.fixture(scope="module")
def signed_in(browser: "Browser", console_project: Project, seeds: Seeds) -> Iterator[Reader]:  # noqa: ARG001
    """Somebody with a wide screen, light colors and English, who has signed in."""
    with reading(browser, console_project.deployed.api_url) as found:
        found.sign_in(console_project.key)
        yield found


@pytest.fixture
def reader(signed_in: Reader) -> Reader:
    """The same reader for all tests, each from the list of tasks on: to load the page takes a second."""
    assert not signed_in.complaints, signed_in.complaints
    signed_in.open("tasks")
    signed_in.sees("heading", "Tasks")
    signed_in.requests.clear()
    return signed_in


@pytest.fixture
def newcomer(browser: "Browser", console_project: Project, seeds: Seeds) -> Iterator[Reader]:  # noqa: ARG001
    """Another one, for what stays with the reader or the page."""
    with reading(browser, console_project.deployed.api_url) as found:
        found.sign_in(console_project.key)
        yield found
