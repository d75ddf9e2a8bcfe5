"""A built website is looked through for what its generator lets pass."""

from pathlib import Path

import pytest

from local.documentation.site_check import problems


def site(folder: Path, page: str) -> Path:
    (folder / "guide").mkdir()
    (folder / "index.html").write_text("<a href='guide/'>Guide</a>", "utf-8")
    (folder / "guide" / "index.html").write_text(page, "utf-8")
    (folder / "style.css").write_text("", "utf-8")
    return folder


@pytest.mark.parametrize(
    "page",
    [
        "<a href='..'>Home</a>",
        "<a href='/'>Home</a>",
        "<a href='../#part'>Part</a><a href='#here'>Here</a>",
        "<link rel='stylesheet' href='../style.css?v=1'>",
        "<a href='https://example.com/'>Elsewhere</a><a href='mailto:a@example.com'>Mail</a>",
        "<link rel='canonical' href='https://example.com/guide/'>",
        "<img src='data:image/png;base64,AAAA'>",
    ],
)
def test_a_whole_site_has_no_problems(tmp_path: Path, page: str) -> None:
    assert problems(site(tmp_path, page)) == []


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("<a href='../gone/'>Gone</a>", "links to ../gone/, which does not exist"),
        ("<a href='/gone.yaml'>Gone</a>", "links to /gone.yaml, which does not exist"),
        ("<img src='gone.svg'>", "links to gone.svg, which does not exist"),
        ("<script src='https://a.example/a.js'></script>", "loads https://a.example/a.js from another site"),
        ("<link rel='stylesheet' href='//cdn.example/a.css'>", "loads //cdn.example/a.css from another site"),
        ("<img src='https://cdn.example/a.png'>", "loads https://cdn.example/a.png from another site"),
    ],
)
def test_a_problem_names_its_page_and_the_address(tmp_path: Path, page: str, problem: str) -> None:
    assert problems(site(tmp_path, page)) == [f"guide/index.html: {problem}"]
