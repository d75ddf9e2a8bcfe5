"""Chromium for the length of a block."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from local.browser.chromium import NoBrowser, find_chromium
from local.tools import PLAYWRIGHT, ToolError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ARGUMENTS = ("--disable-gpu", "--font-render-hinting=none", "--hide-scrollbars")


def installed(module: str) -> Any:
    """A module of Playwright's environment.

    Raises ToolError if the environment cannot be created.
    """
    PLAYWRIGHT.ensure()
    if str(PLAYWRIGHT.packages) not in sys.path:
        sys.path.append(str(PLAYWRIGHT.packages))  # last: packages that .venv has too are of the same version
    return importlib.import_module(module)


@contextmanager
def running_browser() -> Iterator["Browser"]:
    """A headless browser.

    Raises NoBrowser.
    """
    try:
        playwright_api = installed("playwright.sync_api")
    except ToolError as error:
        raise NoBrowser(f"Playwright could not be installed: {error}") from error
    chromium = find_chromium()
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium.program), env=chromium.environment, args=list(ARGUMENTS)
        )
        try:
            yield browser
        finally:
            browser.close()
