"""The documentation as a website in .local/docs/site: the READMEs, docs/, and the files that they link to."""

import json
import re
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from local.documentation.site_check import problems
from local.progress import Progress
from local.tools import DOCS, ROOT, ToolError, run_tool

FOLDER = ROOT / ".local" / "docs"
OPENAPI_PAGE = "docs/openapi.html"
LINK = re.compile(r"\]\((?!https?:)([^()#\s]+)(?:#[^()\s]*)?\)")
"""A link in Markdown to a file beside the page; its group is the path."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def build_site(progress: Progress, folder: Path = FOLDER) -> Path:
    """Build the site, and return its folder.

    Raises ToolError if the generator cannot be installed, if a page, an anchor or a file that a page links
    to does not exist, or if a page loads an external resource.
    """
    with progress.step("Install the site generator"):
        DOCS.ensure()
    with progress.step("Build the documentation site"):
        shutil.rmtree(folder, ignore_errors=True)
        pages = folder / "pages"
        for source in _sources():
            target = pages / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        (pages / OPENAPI_PAGE).write_text(_openapi_page(), "utf-8")
        settings = Path(shutil.copy(ROOT / "zensical.toml", folder))
        _generate(settings)
        site = folder / "site"
        _declare_languages(site)
        if found := problems(site):
            raise ToolError("\n".join(["The documentation site:", *found]))
    return site


def _generate(settings: Path) -> None:
    command = [DOCS.program("zensical"), "build", "--strict", "--config-file", str(settings)]
    try:
        run_tool(command)
    except ToolError as error:
        # it prints its findings, coloured on any output, and then a traceback of its own
        found = str(error).partition("Traceback (most recent")[0]
        raise ToolError(_COLOURS.sub("", found).strip()) from None


def _sources() -> Iterator[Path]:
    """All pages, and each file that a page links to; dead links are found in the built site."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    linked = {
        (page.parent / path).resolve() for page in pages for path in LINK.findall(page.read_text("utf-8"))
    }
    yield from sorted(file for file in linked.union(pages) if file.is_file() and file.is_relative_to(ROOT))


def _openapi_page() -> str:
    """The API's description in Swagger UI, in one file. It is Powertools' copy, as at the API's /docs."""
    from aws_lambda_powertools.event_handler.openapi import swagger_ui  # imports for half a second

    document = (ROOT / "docs" / "openapi.json").read_text("utf-8").replace("</", "<\\/")
    script, style = (
        files(swagger_ui).joinpath(name).read_text("utf-8")
        for name in ("swagger-ui-bundle.min.js", "swagger-ui.min.css")
    )
    page = swagger_ui.generate_swagger_html(document, script, style, "", None)
    return page.replace("<title>Swagger UI</title>", "<title>a2a-tasks API</title>", 1)


def _declare_languages(site: Path) -> None:
    """Mark which pages are Chinese, for browsers and for the search's word segmentation: the generator
    supports one language for all pages."""
    for page in (site / "README.zh-CN" / "index.html", *(site / "docs" / "zh-CN").rglob("*.html")):
        page.write_text(page.read_text("utf-8").replace('<html lang="en"', '<html lang="zh-CN"', 1), "utf-8")
    index = site / "search.json"
    search = json.loads(index.read_text("utf-8"))
    search["config"]["lang"] = ["en", "zh"]
    index.write_text(json.dumps(search, ensure_ascii=False), "utf-8")
