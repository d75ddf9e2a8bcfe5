"""A program with Google's Agent Development Kit (google-adk), which needs an environment of its own.

Started with an agent's address, and its key in the environment, it lets ADK's `RemoteA2aAgent` talk with the
agent: each line on its standard input, a JSON string, is said in one session, and answered with a line,
``{"texts", "asked", "error"}``.
"""

import asyncio
import json
import os
import sys

import httpx
from google.adk.agents.remote_a2a_agent import RemoteA2aAgent
from google.adk.runners import InMemoryRunner
from google.genai.types import Content, Part


async def said(runner, session, text):
    message = Content(role="user", parts=[Part(text=text)])
    told = {"texts": [], "asked": [], "error": None}
    async for event in runner.run_async(user_id=session.user_id, session_id=session.id, new_message=message):
        parts = event.content.parts if event.content and event.content.parts else []
        if not event.partial:
            told["texts"] += [part.text for part in parts if part.text and not part.thought]
        # a question is a call of a tool that never ends, which ADK makes up
        told["asked"] += [
            text for part in parts if part.function_call for text in part.function_call.args.values()
        ]
        told["error"] = event.error_message or told["error"]
    return told


async def main(address):
    headers = {"Authorization": f"Bearer {os.environ['A2A_KEY']}"}
    async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        card = f"{address}/.well-known/agent-card.json"
        agent = RemoteA2aAgent(name="remote", agent_card=card, httpx_client=http)
        runner = InMemoryRunner(agent=agent, app_name="test")
        session = await runner.session_service.create_session(app_name="test", user_id="somebody")
        for line in sys.stdin:
            answer = await said(runner, session, json.loads(line))
            print(json.dumps(answer), flush=True)  # noqa: T201


asyncio.run(main(sys.argv[1]))
