"""One deployment of the real template on the emulator, for all end-to-end tests.

It has its own folder and ports, so that it never meets the stack of `make run`.
"""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from a2a_tasks.adapters.dynamodb_registry import DynamoDBRegistry
from a2a_tasks.domain import api_key
from a2a_tasks.domain.agent_definition import parse_agent
from a2a_tasks.domain.api_key import ApiKey

from local.stack import LocalStack
from local.standin.client import StandInClient
from tests.e2e.deployed import Deployed, Project

AGENTS = Path(__file__).parent / "agents.yaml"


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployed]:
    folder = Path(tempfile.mkdtemp(prefix="a2a-tasks-e2e-"))
    stack = LocalStack.separate(folder)
    try:
        deployment = stack.up()
        yield Deployed(stack, deployment, StandInClient(f"http://127.0.0.1:{stack.ports.stand_in}"))
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def project(deployed: Deployed) -> Project:
    return make_project(deployed, "alpha")


@pytest.fixture(scope="session")
def other_project(deployed: Deployed) -> Project:
    return make_project(deployed, "beta")


def make_project(deployed: Deployed, project_id: str) -> Project:
    """A project with a key and the agents of `agents.yaml`, each under the project's name."""
    registry = DynamoDBRegistry(deployed.client("dynamodb"), deployed.outputs["RegistryTable"])
    now = deployed.now()
    registry.create_project(project_id, now)
    for document in yaml.safe_load_all(AGENTS.read_text()):
        agent = parse_agent(document | {"id": f"{project_id}-{document['id']}"})
        registry.apply_agent(agent.id, project_id, agent.to_stored(), now)
    key_id, key, secret_sha256 = api_key.issue(secrets.token_bytes(42))
    registry.create_key(ApiKey(key_id, project_id, "e2e", secret_sha256, now))
    return Project(deployed, project_id, key, key_id, registry)
