"""Somebody who reads the console in a browser of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local.browser.running import installed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Request

PATIENCE_MS = 20_000.0


@dataclass
class Reader:
    """A page of the console, and what its browser has complained of."""

    page: "Page"
    address: str
    complaints: list[str] = field(default_factory=list)
    requests: list["Request"] = field(default_factory=list)

    def open(self, place: str = "") -> None:
        """Go to a place of the console, such as ``tasks?status=failed``."""
        self.page.goto(f"{self.address}#/{place}")

    def sign_in(self, key: str) -> None:
        self.open()
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.sees("heading", "Tasks")

    def open_task(self, task: dict[str, Any], tab: str = "") -> None:
        self.open(place_of(task) + (f"?tab={tab}" if tab else ""))

    def sees(self, role: Any, name: str, **options: Any) -> "Locator":
        """Wait for what has a role and a name."""
        found = self.page.get_by_role(role, name=name, **options)
        self.expect(found.first).to_be_visible()
        return found

    def reads(self, text: str) -> "Locator":
        """Wait for a text."""
        found = self.page.get_by_text(text)
        self.expect(found.first).to_be_visible()
        return found

    @property
    def expect(self) -> Any:
        return installed("playwright.sync_api").expect

    @property
    def place(self) -> str:
        """Where the reader is, as the address says."""
        return str(urlsplit(self.page.url).fragment).removeprefix("/")

    def violations(self, rules: list[str] | None = None) -> list[str]:
        """What axe finds by these rules or all: rule, and where."""
        if not self.page.evaluate("'axe' in window"):
            (folder,) = installed("axe_playwright_python").__path__
            self.page.evaluate(Path(folder, "axe.min.js").read_text())
        options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
        return [
            f"{each['id']}: {node['html']} {node['failureSummary']}"
            for each in self.page.evaluate("options => axe.run(options)", options)["violations"]
            for node in each["nodes"]
        ]


@contextmanager
def reading(browser: "Browser", api_url: str, **context: Any) -> Iterator[Reader]:
    """A reader with a profile of their own. ``context`` is Playwright's, such as ``viewport``.

    Raises AssertionError at the end if the browser has complained: of a script's error, or of what the page's
    policy forbids.
    """
    installed("playwright.sync_api").expect.set_options(timeout=PATIENCE_MS)
    opened = browser.new_context(
        **({"locale": "en-US", "color_scheme": "light", "viewport": {"width": 1280, "height": 860}} | context)
    )
    page = opened.new_page()
    page.set_default_timeout(PATIENCE_MS)
    reader = Reader(page, f"{api_url}/console")
    page.on("pageerror", lambda error: reader.complaints.append(error.stack or str(error)))
    page.on("console", lambda said: _note(reader, said))
    page.on("request", lambda request: reader.requests.append(request))
    try:
        yield reader
    finally:
        opened.close()
    assert not reader.complaints, reader.complaints


def place_of(task: dict[str, Any]) -> str:
    """The task's place in the console, from what its creation was answered."""
    _, _, agent_id, _, task_id = task["checkUrl"].split("/")
    return f"tasks/{agent_id}/{task_id}"


def _note(reader: Reader, said: Any) -> None:
    """Browsers also tell of each answer that is an error; that is the page's to show."""
    if said.type == "error" and not said.text.startswith("Failed to load resource"):
        reader.complaints.append(said.text)
