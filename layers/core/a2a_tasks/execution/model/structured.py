"""Structured output: parsing and validation of answers by an agent's ``outputSchema``."""

import json
from typing import Any

import fastjsonschema

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.text import json_limits
from a2a_tasks.domain.text.json_limits import BeyondLimits
from a2a_tasks.domain.text.json_text import deserialize


def parse(text: str, schema: dict[str, Any]) -> Any:
    """The validated value of an answer, or a ``Failure`` that says where it does not fit the schema."""
    try:
        value = deserialize(text)
        json_limits.check_value(value)
        # the answer is returned unchanged, without defaults of the schema
        fastjsonschema.compile(schema, use_default=False)(value)
    except fastjsonschema.JsonSchemaValueException as error:
        problem = error.message
    except fastjsonschema.JsonSchemaDefinitionException as error:
        message = f"The agent's outputSchema cannot be used: {error}"
        return Failure(FailureCode.AGENT_MISCONFIGURED, message)
    except json.JSONDecodeError as error:
        problem = f"it {error.msg}"
    except BeyondLimits as error:
        problem = f"it {error}"
    else:
        return value
    message = f"The model's answer does not fit the agent's outputSchema: {problem}."
    return Failure(FailureCode.EXECUTION_ERROR, message)
