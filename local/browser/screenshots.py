"""Regenerates the console's pictures in docs/console with one command, from a stack of their own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from local.browser.chromium import NoBrowser
from local.browser.running import running_browser
from local.browser.samples import AGENTS, Samples, make_samples, usage
from local.deployed import Deployed, Project, make_project
from local.progress import Progress
from local.stack.local_stack import LocalStack
from local.standin.client import StandInClient
from local.tools import ROOT, ToolError, run_tool

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = ROOT / "docs" / "console"
WIDE, PHONE = {"width": 1180, "height": 680}, {"width": 390, "height": 690}
MOST_BYTES = 150_000


@dataclass(frozen=True)
class Picture:
    """One picture: what shows that the page is loaded, and how the page is viewed."""

    name: str
    place: str
    shown: str
    scheme: str
    locale: str

    @property
    def is_of_phone(self) -> bool:
        return self.name.startswith("phone")


def make_screenshots(progress: Progress, folder: Path = FOLDER) -> list[Path]:
    """Write all pictures, and return them.

    Raises ToolError if there is no browser or no font for Chinese, or a picture is too large.
    """
    if not run_tool(["fc-list", ":lang=zh"]).strip():
        raise ToolError("There is no font for Chinese. On Debian and Ubuntu: apt-get install fonts-noto-cjk")
    folder.mkdir(parents=True, exist_ok=True)
    with progress.step("Start a stack for the screenshots"), _stack() as deployed:
        project = make_project(deployed, "acme", AGENTS)
        with progress.step("Run some tasks"):
            samples = make_samples(project)
        try:
            with progress.step("Take the screenshots"), running_browser() as browser:
                return [_take(browser, project, each, folder) for each in _pictures(samples)]
        except NoBrowser as error:
            raise ToolError(str(error)) from error


def _pictures(samples: Samples) -> Iterator[Picture]:
    _, _, agent_id, _, task_id = samples.research["checkUrl"].split("/")
    task = f"tasks/{agent_id}/{task_id}"
    places = (
        ("tasks", "tasks", ".tasks .status-running"),
        ("task", task, ".waterfall"),
        ("usage", "usage?span=14d", ".chart canvas"),
        ("phone-inbox", "inbox", ".questions .answer"),
    )
    for (name, place, shown), scheme in zip(places, ("light", "dark", "light", "dark"), strict=True):
        yield Picture(name, place, shown, scheme, "en-US")
        yield Picture(f"{name}.zh", place, shown, scheme, "zh-CN")


def _take(browser: "Browser", project: Project, picture: Picture, folder: Path) -> Path:
    viewport = PHONE if picture.is_of_phone else WIDE
    context = browser.new_context(viewport=viewport, color_scheme=picture.scheme, locale=picture.locale)
    page = context.new_page()
    page.route("**/usage?*", lambda route: route.fulfill(json=usage(project, datetime.now(UTC).date())))
    address = f"{project.deployed.api_url}/console"
    page.goto(address)
    page.locator("#key").fill(project.key)
    page.locator("form button").click()
    page.locator("main h1").wait_for()
    page.goto(f"{address}#/{picture.place}")
    page.locator(picture.shown).first.wait_for()
    _settle(page)
    target = folder / f"{picture.name}.png"
    page.screenshot(path=target)
    context.close()
    if target.stat().st_size > MOST_BYTES:
        raise ToolError(f"{target} has {target.stat().st_size} bytes; the limit is {MOST_BYTES}")
    return target


def _settle(page: "Page") -> None:
    """Wait until the page has been drawn."""
    page.wait_for_load_state("networkidle")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


@contextmanager
def _stack() -> Iterator[Deployed]:
    folder = Path(tempfile.mkdtemp(prefix="a2a-tasks-pictures-"))
    stack = LocalStack.separate(folder)
    try:
        deployment = stack.up()
        yield Deployed(stack, deployment, StandInClient(f"http://127.0.0.1:{stack.ports.stand_in}"))
    finally:
        stack.kill()
        shutil.rmtree(folder, ignore_errors=True)
