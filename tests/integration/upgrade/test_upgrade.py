"""An upgrade, and the way back: tasks in every state under one release go on under the other.

The release before this one and this one work on one account, each with its own code, environment and tables'
definition, on the emulator. Nothing is deployed: what stays over a deployment are tables, queues and objects,
and old and new processes beside each other, while versions are switched. All of it is ``make upgrade-test``.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.builds.previous_release import Release, previous_release
from local.deployed import wait_until
from local.stack.local_stack import LocalStack
from local.standin.client import StandInClient
from local.tools import ROOT
from tests.integration.upgrade.world import World, at_work

REGION = "eu-central-1"
AGENTS = [
    {
        "id": "assistant",
        "name": "Assistant",
        "maxConcurrentTasks": 50,
        "allowedTools": ["report_progress", "ask_user"],
    },
    {"id": "child", "name": "Child"},
    {"id": "parent", "name": "Parent", "allowedTools": ["call_agent"]},
    {"id": "single", "name": "One at a time", "maxConcurrentTasks": 1},
]
LONG = "长" * 20_000
TERMINAL = {"completed", "failed", "canceled"}
LEASE_SECONDS = 6

type Worlds = tuple[World, World]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return previous_release(tmp_path_factory.mktemp("previous"))


@pytest.fixture
def emulated(tmp_path: Path) -> Iterator[LocalStack]:
    stack = LocalStack.separate(tmp_path / "stack")
    stack.enforce_iam = False  # the roles of both are tested where they are deployed
    stack.start()
    try:
        yield stack
    finally:
        stack.kill()


@pytest.fixture
def worlds(emulated: LocalStack, release: Release) -> Iterator[dict[str, World]]:
    variables = {**emulated.aws_environment, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    with at_work(release.tree, variables) as old, at_work(ROOT, variables) as new:
        yield {"old": old, "new": new}


@pytest.fixture
def standin(emulated: LocalStack) -> StandInClient:
    return StandInClient(f"http://127.0.0.1:{emulated.ports.stand_in}")


def aws(stack: LocalStack, service: Any) -> Any:
    return stack.session().client(service, endpoint_url=stack.endpoint_url, region_name=REGION)


def settle_in(stack: LocalStack, before: World, after: World) -> None:
    """An account as the first release makes it, and what CloudFormation would add for the second."""
    before.resources = after.resources = before.ask("make_account", agents=AGENTS)
    before.overrides = after.overrides = {
        "CLAUDE_BASE_URL": stack.claude.base_url,
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "REQUESTS_PER_HOUR": "0",
        "TASK_CREATIONS_PER_HOUR": "0",
    }
    dynamodb = aws(stack, "dynamodb")
    there = before.ask("tables")
    for table, wanted in after.ask("tables").items():
        known = {index["IndexName"] for index in there[table].get("GlobalSecondaryIndexes", [])}
        for index in wanted.get("GlobalSecondaryIndexes", []):
            if index["IndexName"] not in known:
                dynamodb.update_table(
                    TableName=before.resources[table],
                    AttributeDefinitions=wanted["AttributeDefinitions"],
                    GlobalSecondaryIndexUpdates=[{"Create": index}],
                )


def post(world: World, agent: str, message: str, **fields: Any) -> str:
    """Create a task; where to read it."""
    answer = world.api.post(agent, {"message": message, **fields})
    assert answer.status == 202, answer.text
    return str(answer.body["checkUrl"])


def read(world: World, url: str) -> dict[str, Any]:
    answer = world.api.get(url)
    assert answer.status == 200, answer.text
    task: dict[str, Any] = answer.body
    return task


def told(*steps: str) -> str:
    return f"[[standin: {' | '.join(steps)}]]"


def tool(name: str, /, **arguments: Any) -> str:
    return f"tool={name}:{json.dumps(arguments)}"


def run_until(stack: LocalStack, world: World, is_done: Callable[[], bool], seconds: float = 60) -> None:
    """What the queue and the schedule start, until it is done."""
    sqs = aws(stack, "sqs")

    def step() -> bool:
        if not world.work(sqs):
            world.invoke("sweeper", {})
        return is_done()

    wait_until(step, seconds, "the tasks' ends", every=0.3)


def in_every_state(stack: LocalStack, world: World, standin: StandInClient) -> dict[str, str]:
    """Tasks by the state that the release leaves them in."""
    sqs = aws(stack, "sqs")
    tasks = {
        "completed": post(world, "assistant", f"{told('say=done')} {LONG}", sessionId="talk"),
        "failed": post(world, "assistant", told("err=400")),
        "asking": post(
            world, "assistant", told(tool("ask_user", question="Which year?"), "say=${last_tool_result}")
        ),
        "after-overload": post(world, "assistant", told("err=529", "say=at last")),
    }
    run_until(
        stack,
        world,
        lambda: (
            [read(world, tasks[name])["status"] for name in ("completed", "failed", "asking")]
            == ["completed", "failed", "input_required"]
        ),
    )
    tasks["canceled"] = post(world, "assistant", told("say=never"))
    assert world.api.delete(tasks["canceled"]).status in (200, 202)
    # a worker that dies after one saved turn, in the middle of the next
    steps = tool("report_progress", step="half"), "delay=60; once; say=late", "say=second half"
    tasks["half done"] = post(world, "assistant", f"{told(*steps)} upgrade-half")
    world.begin_work(sqs)
    wait_until(lambda: len(standin.calls(marker="upgrade-half")) == 2, 30, "the second turn")
    world.kill()
    tasks["awaiting a child"] = post(
        world,
        "parent",
        told(
            tool("call_agent", agent="child", message=told("say=from the child")), "say=${last_tool_result}"
        ),
    )
    world.work(sqs)
    tasks["holding a slot"] = post(world, "single", told("say=first"))
    tasks["in line"] = post(world, "single", told("say=second"))
    tasks["delayed"] = post(world, "assistant", told("say=later"), delaySeconds=5)
    tasks["in a batch"] = post(world, "child", told("say=in a batch"), lane="batch", timeout=3_600_000)
    tasks["pending"] = post(world, "assistant", f"{told('say=new')} {LONG}", sessionId="talk")
    return tasks


EXPECTED = {
    "completed": "completed",
    "failed": "failed",
    "asking": "completed",
    "after-overload": "completed",
    "canceled": "canceled",
    "half done": "completed",
    "awaiting a child": "completed",
    "holding a slot": "completed",
    "in line": "completed",
    "delayed": "completed",
    "pending": "completed",
}


@pytest.mark.parametrize("way", [("old", "new"), ("new", "old")], ids=["upgrade", "way back"])
def test_tasks_in_every_state_go_on_under_the_other_release(
    way: tuple[str, str], worlds: dict[str, World], emulated: LocalStack, standin: StandInClient
) -> None:
    before, after = (worlds[name] for name in way)
    settle_in(emulated, before, after)
    tasks = in_every_state(emulated, before, standin)

    # all are read, and what was accepted once is not accepted again
    seen = {name: read(after, url) for name, url in tasks.items()}
    assert seen == {name: read(before, url) for name, url in tasks.items()}
    listed = after.api.get("/a2a/assistant/tasks?limit=100").body["tasks"]
    assert {task["taskId"] for task in listed} >= {seen[name]["taskId"] for name in ("completed", "pending")}
    answered = after.api.send("POST", f"{tasks['asking']}/messages", body='{"message": "2026"}')
    assert answered.status == 202

    # side by side: whoever comes takes a message
    sqs = aws(emulated, "sqs")
    mixed = {n: post((before, after)[n % 2], "assistant", told(f"say=mixed {n}")) for n in range(6)}
    for world in (after, before) * 2:
        world.work(sqs)
        world.invoke("sweeper", {})

    # and alone
    everything = {name: url for name, url in tasks.items() if name != "in a batch"} | mixed
    run_until(
        emulated, after, lambda: all(read(after, url)["status"] in TERMINAL for url in everything.values())
    )

    ended = {name: read(after, url) for name, url in everything.items()}
    assert {name: ended[name]["status"] for name in tasks if name in ended} == EXPECTED
    assert {ended[n]["output"]["result"] for n in mixed} == {f"mixed {n}" for n in mixed}
    assert ended["asking"]["output"]["result"] == "2026"
    assert "from the child" in ended["awaiting a child"]["output"]["result"]
    assert ended["half done"]["output"]["result"] == "second half"
    assert len(standin.calls(marker="upgrade-half")) == 3, "the saved turn was paid for twice"
    # the other lane
    after.invoke("batcher", {})
    assert read(after, tasks["in a batch"])["status"] in {"pending", "running", "completed"}
    # back once more: what the other release has ended is read
    assert {name: read(before, url)["status"] for name, url in everything.items()} == {
        name: task["status"] for name, task in ended.items()
    }


def test_a_release_is_tagged(release: Release) -> None:
    """Says aloud if the upgrade was from this commit to itself, which proves the machinery and no more."""
    if release.stands_in:
        pytest.skip(
            f"{release.stands_in}: the upgrade test was from HEAD to HEAD (git fetch --tags --unshallow)"
        )
    assert (release.tree / "template.yaml").exists()
