"""Requests to an agent's address: its card and the protocol's bindings."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from a2a_tasks.a2a import card, http_json, json_rpc
from a2a_tasks.a2a.card import CardFile
from a2a_tasks.a2a.errors import A2AError, Problem
from a2a_tasks.a2a.http import Answer, Request
from a2a_tasks.a2a.methods import CallContext, Methods
from a2a_tasks.a2a.v03 import card as v03_card
from a2a_tasks.access.authentication import authenticate
from a2a_tasks.access.rate_limits import RateLimitedCaller, RateLimiter
from a2a_tasks.access.server_errors import server_error
from a2a_tasks.domain import ids
from a2a_tasks.domain.agents.agent import Visibility
from a2a_tasks.domain.errors import RequestRefused
from a2a_tasks.domain.tracing.trace_context import TRACEPARENT, TRACESTATE, TraceContext
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.errors import PayloadUnavailable, StoreUnavailable
from a2a_tasks.ports.registry import AgentReader, KeyReader
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.runtime.answer import StreamedAnswer

LONGEST_WAIT_SECONDS = 25.0
"""Below the 29 seconds after which API Gateway gives up on an answer that is not streamed."""
RESERVE_SECONDS = 3.0
"""Part of the gateway's timeout that is reserved for the response itself."""


@dataclass(frozen=True)
class AgentHandler:
    """Authenticates, limits and answers requests. ``public_base_url`` is the API's address if it differs from
    the one that the gateway was called by."""

    methods: Methods
    limiter: RateLimiter
    agents: AgentReader
    keys: KeyReader
    clock: Clock
    telemetry: Telemetry
    public_base_url: str | None

    def answer(
        self, event: Mapping[str, Any], seconds_left: Callable[[], float], *, is_whole: bool
    ) -> StreamedAnswer:
        """The response for API Gateway. ``seconds_left`` returns the time left of this invocation. With
        ``is_whole`` the response is sent only once it is complete, so a stream lasts no longer than a request
        may wait."""

        def wait_seconds() -> float:
            return max(0.0, min(LONGEST_WAIT_SECONDS, seconds_left() - RESERVE_SECONDS))

        request = Request.of(event, self.public_base_url)
        # the key is checked here, not by the authorizer, because public and private cards share one address
        if request.rest == card.WELL_KNOWN or request.rest in v03_card.WELL_KNOWN:
            return self._card(request).to_streamed({})
        caller = self.limiter.caller(event["requestContext"]["authorizer"])
        call = CallContext(
            project_id=event["requestContext"]["authorizer"]["projectId"],
            agent_id=request.agent_id,
            address=request.address,
            correlation_id=request.request_id,
            wait_seconds=wait_seconds,
            stream_seconds=wait_seconds if is_whole else lambda: seconds_left() - RESERVE_SECONDS,
            count_creation=caller.count_creation,
            open_stream=caller.open_stream,
            key_id=caller.key_id,
            idempotency_key=request.headers.get("idempotency-key"),
            trace=TraceContext.of(request.headers.get(TRACEPARENT), request.headers.get(TRACESTATE)),
        )
        try:
            # before the method: a request refused for its rate must have no effect
            caller.count_request()
            answer = self._route(request, call)
        except RequestRefused as refused:
            answer = _refusal(A2AError.of(refused), request)
        return replace(answer, pieces=self._guarded(answer.pieces, caller)).to_streamed(caller.headers)

    def _route(self, request: Request, call: CallContext) -> Answer:
        match request.rest:
            case "":
                return json_rpc.answer(self.methods, request, call)
            case v03_card.PATH:
                from a2a_tasks.a2a.v03 import json_rpc as v03_json_rpc  # the others need not start with it

                return v03_json_rpc.answer(self.methods, request, call)
            case rest:
                return http_json.answer(self.methods, request, call, rest.removeprefix(card.HTTP_JSON_PATH))

    def _guarded(self, pieces: Iterator[bytes], caller: RateLimitedCaller) -> Iterator[bytes]:
        """Ends a stream on errors; its client subscribes again."""
        try:
            yield from pieces
        except (StoreUnavailable, PayloadUnavailable) as error:
            # the head is sent already, so the status cannot change
            server_error(self.telemetry, "stream ended", error)
        finally:
            # freed in any case; if the process dies, the key's place for the stream expires
            caller.close()
            self.telemetry.flush()

    def _card(self, request: Request) -> Answer:
        """The agent's card. A private agent of another project looks like one that does not exist, also by
        the number of reads: the key is looked up in both cases."""
        try:
            key = authenticate(self.keys, request.headers.get("authorization", ""), self.clock.now())
            agent = self.agents.agent(request.agent_id) if ids.AGENT_ID.fullmatch(request.agent_id) else None
            # after both reads, so that the response time does not reveal which agents exist
            if agent is not None and agent.visibility is Visibility.PRIVATE:
                agent = agent if key is not None and key.project_id == agent.project_id else None
        except StoreUnavailable as error:
            server_error(self.telemetry, "card not read", error)
            text = "The service is busy; try again in a moment."
            return http_json.refusal(A2AError(Problem.UNAVAILABLE, text, retry_after=5), request)
        if agent is None:
            return http_json.refusal(A2AError(Problem.AGENT_NOT_FOUND, "There is no such agent."), request)
        is_old = request.rest in v03_card.WELL_KNOWN
        form = v03_card.card_view if is_old else dict
        file = CardFile.of(agent, request.address, self.methods.publisher, form)
        if file.is_known_by(request.headers.get("if-none-match", "")):
            return Answer(304, headers=file.headers)
        return Answer(200, file.body, headers=file.headers)


def _refusal(error: A2AError, request: Request) -> Answer:
    match request.rest:
        case "":
            return json_rpc.refusal(error)
        case v03_card.PATH:
            from a2a_tasks.a2a.v03 import json_rpc as v03_json_rpc

            return v03_json_rpc.refusal(error)
        case _:
            return http_json.refusal(error, request)
