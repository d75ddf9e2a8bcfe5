"""Files of agent definitions: YAML, one or several documents each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from a2a_tasks.domain.agent_definition import AgentDefinition, InvalidAgent, parse_agent
from a2actl.fault import Fault

_SUFFIXES = (".yaml", ".yml")


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
    for file in _files(paths):
        for source, document in _documents(file):
            try:
                found.append(FoundAgent(source, parse_agent(document)))
            except InvalidAgent as error:
                problems += [f"{source}: {line}" for line in str(error).splitlines()]
    problems += _repeated(found)
    if problems:
        raise Fault("\n".join([*problems, "Nothing was applied; correct this and apply again."]))
    return found


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES and file.is_file())
        if not inside:
            raise Fault(f"{path}: this directory holds no .yaml or .yml file.")
        yield from inside


def _documents(file: Path) -> list[tuple[str, object]]:
    try:
        documents = [found for found in yaml.safe_load_all(file.read_text("utf-8")) if found is not None]
    except OSError as error:
        raise Fault(f"{file}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise Fault(f"{file}: is not UTF-8 text; save it as UTF-8.") from None
    except yaml.YAMLError as error:
        raise Fault(f"{file}: is not valid YAML: {' '.join(str(error).split())}") from None
    if not documents:
        raise Fault(f"{file}: holds no agent definition.")
    if len(documents) == 1:
        return [(str(file), documents[0])]
    return [(f"{file} (document {number})", found) for number, found in enumerate(documents, 1)]


def _repeated(found: list[FoundAgent]) -> list[str]:
    first: dict[str, str] = {}
    problems = []
    for agent in found:
        agent_id = agent.definition.id
        if agent_id in first:
            problems.append(f"{agent.source}: id: {agent_id!r} is already the agent of {first[agent_id]}")
        first.setdefault(agent_id, agent.source)
    return problems
