"""The protocol's own client (a2a-sdk 1.x), talking to the deployed system over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.client.client import ClientCallContext
from a2a.types import Message, Part, Role, SendMessageConfiguration, SendMessageRequest, Task

from local.deployed import Project

SECONDS = 60


@dataclass(frozen=True)
class A2AClient:
    """One agent's client."""

    sdk: Client

    async def send(
        self,
        text: str,
        *,
        task_id: str = "",
        context_id: str = "",
        parts: tuple[Part, ...] = (),
        headers: dict[str, str] | None = None,
        configuration: SendMessageConfiguration | None = None,
    ) -> Task:
        """Send a message; the task that it made or went to."""
        message = Message(
            message_id=uuid4().hex,
            role=Role.ROLE_USER,
            parts=[Part(text=text), *parts],
            task_id=task_id,
            context_id=context_id,
        )
        request = SendMessageRequest(message=message, configuration=configuration)
        context = ClientCallContext(service_parameters=headers or {})
        (answer,) = [each async for each in self.sdk.send_message(request, context=context)]
        return answer.task


@asynccontextmanager
async def connected(
    project: Project,
    agent_id: str,
    binding: str,
    *,
    polling: bool = False,
    streaming: bool = False,
) -> AsyncIterator[A2AClient]:
    """Discover an agent by its card, and speak this binding with it."""
    headers = {"Authorization": f"Bearer {project.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=SECONDS, trust_env=False) as http:
        config = ClientConfig(
            httpx_client=http, supported_protocol_bindings=[binding], polling=polling, streaming=streaming
        )
        base_url = f"{project.deployed.api_url}/a2a/{agent_id}"
        yield A2AClient(await ClientFactory(config).create_from_url(base_url))
