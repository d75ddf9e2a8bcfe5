"""Links and names of results that a model has chosen."""

from dataclasses import replace
from typing import Any

import pytest

from a2a_tasks.a2a.artifacts import InlineBudget, saved_views
from a2a_tasks.a2a.view import artifacts_view
from a2a_tasks.domain.task import Artifact, Status
from a2a_tasks.domain.tools.artifact_link import MAX_LINK, is_public_host, is_safe, problem_of
from a2a_tasks.domain.tools.file_name import safe_name
from a2a_tasks.tasks.results import Results
from a2a_tasks.wecom.exchange import ExchangeEnd
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.result_texts import ResultTexts
from tests.twins.deployment import Deployment, agent
from tests.twins.model import answer, uses

HOSTS = ("files.example.com", "docs.example.org")
GOOD = "https://files.example.com/a/b.pdf?x=1&y=%5B1%5D#p2"
BAD = (
    "http://files.example.com/a",
    "javascript:alert(1)",
    "//files.example.com/a",
    "https://",
    "https:///a",
    "https://[bad",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://2130706433/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://127.1/",
    "https://localhost/a",
    "https://db.internal/a",
    "https://printer.local/a",
    "https://user:pw@files.example.com/a",
    "https://files.example.com:8443/a",
    "https://files.example.com@evil.example/a",
    "https://files.example.com\\@evil.example/a",
    "https://files.example.com/a\nhttps://evil.example",
    "https://files.example.com/a\t",
    "https://files.example.com/a b",
    "https://files.example.com/\x1b[31m",
    "https://files.example.com/)[x](https://evil.example",
    "https://files.example.com/<b>",
    "https://files.example.com/`x`",
    "https://files.example.com/\u202egpj.exe",
    "https://f\u0456les.example.com/a",
    "https://files.example.com./a",
    "https://files.example.com/" + "a" * MAX_LINK,
)


def test_a_link_to_a_host_that_the_agent_names_is_kept_and_marked_as_external() -> None:
    assert problem_of(GOOD, HOSTS) is None
    assert problem_of("https://FILES.example.com", HOSTS) is None


@pytest.mark.parametrize("url", BAD)
def test_what_is_no_plain_link_to_a_public_host_is_neither_kept_nor_shown(url: str) -> None:
    assert problem_of(url, HOSTS) is not None
    assert not is_safe(url)


@pytest.mark.parametrize(
    ("url", "hosts", "problem"),
    [
        (GOOD, (), "artifactHosts is empty"),
        ("https://evil.example/", HOSTS, "docs.example.org, files.example.com alone, not to evil.example"),
        ("https://sub.files.example.com/", HOSTS, "alone"),
        ("https://files.example.com.evil.example/", HOSTS, "alone"),
        (5, HOSTS, "https address"),
    ],
)
def test_the_model_is_told_what_to_do(url: object, hosts: tuple[str, ...], problem: str) -> None:
    assert problem in (problem_of(url, hosts) or "")


@pytest.mark.parametrize("host", ["a.b", "xn--fiq228c.xn--fiqs8s", "1.example.com"])
def test_hosts_on_the_internet(host: str) -> None:
    assert is_public_host(host)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.md", "report.md"),
        ("报告 2026.md", "报告 2026.md"),
        ("../../etc/passwd", "etc-passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        (".bashrc", "bashrc"),
        ("a\x1b[31mb\r\nc\u202egpj.exe", "a-31mb cgpj.exe"),
        ("a](https://evil.example)", "a--https---evil.example-"),
        ("x" * 300, "x" * 200),
        ("\ud800", ""),
        ("../", ""),
    ],
)
def test_a_name_is_one_line_without_paths_and_control_characters(name: str, safe: str) -> None:
    assert safe_name(name, 200) == safe


def test_callers_can_tell_a_link_from_a_file_of_ours(deployment: Deployment) -> None:
    deployment.registry.apply(agent(allowed_tools=("save_artifact",), artifact_hosts=HOSTS))
    task = deployment.submit()
    shared: dict[str, Any] = {"media_type": "text/plain"}
    deployment.model.then(
        uses(
            ("save_artifact", shared | {"name": "../a\x1b.txt", "content": "x"}),
            ("save_artifact", shared | {"name": "b.pdf", "url": GOOD}),
            ("save_artifact", shared | {"name": "c", "url": "https://evil.example/?q=secret"}),
        ),
        answer(),
    )
    deployment.work()
    ended = deployment.now_of(task)
    shown = saved_views(deployment.tasks().results, ended.artifacts, InlineBudget())
    view = artifacts_view(None, shown)
    assert [artifact["metadata"] for artifact in view] == [{"sizeBytes": 1}, {"external": True}]
    ours, theirs = deployment.shown(task)["output"]["artifacts"]
    assert (ours["name"], "external" in ours) == ("a.txt", False)
    assert (theirs["url"], theirs["external"]) == (GOOD, True)


def test_in_a_chat_only_results_are_links_and_those_that_lead_out_say_so(deployment: Deployment) -> None:
    task = deployment.submit()
    deployment.model.then(answer("See [us](https://evil.example/?q=secret)."))
    deployment.work()
    ended = replace(
        deployment.now_of(task),
        artifacts=(
            Artifact("1", "a.txt", "text/plain", key="k"),
            Artifact("2", "b](x", "text/plain", url=GOOD),
            Artifact("3", "old", "text/plain", url="https://169.254.169.254/)\n[x](https://evil.example"),
        ),
    )
    texts = ResultTexts(deployment.store, Results(deployment.payloads, deployment.payloads), deployment.clock)

    told = texts.of_task(ended, ExchangeEnd(0, Status.COMPLETED), Language.EN)

    assert told.text == "See us (`https://evil.example/?q=secret`)."
    assert told.heading == "Files (links work until 09:00, Beijing time; /result makes new ones):"
    first, second, third = told.links
    assert first.startswith("- [a.txt](https://payloads.example/")
    assert second == f"- [b)(x]({GOOD}) (external link: files.example.com)"
    assert third == "- old (link not shown)"
