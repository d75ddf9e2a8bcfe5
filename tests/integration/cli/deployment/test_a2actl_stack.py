"""Which stack ``a2actl`` works on, and what it says when that cannot be."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.gateway import API_PATH, Gateway
from tests.integration.cli.terminal import API_URL, STACK, Operator, deploy, stack_outputs
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault


def test_the_local_stack_is_found_from_below_its_directory(
    local_operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = local_operator.directory / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    listed = local_operator.run("agents", "list")
    assert listed.stdout.splitlines()[1:] == ["assistant\tAssistant\tsonnet\t1\tenabled"]


def test_the_local_stack_s_project_is_the_default(local_operator: Operator, account: Account) -> None:
    created = local_operator.run("keys", "create")
    key = account.registry.key(json.loads(created.stdout)["keyId"])
    assert key is not None
    assert key.project_id == "demo"
    assert len(json.loads(local_operator.run("keys", "list", "--json").stdout)) == 2


def test_the_stack_may_be_named_in_the_environment(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A2ACTL_STACK", STACK)
    assert Operator(operator.directory).run("keys", "create", "--project", "demo").exit_code == 0


def test_a_named_stack_on_an_emulator(
    visitor: Operator, gateway: Gateway, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(STACK, stack_outputs(account) | {"ApiUrl": API_URL, "ApiId": "abc123"})
    monkeypatch.setenv("AWS_ENDPOINT_URL", gateway.url)
    shown = json.loads(visitor.run("--stack", STACK, "keys", "create", "--project", "demo").stdout)
    handed_over = visitor.run("--stack", STACK, "tasks", "submit", "assistant", "Hi", "--key", shown["key"])
    assert handed_over.exit_code == 0
    assert gateway.requests == ["POST /a2a/assistant/tasks"]
    assert gateway.api_url.endswith(API_PATH)


def test_the_local_stack_s_key_is_not_sent_to_another_stack(local_operator: Operator) -> None:
    refused = local_operator.run("--stack", "a2a-tasks-prod", "tasks", "list", "assistant")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        "The API requires a key; set --key or A2A_API_KEY. This makes one:"
        " a2actl --stack a2a-tasks-prod keys create --project ID\n"
    )


@pytest.mark.parametrize("command", [("agents", "list"), ("keys", "list"), ("tasks", "list", "assistant")])
def test_no_stack(visitor: Operator, command: tuple[str, ...]) -> None:
    refused = visitor.run(*command)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        "There is no local stack here; start one with `make run`, or name a deployed one with --stack"
        " (or A2ACTL_STACK).\n"
    )


def test_region_and_profile_belong_to_a_named_stack(visitor: Operator) -> None:
    refused = visitor.run("--region", "eu-central-1", "agents", "list")
    assert refused.exit_code == 2
    assert refused.stderr == "--region and --profile need a deployed stack; name it with --stack.\n"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"api_url": 7}'])
def test_a_broken_stack_file(visitor: Operator, text: str) -> None:
    file = visitor.write(".local/stack.json", text)
    refused = visitor.run("agents", "list")
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"{file} cannot be used (")
    assert refused.stderr.endswith("); `make run` writes a new one.\n")


def test_help_needs_no_stack(visitor: Operator) -> None:
    for command in ((), ("agents", "apply"), ("keys", "create"), ("tasks", "submit")):
        assert visitor.run(*command, "--help").exit_code == 0


def test_an_unknown_stack(operator: Operator) -> None:
    refused = Operator(operator.directory).run("--stack", "typo", "keys", "list", "--project", "demo")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "There is no stack 'typo' in eu-central-1; check --stack, --region and --profile, or deploy it with"
        " `make deploy`.\n"
    )


def test_a_stack_of_something_else(visitor: Operator, account: Account) -> None:
    deploy("website", {"Url": account.resources["RegistryTable"]})
    refused = visitor.run("--stack", "website", "keys", "list", "--project", "demo")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("The stack 'website' has no output RegistryTable: ")


def test_an_unknown_profile(visitor: Operator) -> None:
    refused = visitor.run("--stack", STACK, "--profile", "nobody", "keys", "list", "--project", "demo")
    assert refused.exit_code == 2
    assert "profile (nobody) could not be found; select another with --profile" in refused.stderr


def test_no_credentials(visitor: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    refused = visitor.run("--stack", STACK, "keys", "list", "--project", "demo")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("There are no AWS credentials (")


def test_no_region(visitor: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    refused = visitor.run("--stack", STACK, "keys", "list", "--project", "demo")
    assert refused.exit_code == 2
    assert refused.stderr == "No AWS region is set; use --region or AWS_DEFAULT_REGION.\n"


def test_a_local_stack_that_is_not_running(visitor: Operator) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: whoever connects is refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        stored = {"api_url": url, "api_key": "a2a_x_y", "project_id": "demo", "aws_endpoint_url": url}
        visitor.write(".local/stack.json", json.dumps(stored))
        agents = visitor.run("agents", "list")
        tasks = visitor.run("tasks", "list", "assistant")
    assert (agents.exit_code, tasks.exit_code) == (2, 2)
    assert agents.stderr.startswith("The local stack does not respond (")
    assert agents.stderr.endswith("start it with `make run`.\n")
    assert tasks.stderr.startswith(f"The API at {url}")
    assert "does not answer ([Errno 111] Connection refused); check that the stack runs" in tasks.stderr


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (400, "ExpiredToken", "AWS rejected the credentials (ExpiredToken); sign in again"),
        (400, "AccessDeniedException", "These AWS credentials lack a permission (because); select others"),
        (400, "ResourceNotFoundException", "A resource of the stack does not exist (because); deploy"),
        (500, "InternalServerError", "AWS returned an error: because (InternalServerError); try again"),
    ],
)
def test_what_aws_refuses_is_explained(
    local_operator: Operator,
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    sentence: str,
) -> None:
    forward = gateway.forward

    def refuse(headers: dict[str, str], body: bytes) -> tuple[int, str]:
        if "dynamodb" not in headers["Authorization"]:
            return forward(headers, body)
        return status, json.dumps({"__type": f"com.amazonaws#{code}", "message": "because"})

    monkeypatch.setattr(gateway, "forward", refuse)
    refused = local_operator.run("agents", "list")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(sentence)


def test_a_lost_connection_to_aws(operator: Operator, account: Account) -> None:
    account.calls.fail("Query", Fault.NOT_SENT)
    refused = operator.run("agents", "list", "--project", "demo")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("AWS does not respond (")


def test_commands_on_tasks_load_no_boto3(tmp_path: Path) -> None:
    code = (
        "import sys; from a2actl import main; from a2actl.tasks import api; from a2actl.tasks import waiting;"
        "print([name for name in ('boto3', 'anthropic', 'pydantic') if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"
