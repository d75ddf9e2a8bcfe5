"""The function that the emulator's gateway calls instead of a streaming function: it returns the event.

Deployed to the emulator as is; standard library only. The body is left out: the local gateway has it.
"""

import json
from typing import Any

EVENT_HEADER = "x-local-gateway-event"


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Return the event that API Gateway made of the request."""
    return {
        "statusCode": 200,
        "headers": {EVENT_HEADER: "1"},
        "body": json.dumps({**event, "body": None}),
    }
