"""A program with the protocol's client as it was (a2a-sdk 0.3.x), which needs an environment of its own.

Started with an agent's 0.3 address, and its key in the environment, it discovers the agent and does what each
line on its standard input asks for, ``{"call", …}``; it answers with a line, ``{"result"}`` or ``{"error"}``.
"""

import asyncio
import json
import os
import sys
from uuid import uuid4

import httpx
from a2a.client import ClientConfig, ClientFactory
from a2a.client.errors import A2AClientHTTPError, A2AClientJSONRPCError
from a2a.types import (
    GetTaskPushNotificationConfigParams,
    Message,
    MessageSendConfiguration,
    Part,
    PushNotificationConfig,
    Role,
    TaskIdParams,
    TaskPushNotificationConfig,
    TaskQueryParams,
    TextPart,
)


def shown(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


class Calls:
    def __init__(self, client, streaming):
        self.client = client
        self.streaming = streaming

    async def card(self):
        return shown(await self.client.get_card())

    async def send(self, **message):
        (answer,) = [each async for each in self._sent(self.client, **message)]
        return shown(answer[0] if isinstance(answer, tuple) else answer)

    async def stream(self, **message):
        return await self._followed(self._sent(self.streaming, **message))

    async def resubscribe(self, task_id):
        return await self._followed(self.streaming.resubscribe(TaskIdParams(id=task_id)))

    async def get(self, task_id):
        return shown(await self.client.get_task(TaskQueryParams(id=task_id)))

    async def cancel(self, task_id):
        return shown(await self.client.cancel_task(TaskIdParams(id=task_id)))

    async def set_push(self, task_id, config):
        both = TaskPushNotificationConfig(
            task_id=task_id, push_notification_config=PushNotificationConfig.model_validate(config)
        )
        return shown(await self.client.set_task_callback(both))

    async def get_push(self, task_id, config_id=None):
        params = GetTaskPushNotificationConfigParams(id=task_id, push_notification_config_id=config_id)
        return shown(await self.client.get_task_callback(params))

    def _sent(self, client, text, task_id=None, context_id=None, blocking=True, push=None):
        message = Message(
            message_id=uuid4().hex,
            role=Role.user,
            parts=[Part(root=TextPart(text=text))],
            task_id=task_id,
            context_id=context_id,
        )
        configuration = MessageSendConfiguration(
            blocking=blocking,
            push_notification_config=PushNotificationConfig.model_validate(push) if push else None,
        )
        return client.send_message(message, configuration=configuration)

    async def _followed(self, events):
        """The task as the client has put it together at the end, and the kinds of what came."""
        told = [each async for each in events]
        kinds = [update.kind if update else "task" for _, update in told]
        return {"task": shown(told[-1][0]), "kinds": kinds}


async def main(address):
    headers = {"Authorization": f"Bearer {os.environ['A2A_KEY']}"}
    async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        client, streaming = [
            await ClientFactory.connect(address, ClientConfig(httpx_client=http, streaming=streams))
            for streams in (False, True)
        ]
        calls = Calls(client, streaming)
        for line in sys.stdin:
            asked = json.loads(line)
            try:
                answer = {"result": await getattr(calls, asked.pop("call"))(**asked)}
            except A2AClientJSONRPCError as error:
                answer = {"error": shown(error.error)}
            except A2AClientHTTPError as error:
                answer = {"error": {"status": error.status_code}}
            print(json.dumps(answer), flush=True)  # noqa: T201


asyncio.run(main(sys.argv[1]))
