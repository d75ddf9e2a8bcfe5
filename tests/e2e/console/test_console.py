"""The console in Chromium, on the real template."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from local.deployed import Project
from tests.e2e.console.reader import Reader, place_of, reading
from tests.e2e.console.seeds import Seeds, ask
from tests.e2e.test_agent_loop import script

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {get: () => hidden, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
FOCUSED = """() => {
    const element = document.activeElement;
    if (element === document.body) return null;
    const shown = [null, "::after"].some((part) => getComputedStyle(element, part).outlineStyle !== "none");
    const first = element !== window.lastFocused;
    window.lastFocused = element;
    return {name: element.outerHTML.slice(0, 120), shown, first};
}"""

IS_PAINTED = """() => {
    const canvas = document.querySelector(".chart canvas");
    if (!canvas?.width) return false;
    const shown = getComputedStyle(document.querySelector(".swatch")).backgroundColor;
    const color = shown.match(/\\d+/g).map(Number);
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    for (let at = 0; at < pixels.length; at += 4)
        if (color.every((part, index) => pixels[at + index] === part)) return true;
    return false;
}"""
"""Whether a bar has the color that the table says."""


def short(task: dict[str, Any]) -> str:
    """How the list names it."""
    return f"…{task['taskId'][-12:]}"


def _lose_the_answer(route: "Route") -> None:
    """The API cancels, and nobody hears of it."""
    if route.request.method == "DELETE":
        route.fetch()
        route.abort()
    else:
        route.fallback()


# ---------------------------------------------------------------- who gets in


def test_a_key_lets_its_owner_in_until_they_leave(browser: "Browser", console_project: Project) -> None:
    with reading(browser, console_project.deployed.api_url) as reader:
        reader.open("usage?by=model")
        reader.page.get_by_label("API key").fill(f"a2a_{'a' * 16}_{'b' * 43}")
        reader.page.get_by_role("button", name="Sign in").click()
        reader.expect(reader.page.get_by_role("alert")).to_contain_text("does not accept this key")

        reader.page.get_by_label("API key").fill(console_project.key)
        reader.page.get_by_role("button", name="Sign in").click()
        reader.sees("heading", "Usage")
        assert reader.place == "usage?by=model", "they are where they wanted to go"
        reader.page.reload()
        reader.sees("heading", "Usage")

        reader.page.get_by_role("button", name="Sign out").click()
        reader.sees("button", "Sign in")
        assert reader.page.evaluate("sessionStorage.length") == 0


def test_the_key_is_in_the_header_of_requests_to_the_api_and_nowhere_else(
    reader: Reader, console_project: Project, seeds: Seeds
) -> None:
    reader.open_task(seeds.worked)
    reader.sees("button", "Attempt 1")
    assert any("/a2a/" in request.url for request in reader.requests)
    for request in reader.requests:
        assert console_project.key not in request.url
        assert request.url.startswith((console_project.deployed.api_url, "data:"))
    stored = reader.page.evaluate(
        "JSON.stringify([localStorage, document.cookie, location.href, history.state])"
    )
    assert console_project.key not in stored


# ---------------------------------------------------------------- the list


def test_filters_are_in_the_address_and_come_back_with_it(reader: Reader, seeds: Seeds) -> None:
    reader.page.get_by_role("group", name="Status").get_by_role("button", name="Failed").click()
    reader.expect(reader.page.get_by_role("link", name=short(seeds.worked))).to_have_count(0)
    reader.sees("link", short(seeds.failed))
    assert reader.place == "tasks?status=failed"

    reader.page.reload()
    reader.sees("link", short(seeds.failed)).click()
    reader.sees("heading", seeds.failed["taskId"])
    reader.page.go_back()
    reader.sees("link", short(seeds.failed))
    reader.expect(reader.page.get_by_role("link", name=short(seeds.worked))).to_have_count(0)


def test_a_task_is_found_by_a_part_of_its_id_from_the_keyboard(reader: Reader, seeds: Seeds) -> None:
    reader.sees("link", short(seeds.failed))
    reader.page.keyboard.press("/")
    reader.page.keyboard.type(seeds.worked["taskId"][-8:])
    reader.expect(reader.page.get_by_role("link", name=short(seeds.failed))).to_have_count(0)
    reader.sees("link", short(seeds.worked))
    assert reader.place == f"tasks?id={seeds.worked['taskId'][-8:]}"


def test_agents_are_chosen_in_a_menu_that_escape_closes(
    reader: Reader, console_project: Project, seeds: Seeds
) -> None:
    reader.page.locator("summary", has_text="Agents").click()
    reader.page.get_by_role("checkbox", name="Toolbox").check()
    reader.expect(reader.page.get_by_role("link", name=short(seeds.failed))).to_have_count(0)
    reader.page.keyboard.press("Escape")
    reader.expect(reader.page.get_by_role("checkbox", name="Toolbox")).to_be_hidden()
    assert reader.place == f"tasks?agent={console_project.id_of('toolbox')}"


def test_what_nothing_matches_says_so(reader: Reader) -> None:
    reader.open(
        "tasks?status=canceled&range=custom&from=2020-01-01T00:00:00.000Z&to=2020-01-02T00:00:00.000Z"
    )
    reader.reads("No task matches these filters.")
    reader.page.locator("main").get_by_role("link", name="Clear filters").first.click()
    reader.sees("table", "Tasks, newest first")


def test_the_list_is_live_and_rests_while_nobody_looks(
    newcomer: Reader, console_project: Project, seeds: Seeds
) -> None:
    newcomer.page.clock.install()
    newcomer.page.reload()
    newcomer.sees("link", short(seeds.worked))
    new = console_project.submit(script("say=new"))
    newcomer.page.clock.fast_forward(10_000)
    newcomer.sees("link", short(new))

    newcomer.page.evaluate(HIDE, True)
    before = len(newcomer.requests)
    newcomer.page.clock.fast_forward(600_000)
    newcomer.page.evaluate("fetch(location.pathname)")  # whatever had begun before would be known by its end
    assert len(newcomer.requests) == before + 1
    with newcomer.page.expect_request(re.compile(r"/tasks\?")):
        newcomer.page.evaluate(HIDE, False)


def test_a_project_of_many_agents_is_asked_for_some_at_a_time(newcomer: Reader) -> None:
    agents = [{"agentId": f"a-{n}", "name": f"A {n}", "model": "sonnet", "enabled": True} for n in range(150)]
    newcomer.page.route("**/agents", lambda route: route.fulfill(json={"agents": agents}))
    newcomer.page.route("**/tasks?*", lambda route: route.fulfill(json={"tasks": []}))
    newcomer.page.reload()
    newcomer.reads("This project has 150 agents. Choose up to 100")
    newcomer.page.locator("summary", has_text="Agents").click()
    newcomer.page.get_by_role("searchbox", name="Search").fill("A 149")
    newcomer.page.get_by_role("checkbox").check()
    newcomer.reads("No task matches these filters.")

    newcomer.requests.clear()
    newcomer.open("inbox")
    newcomer.reads("Nothing to answer")
    asked = [parse_qs(urlsplit(request.url).query)["agentId"][0] for request in newcomer.requests]
    assert [len(each.split(",")) for each in asked] == [100, 50]


# ---------------------------------------------------------------- a task


def test_a_waterfall_tells_attempts_turns_and_tools_with_their_costs(reader: Reader, seeds: Seeds) -> None:
    reader.open_task(seeds.worked)
    for name in (
        "Waits to start",
        "Attempt 1",
        "Turn 1",
        "report_progress",
        "Write",
        "save_artifact",
        "Turn 4",
    ):
        reader.expect(reader.page.locator(".row-name", has_text=name).first).to_be_visible()
    turn = reader.page.get_by_role("button", name=re.compile("^Turn 1"))
    reader.expect(turn).to_contain_text("tokens")
    reader.expect(turn).to_contain_text("$")
    turn.click()
    reader.expect(turn).to_have_attribute("aria-expanded", "true")
    reader.reads("claude-")


def test_a_task_of_another_agent_is_a_step_and_a_link(
    reader: Reader, console_project: Project, seeds: Seeds
) -> None:
    reader.open_task(seeds.parent)
    reader.expect(
        reader.page.locator(".row-name", has_text=f"Task of {console_project.agent_id}")
    ).to_be_visible()
    reader.page.get_by_role("table", name="Tasks that it started").get_by_role("link").click()
    reader.sees("button", "Attempt 1")
    assert f"tasks/{console_project.agent_id}/" in reader.place


def test_results_are_texts_and_never_markup(reader: Reader, seeds: Seeds) -> None:
    reader.open_task(seeds.worked, "result")
    reader.reads("It is done. <img src=x onerror=")
    reader.expect(reader.page).to_have_title("Tasks · a2a-tasks")
    assert reader.page.locator("main img, main script").count() == 0
    artifact = reader.page.get_by_role("link", name="notes.md")
    reader.expect(artifact).to_have_attribute("rel", "noopener noreferrer")
    reader.expect(artifact).to_have_attribute("href", re.compile("^http"))

    reader.open_task(seeds.worked, "messages")
    reader.reads("<script>document.title='owned'</script>")
    reader.expect(reader.page).to_have_title("Tasks · a2a-tasks")


def test_a_conversation_is_read_whole(reader: Reader, seeds: Seeds) -> None:
    reader.open_task(seeds.talked, "messages")
    reader.page.get_by_role("link", name="The whole conversation").click()
    reader.reads("Good morning.")
    reader.sees("heading", "Conversation talk-1")


def test_what_a_webhook_was_sent_is_told(reader: Reader, seeds: Seeds) -> None:
    reader.open_task(seeds.told, "deliveries")
    reader.expect(reader.page.get_by_role("table", name="Webhooks")).to_contain_text("Delivered")


def test_a_failure_says_why(reader: Reader, seeds: Seeds) -> None:
    reader.open_task(seeds.failed)
    reader.expect(reader.page.get_by_role("region", name="Why it failed")).to_contain_text("EXECUTION_ERROR")


def test_a_task_that_is_not_there_says_so(reader: Reader, console_project: Project) -> None:
    reader.open(f"tasks/{console_project.agent_id}/01900000-0000-7000-8000-000000000000")
    reader.expect(reader.page.get_by_role("alert")).to_contain_text("TASK_NOT_FOUND")


def test_a_live_task_is_followed_to_its_end(reader: Reader, console_project: Project) -> None:
    slow = console_project.submit(script(f"delay=4; say={'word ' * 40}"))
    with reader.page.expect_request(re.compile(r":subscribe$")) as asked:
        reader.open_task(slow)
    assert asked.value.headers["authorization"] == f"Bearer {console_project.key}"
    reader.expect(reader.page.get_by_role("region", name="Being written")).to_contain_text("word word")
    reader.expect(reader.page.locator(".summary .status")).to_have_text("Completed")
    reader.expect(reader.page.get_by_role("region", name="Being written")).to_have_count(0)


def test_without_a_stream_to_spare_a_live_task_is_asked_after(
    newcomer: Reader, console_project: Project
) -> None:
    refusal = {"status": 429, "headers": {"Retry-After": "1"}, "json": {"error": "Too many streams."}}
    newcomer.page.route("**/*:subscribe", lambda route: route.fulfill(**refusal))
    slow = console_project.submit(script("delay=2; say=done"))
    newcomer.open_task(slow)
    newcomer.expect(newcomer.page.locator(".summary .status")).to_have_text("Completed")


def test_what_got_lost_on_its_way_can_be_sent_again(reader: Reader, console_project: Project) -> None:
    waiting = console_project.submit(script("say=late"), delaySeconds=600)
    reader.open_task(waiting)
    reader.sees("button", "Cancel task").click()
    cancel = reader.page.get_by_role("dialog").get_by_role("button", name="Cancel task")
    reader.page.route("**/tasks/*", _lose_the_answer)
    cancel.click()
    reader.expect(reader.page.get_by_role("dialog")).to_contain_text("The API does not answer.")
    assert console_project.get(waiting)["status"] == "canceled"
    reader.page.unroute("**/tasks/*", _lose_the_answer)
    cancel.click()
    reader.expect(reader.page.locator(".summary .status")).to_have_text("Canceled")


def test_cancel_asks_first(reader: Reader, console_project: Project) -> None:
    waiting = console_project.submit(script("delay=60; say=late"), delaySeconds=600)
    reader.open_task(waiting)
    reader.sees("button", "Cancel task").click()
    reader.sees("dialog", "Cancel this task?")
    reader.page.keyboard.press("Escape")
    reader.expect(reader.page.get_by_role("dialog")).to_have_count(0)
    assert console_project.get(waiting)["status"] == "pending"

    reader.page.get_by_role("button", name="Cancel task").click()
    reader.page.get_by_role("dialog").get_by_role("button", name="Cancel task").click()
    reader.expect(reader.page.locator(".summary .status")).to_have_text("Canceled")
    assert console_project.get(waiting)["status"] == "canceled"


def test_a_failed_task_is_done_again_as_another_one(reader: Reader, seeds: Seeds) -> None:
    reader.open_task(seeds.failed)
    reader.sees("button", "Retry").click()
    reader.page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    reader.expect(reader.page.get_by_text("Retry of")).to_be_visible()
    assert place_of(seeds.failed) != reader.place
    reader.sees("link", short(seeds.failed))


# ---------------------------------------------------------------- the inbox, and usage


def test_a_question_is_answered_in_the_inbox(reader: Reader, console_project: Project) -> None:
    asked = ask(console_project, "Which color?", ["red", "blue"])
    console_project.wait(asked, frozenset({"input_required"}))
    reader.page.get_by_role("link", name="Inbox").click()
    question = reader.page.get_by_role("listitem").filter(has_text="Which color?")
    question.get_by_role("button", name="blue").click()
    reader.expect(question.get_by_label("Your answer")).to_have_value("blue")
    question.get_by_role("button", name="Send answer").click()
    reader.expect(question).to_have_count(0)
    assert console_project.wait(asked)["output"]["result"] == "blue"


def test_usage_leads_to_tasks(reader: Reader, console_project: Project, seeds: Seeds) -> None:
    reader.page.get_by_role("link", name="Usage").click()
    row = reader.page.get_by_role("row").filter(has_text=console_project.id_of("toolbox"))
    reader.expect(row).to_contain_text("$")
    reader.page.wait_for_function(IS_PAINTED)
    row.get_by_role("link").click()
    reader.sees("link", short(seeds.worked))
    reader.expect(reader.page.get_by_role("link", name=short(seeds.failed))).to_have_count(0)


@pytest.mark.parametrize("by", ["model", "key", "day"])
def test_usage_is_told_by_model_key_and_day(reader: Reader, by: str) -> None:
    reader.open("usage")
    reader.page.get_by_label("By").select_option(by)
    reader.expect(reader.page.locator("main table tbody tr").first).to_contain_text("$")
    assert f"by={by}" in reader.place


# ---------------------------------------------------------------- for everybody


def everywhere(seeds: Seeds) -> Iterator[tuple[str, str]]:
    """Every view: where it is, and the style class of what shows that it is there."""
    yield "tasks", ".tasks"
    yield "tasks?status=running&range=custom", ".filters"
    yield place_of(seeds.worked), ".waterfall"
    yield f"{place_of(seeds.worked)}?tab=result", ".artifacts"
    yield f"{place_of(seeds.worked)}?tab=messages", ".said"
    yield f"{place_of(seeds.told)}?tab=deliveries", ".delivery"
    yield place_of(seeds.asking), ".answer"
    yield place_of(seeds.failed), ".failure"
    yield "inbox", ".questions .answer"
    yield "usage", ".chart canvas"
    yield "nowhere", ".empty"


def test_axe_finds_nothing(browser: "Browser", console_project: Project, seeds: Seeds) -> None:
    found: list[str] = []

    def look(reader: Reader, place: str) -> None:
        for scheme, rules in (("dark", ["color-contrast"]), ("light", None)):
            reader.page.emulate_media(color_scheme=scheme)
            found.extend(f"{place}, {scheme}: {each}" for each in reader.violations(rules))

    with reading(browser, console_project.deployed.api_url) as reader:
        reader.open()
        reader.sees("button", "Sign in")
        look(reader, "sign in")
        reader.sign_in(console_project.key)
        for place, shown in everywhere(seeds):
            reader.open(place)
            reader.page.locator(shown).first.wait_for()
            look(reader, place)
        reader.open_task(seeds.worked)
        reader.sees("button", "Turn 1").click()
        look(reader, "an open step")
        reader.open_task(seeds.failed)
        reader.sees("button", "Retry").click()
        look(reader, "a dialog")
    assert found == []


def test_nothing_is_wider_than_a_small_phone(
    browser: "Browser", console_project: Project, seeds: Seeds
) -> None:
    with reading(browser, console_project.deployed.api_url, viewport={"width": 320, "height": 640}) as reader:
        reader.sign_in(console_project.key)
        for place, shown in everywhere(seeds):
            reader.open(place)
            reader.page.locator(shown).first.wait_for()
            assert reader.page.evaluate("document.documentElement.scrollWidth") <= 320, place


def test_the_keyboard_goes_everywhere_and_is_kept_nowhere(reader: Reader, seeds: Seeds) -> None:
    for place in ("tasks", place_of(seeds.worked)):
        reader.open(place)
        reader.sees("link", short(seeds.worked)) if place == "tasks" else reader.sees("button", "Turn 1")
        reader.page.evaluate("document.activeElement.blur()")
        met: list[str] = []
        for _ in range(200):
            reader.page.keyboard.press("Tab")
            focused = reader.page.evaluate(FOCUSED)
            if focused is None:
                break
            assert focused["shown"], f"nobody sees the focus on {focused['name']}"
            assert focused["first"], f"the focus stays on {focused['name']}"
            met.append(focused["name"])
        else:
            pytest.fail(f"the focus never leaves the page: {met[-5:]}")
        assert len(met) > 10


def test_chinese_and_dark_colors_are_kept_for_the_next_visit(newcomer: Reader) -> None:
    newcomer.page.get_by_role("button", name="中文").click()
    newcomer.sees("heading", "任务")
    newcomer.page.get_by_role("button", name="配色").click()
    newcomer.page.get_by_role("button", name="配色").click()
    light = newcomer.page.evaluate("getComputedStyle(document.body).backgroundColor")
    newcomer.page.reload()
    newcomer.sees("heading", "任务")
    assert newcomer.page.evaluate("document.documentElement.lang") == "zh-CN"
    assert (
        newcomer.page.evaluate("getComputedStyle(document.body).backgroundColor")
        == light
        == "rgb(16, 17, 20)"
    )
    newcomer.page.get_by_role("button", name="English").click()
    newcomer.sees("heading", "Tasks")


def test_a_reader_of_chinese_is_met_in_chinese(browser: "Browser", console_project: Project) -> None:
    with reading(browser, console_project.deployed.api_url, locale="zh-CN") as reader:
        reader.open()
        reader.sees("button", "登录")
