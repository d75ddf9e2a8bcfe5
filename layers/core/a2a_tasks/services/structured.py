"""Structured output: the object that an agent's outputSchema asks for."""

import json
from typing import Any

import fastjsonschema

from a2a_tasks.domain.errors import Failure, FailureCode


class NotAsAsked(Exception):
    """The answer is not an object of the schema; ``failure`` says where."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def parse(text: str, schema: dict[str, Any]) -> Any:
    """The validated value. Raises ``NotAsAsked``."""
    try:
        value = json.loads(text)
        # the answer stays as the model gave it: defaults of the schema are not filled in
        fastjsonschema.compile(schema, use_default=False)(value)
    except fastjsonschema.JsonSchemaValueException as error:
        problem = error.message
    except fastjsonschema.JsonSchemaDefinitionException as error:
        message = f"The agent's outputSchema cannot be used: {error}"
        raise NotAsAsked(Failure(FailureCode.AGENT_MISCONFIGURED, message)) from None
    except (ValueError, RecursionError):
        problem = "it is not JSON"
    else:
        return value
    message = f"The model's answer does not fit the agent's outputSchema: {problem}."
    raise NotAsAsked(Failure(FailureCode.EXECUTION_ERROR, message))
