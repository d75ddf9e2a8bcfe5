"""What the template tells the functions of the deployment's Claude."""

import json

import pytest

from tests.integration.support.template import environment

RESOURCES = {
    "TasksTable": "tasks",
    "RegistryTable": "registry",
    "PayloadBucket": "payloads",
    "TaskQueue": "https://sqs.example/tasks",
    "UrgentTaskQueue": "https://sqs.example/urgent-tasks",
    "DirectTaskQueue": "https://sqs.example/direct-tasks",
    "PushKey": "arn:aws:kms:eu-central-1:123456789012:key/push",
    "ClaudeApiKeySecret": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:claude-AbCdEf",
}


@pytest.mark.parametrize("function", ["ApiFunction", "MessagesFunction", "A2AFunction", "WorkerFunction"])
@pytest.mark.parametrize(
    ("parameters", "aliases"),
    [
        ({}, ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")),
        (
            {"ClaudeBackend": "claude-on-aws"},
            ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"),
        ),
        (
            {"ClaudeBackend": "bedrock"},
            ("anthropic.claude-opus-5-5", "anthropic.claude-sonnet-5-5", "anthropic.claude-haiku-5-5"),
        ),
        (
            {"ClaudeBackend": "bedrock", "SonnetModelId": "anthropic.claude-sonnet-9"},
            ("anthropic.claude-opus-5-5", "anthropic.claude-sonnet-9", "anthropic.claude-haiku-5-5"),
        ),
        (
            {"OpusModelId": "o", "SonnetModelId": "s", "HaikuModelId": "h"},
            ("o", "s", "h"),
        ),
    ],
)
def test_an_alias_is_the_backends_model_unless_a_parameter_names_another(
    function: str, parameters: dict[str, str], aliases: tuple[str, str, str]
) -> None:
    variables = environment(function, RESOURCES, parameters)

    assert json.loads(variables["MODEL_ALIASES"]) == dict(
        zip(("opus", "sonnet", "haiku"), aliases, strict=True)
    )
    assert variables["CLAUDE_BACKEND"] == parameters.get("ClaudeBackend", "claude-api")


def test_the_worker_is_told_where_the_key_is_and_never_the_key() -> None:
    variables = environment("WorkerFunction", RESOURCES)

    assert variables["CLAUDE_SECRET_ARN"] == RESOURCES["ClaudeApiKeySecret"]
    assert not [name for name, value in variables.items() if value.startswith("sk-ant")]


@pytest.mark.parametrize(
    ("parameters", "address"),
    [
        ({}, ""),
        ({"DomainName": "agents.example.com"}, "https://agents.example.com"),
        (
            {"DomainName": "agents.example.com", "DomainBasePath": "v1"},
            "https://agents.example.com/v1",
        ),
        (
            {"DomainName": "agents.example.com", "PublicBaseUrl": "https://other.example"},
            "https://other.example",
        ),
    ],
)
def test_agent_cards_name_the_domain_unless_a_parameter_names_another_address(
    parameters: dict[str, str], address: str
) -> None:
    assert environment("A2AFunction", RESOURCES, parameters)["PUBLIC_BASE_URL"] == address
