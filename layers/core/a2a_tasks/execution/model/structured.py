"""Structured output: parsing and validation of answers by an agent's ``outputSchema``."""

import json
from typing import Any

import fastjsonschema

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.text import json_limits
from a2a_tasks.domain.text.json_limits import BeyondLimits
from a2a_tasks.domain.text.json_text import deserialize


class InvalidOutput(Exception):
    """The answer is not an object of the schema; ``failure`` says where."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def parse(text: str, schema: dict[str, Any]) -> Any:
    """The validated value of an answer. Raises ``InvalidOutput``."""
    try:
        value = deserialize(text)
        json_limits.check_value(value)
        # the answer is returned unchanged, without defaults of the schema
        fastjsonschema.compile(schema, use_default=False)(value)
    except fastjsonschema.JsonSchemaValueException as error:
        problem = error.message
    except fastjsonschema.JsonSchemaDefinitionException as error:
        message = f"The agent's outputSchema cannot be used: {error}"
        raise InvalidOutput(Failure(FailureCode.AGENT_MISCONFIGURED, message)) from None
    except json.JSONDecodeError as error:
        problem = f"it {error.msg}"
    except BeyondLimits as error:
        problem = f"it {error}"
    else:
        return value
    message = f"The model's answer does not fit the agent's outputSchema: {problem}."
    raise InvalidOutput(Failure(FailureCode.EXECUTION_ERROR, message))
