"""What the crash tests let happen: the tasks of each scenario, and what the model does in their turns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from a2a_tasks.domain.access.project import ProjectSettings
from a2a_tasks.ports.model import ModelBusy
from tests.twins.deployment import FUNCTION_SECONDS, Deployment, agent
from tests.twins.model import Plan, after, answer, uses

LARGE = "x" * 20_000
NOTES = "The colour is blue."
REPORT = "# Report"
QUESTION = "Which colour?"
ANSWER = "Blue."
TURN_SECONDS = 20


@dataclass(frozen=True)
class Scenario:
    """``replies`` is how many of the model's replies it takes where nothing goes wrong."""

    begin: Callable[[Deployment], object]
    replies: int
    function_seconds: float = FUNCTION_SECONDS


def says(deployment: Deployment, text: str) -> Plan:
    """An answer, another one in every call."""
    return lambda prefix: after(deployment.clock, TURN_SECONDS, answer(f"{text} ({prefix})"))


def calls(deployment: Deployment, *tools: tuple[str, dict[str, Any]]) -> Plan:
    """A turn that calls tools, by other ids in every call."""
    return lambda prefix: after(deployment.clock, TURN_SECONDS, uses(*tools, text=prefix, prefix=prefix))


def single_turns(deployment: Deployment) -> None:
    """A large answer, and a model that is overloaded once, in one invocation."""
    deployment.submit(LARGE)
    deployment.submit("busy")
    deployment.model.plan(LARGE, says(deployment, LARGE))
    deployment.model.on("busy", ModelBusy("Overloaded."), answer("At last."), answer("Once more."))


def tools(deployment: Deployment) -> None:
    """Three turns, with tools that may run again and tools that may not, and an artifact."""
    names = ("Read", "Write", "Edit", "report_progress", "save_artifact")
    deployment.registry.apply(agent(allowed_tools=names))
    deployment.registry.put_project(ProjectSettings("demo", daily_tokens=1_000_000))
    deployment.submit("use tools")
    deployment.model.plan(
        "use tools",
        calls(
            deployment,
            ("report_progress", {"step": "Taking notes", "percent": 10}),
            ("Write", {"file_path": "notes.md", "content": NOTES}),
        ),
        calls(
            deployment,
            ("Read", {"file_path": "notes.md"}),
            ("Edit", {"file_path": "notes.md", "old_string": "blue", "new_string": "green"}),
            ("save_artifact", {"name": "report.md", "media_type": "text/markdown", "content": REPORT}),
        ),
        says(deployment, "The report is there."),
    )


def question(deployment: Deployment) -> None:
    """The agent asks, is answered, and ends."""
    deployment.registry.apply(agent(allowed_tools=("ask_user",)))
    deployment.submit("ask")
    deployment.model.plan(
        "ask", calls(deployment, ("ask_user", {"question": QUESTION})), says(deployment, "Blue it is.")
    )


def child(deployment: Deployment) -> None:
    """An agent has another one work for it."""
    deployment.registry.apply(agent(allowed_tools=("call_agent",)))
    deployment.registry.apply(agent("helper"))
    deployment.registry.put_project(ProjectSettings("demo", callable_agents=frozenset({"helper"})))
    deployment.submit("delegate")
    deployment.model.plan(
        "delegate",
        calls(deployment, ("call_agent", {"agent": "helper", "message": "help"})),
        says(deployment, "Both are done."),
    )
    deployment.model.plan("help", says(deployment, "Helped."))


def hand_over(deployment: Deployment) -> None:
    """Five turns in functions that have time for three, the last one with a large answer."""
    deployment.registry.apply(agent(allowed_tools=("report_progress",)))
    deployment.submit("go on")
    steps = [calls(deployment, ("report_progress", {"step": f"Step {n}"})) for n in range(4)]
    deployment.model.plan("go on", *steps, says(deployment, LARGE))


def full_slots(deployment: Deployment) -> None:
    """Four tasks of an agent that may run two, two of them in one conversation."""
    deployment.registry.apply(agent(max_concurrent_tasks=2))
    for name, context in (("one", "talk"), ("two", "talk"), ("three", None), ("four", None)):
        deployment.submit(name, context_id=context)
        deployment.model.plan(name, says(deployment, f"Done with {name}."))


SCENARIOS = {
    "single turns": Scenario(single_turns, replies=2),
    "tools": Scenario(tools, replies=3),
    "question": Scenario(question, replies=2),
    "child": Scenario(child, replies=3),
    "hand-over": Scenario(hand_over, replies=5, function_seconds=110),
    "full slots": Scenario(full_slots, replies=4),
}
