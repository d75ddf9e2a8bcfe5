"""Agent definitions in files."""

from dataclasses import dataclass
from pathlib import Path

from a2a_tasks.domain.agents.definition import AgentDefinition, InvalidAgent, parse_agent
from a2actl.terminal.fault import Fault
from a2actl.terminal.yaml_files import documents_in


@dataclass(frozen=True)
class FoundAgent:
    """A valid definition; ``source`` names its file, and its document if the file holds several."""

    source: str
    definition: AgentDefinition


def read_agents(paths: list[Path]) -> list[FoundAgent]:
    """Every definition in the files, and in the directories' YAML files.

    Raises ``Fault`` with all problems of all files at once.
    """
    found: list[FoundAgent] = []
    problems: list[str] = []
    for source, document in documents_in(paths, "agent definition"):
        try:
            found.append(FoundAgent(source, parse_agent(document)))
        except InvalidAgent as error:
            problems += [f"{source}: {line}" for line in str(error).splitlines()]
    problems += _repeated(found)
    if problems:
        raise Fault("\n".join([*problems, "Nothing was applied; fix this and apply again."]))
    return found


def _repeated(found: list[FoundAgent]) -> list[str]:
    first: dict[str, str] = {}
    problems = []
    for agent in found:
        agent_id = agent.definition.id
        if agent_id in first:
            problems.append(f"{agent.source}: id: {agent_id!r} is already the agent of {first[agent_id]}")
        first.setdefault(agent_id, agent.source)
    return problems
