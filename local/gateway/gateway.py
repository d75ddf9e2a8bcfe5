"""Forwards requests to the emulator's gateway, and from there to a function that streams."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.gateway.client import Client, TooLarge
from local.gateway.deployed_function import DeployedFunction
from local.gateway.errors import GatewayErrors
from local.gateway.pool import Pool, Throttled
from local.gateway.relay import Relay
from local.gateway.settings import Settings, StreamingRoute
from local.gateway.upstream import Headers, ask


@dataclass
class Gateway:
    """`deployed` looks up a route's function as it is currently deployed."""

    settings: Settings
    errors: GatewayErrors
    pool: Pool
    deployed: Callable[[StreamingRoute], DeployedFunction]

    def answer(self, client: Client, method: str, target: str, headers: Headers) -> None:
        """Answer one request. Returns when the response is complete."""
        try:
            body = client.body()
            answer = ask(self.settings.api_url, method, target, headers, body)
        except TooLarge:
            return self._send_error(client, "REQUEST_TOO_LARGE", 413)
        except ValueError:
            return self._send_error(client, "BAD_REQUEST", 400)
        except (OSError, HTTPException):
            traceback.print_exc()
            return self._send_error(client, "INTEGRATION_FAILURE", 504)
        event = answer.event
        if event is None:
            return client.send(answer.status, answer.headers, answer.body)
        event["body"] = body.decode(errors="replace") or None
        return self._stream(client, event)

    def _stream(self, client: Client, event: dict[str, Any]) -> None:
        try:
            route = self.settings.route(event["httpMethod"], event["resource"])
            with self.pool.lent(self.deployed(route)) as environment:
                Relay(client, self.errors, route.timeout_seconds).run(environment, event)
        except (Throttled, LookupError, OSError, BotoCoreError, ClientError):
            # API Gateway's response if Lambda rejects an invocation
            traceback.print_exc()
            self._send_error(client, "API_CONFIGURATION_ERROR", 500)

    def _send_error(self, client: Client, response_type: str, status: int) -> None:
        answer = self.errors.answer(response_type, status)
        client.send(answer.status, answer.headers, answer.body)
