"""The double's HTTP server: the API, the files that people send, and its own routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from local.doubles.connection import Connection, HttpRequest, answer_all
from local.wecom.callbacks.app import AppSide
from local.wecom.callbacks.bot import BotSide
from local.wecom.callbacks.delivering import Sender
from local.wecom.clock import Clock
from local.wecom.control import CONTROL_PREFIX, Control
from local.wecom.errors import ControlError
from local.wecom.sending.api import API_PREFIX, Api
from local.wecom.sending.media import Upload
from local.wecom.state import State

_BACKLOG = 1_024


class Server:
    """Handles clients' requests."""

    def __init__(self, state: State, clock: Clock, api: Api, control: Control) -> None:
        self._state = state
        self._clock = clock
        self._api = api
        self._control = control

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client's requests until it disconnects."""
        await answer_all(reader, writer, self._answer)

    async def _answer(self, connection: Connection, http: HttpRequest) -> None:
        try:
            if http.path.startswith(CONTROL_PREFIX):
                await connection.send_json(200, await self._control.answer(http), {})
            elif http.path.startswith(API_PREFIX):
                answer = await self._api.answer(http)
                if answer is None:
                    connection.reset()
                elif isinstance(answer, Upload):
                    named = {"content-disposition": f'attachment; filename="{answer.filename}"'}
                    await connection.send(200, "application/octet-stream", answer.content, named)
                else:
                    await connection.send_json(200, answer, {})
            elif (content := self._state.media.fetch(http.path, self._clock.now())) is not None:
                await connection.send(200, "application/octet-stream", content, {})
            else:
                await connection.send(404, "text/plain", b"", {})
        except ControlError as error:
            await connection.send_json(error.status, {"error": error.message}, {})


@asynccontextmanager
async def serving(host: str, port: int, clock: Clock) -> AsyncIterator[int]:
    """Serve for the length of the block; yields the port, which the system chooses if it is given as 0."""
    state = State()
    sender = Sender(clock)
    servers: list[Server] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await servers[0].serve(reader, writer)

    listener = await asyncio.start_server(serve, host, port, backlog=_BACKLOG)
    bound_port: int = listener.sockets[0].getsockname()[1]
    bot = BotSide(state, clock, sender, f"http://{host}:{bound_port}")
    app = AppSide(state, clock, sender)
    servers.append(Server(state, clock, Api(state, clock), Control(state, clock, sender, bot, app)))
    try:
        yield bound_port
    finally:
        listener.close()
        state.exchanges.clear()
        await sender.close()
        listener.abort_clients()
