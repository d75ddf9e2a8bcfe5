"""Plays one step of a conversation to the client."""

import asyncio
import secrets
from dataclasses import dataclass, field

from local.doubles.connection import Connection
from local.standin.calls import Call, CallLog
from local.standin.conversation import Turn
from local.standin.errors import ApiError
from local.standin.replies import events
from local.standin.replies.reply import Reply
from local.standin.request.messages_request import MessagesRequest
from local.standin.step import Break, Step

_PING_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Playback:
    """One valid call that is being answered."""

    connection: Connection
    log: CallLog
    call: Call
    turn: Turn
    message_id: str = field(default_factory=lambda: f"msg_{secrets.token_hex(12)}")

    async def play(self) -> None:
        """Answer as the step says, and record how it ended. Raises ApiError if the response is an error."""
        await asyncio.sleep(self.step.wait)
        if self.step.breaks is Break.SILENT:
            await _forever()
        reply = self.turn.reply()
        if self.request.streams:
            await self._stream(reply)
        else:
            await self._send_whole(reply)

    @property
    def step(self) -> Step:
        """The step that the call gets."""
        return self.turn.step

    @property
    def request(self) -> MessagesRequest:
        """The call's request."""
        return self.turn.request

    @property
    def _headers(self) -> dict[str, str]:
        return {"request-id": self.call.request_id}

    async def _send_whole(self, reply: Reply) -> None:
        await asyncio.sleep(self.step.delay or 0)
        if self.step.sse_error is not None:
            raise ApiError.from_type(self.step.sse_error)
        match self.step.breaks:
            case Break.EOF | Break.DROP:
                self._drop()
            case Break.HANG | Break.PING:
                await _forever()
            case _:
                usage = self.turn.usage.to_whole(reply)
                message = events.message_json(self.request, reply, usage, self.message_id)
                self.call.usage = usage
                self.call.mark_first_byte()
                await self.connection.send_json(200, message, self._headers)
                self.log.end(self.call, "completed")

    async def _stream(self, reply: Reply) -> None:
        self.call.usage = self.turn.usage.to_start()
        self.call.mark_first_byte()
        await self.connection.start_stream(
            self._headers, events.opening(self.request, reply, self.turn.usage, self.message_id)
        )
        await self._send_content(reply)
        match self.step.breaks:
            case _ if self.step.sse_error is not None:
                error = ApiError.from_type(self.step.sse_error)
                await self.connection.end_stream(events.encode("error", error.to_body(self.call.request_id)))
                self.log.end(self.call, f"error {error.type}")
            case Break.EOF:
                await self.connection.end_stream()
                self.log.end(self.call, "cut")
            case Break.DROP:
                self._drop()
            case Break.HANG:
                await _forever()
            case Break.PING:
                await self._ping_forever()
            case _:
                await self.connection.end_stream(events.closing(self.request, reply, self.turn.usage))
                self.call.usage |= self.turn.usage.to_end(reply)
                self.log.end(self.call, "completed")

    async def _send_content(self, reply: Reply) -> None:
        delay = self.step.delay or 0.0
        content = list(events.content(reply, delay))
        total = sum(event.is_delta for event in content)
        breaks = self.step.breaks is not None or self.step.sse_error is not None
        wanted = (total + 1) // 2 if breaks else total
        start = asyncio.get_running_loop().time()
        sent = 0
        for event in content:
            if event.is_delta:
                if sent == wanted:
                    return
                sent += 1
                # Measured from the start, so that the time of the writes does not accumulate.
                await self._pause_until(start + delay * sent / total)
            await self.connection.send_chunk(event.data)

    async def _pause_until(self, moment: float) -> None:
        clock = asyncio.get_running_loop().time
        while (left := moment - clock()) > 0:
            await asyncio.sleep(min(left, _LONGEST_PAUSE_SECONDS))
            # The real API also pings during long pauses; only a scripted `hang` is silent.
            if left > _LONGEST_PAUSE_SECONDS:
                await self.connection.send_chunk(events.PING)

    async def _ping_forever(self) -> None:
        while True:
            await asyncio.sleep(_PING_SECONDS)
            await self.connection.send_chunk(events.PING)

    def _drop(self) -> None:
        self.log.end(self.call, "cut")
        self.connection.reset()


async def _forever() -> None:
    await asyncio.Event().wait()
