"""Responses of API Gateway itself, in the form that the template defines."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

HEADER = "gatewayresponse.header."
MESSAGES = {
    400: "Bad Request",
    413: "Request Too Long",
    500: "Internal server error",
    502: "Internal server error",
    504: "Endpoint request timed out",
}


@dataclass(frozen=True)
class GatewayError:
    """A whole response: a status, headers in order, and a body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class GatewayErrors:
    """The API's gateway responses by their type."""

    responses: Mapping[str, Any]

    @classmethod
    def of_api(cls, api_id: str) -> "GatewayErrors":
        """As the emulator stores them."""
        found = boto3.client("apigateway").get_gateway_responses(restApiId=api_id)["items"]
        return cls({each["responseType"]: each for each in found})

    def answer(self, response_type: str, status: int) -> GatewayError:
        """The response of this type, else the default of its family. `status` is API Gateway's own, used if
        the response defines none."""
        family = f"DEFAULT_{status // 100}XX"
        response = self.responses.get(response_type) or self.responses.get(family) or {}
        template = response.get("responseTemplates", {}).get("application/json", "")
        message = json.dumps(MESSAGES[status])
        text = template or '{"message": $context.error.messageString}'
        headers = [("Content-Type", "application/json")]
        for name, value in response.get("responseParameters", {}).items():
            if name.startswith(HEADER):
                headers.append((name.removeprefix(HEADER), value.strip("'")))
        body = text.replace("$context.error.messageString", message).encode()
        return GatewayError(int(response.get("statusCode") or status), headers, body)
