"""``a2actl mcp`` on a deployed stack."""

import json
from typing import Any

import pytest

from a2a_tasks.domain.tools.catalog import McpServer
from a2actl.projects import mcp
from tests.integration.cli.terminal import STACK, Operator
from tests.integration.support.account import Account
from tests.integration.support.aws_calls import Fault

URL = "https://mcp.example.com/v1"
TOKEN = "t0ken-0123456789"
SECRET = f"{STACK}/mcp/demo/git-hub"


def add(operator: Operator, *options: str, url: str = URL, stdin: str | bytes | None = None) -> Any:
    command = ("mcp", "add", "--project", "demo", "--name", "git-hub", "--url", url)
    return operator.run(*command, *options, stdin=stdin)


def remove(operator: Operator) -> Any:
    return operator.run("mcp", "remove", "--project", "demo", "--name", "git-hub")


def servers(account: Account) -> tuple[McpServer, ...]:
    project = account.registry.project("demo")
    return project.mcp_servers if project else ()


def token_of(account: Account, server: McpServer) -> str:
    """As the worker reads it."""
    assert server.secret_arn is not None
    return account.secrets.get_secret_value(SecretId=server.secret_arn)["SecretString"]


def kept(account: Account) -> str | None:
    """The token that a2actl keeps; None if there is none, or it is deleted."""
    listed = account.secrets.list_secrets(IncludePlannedDeletion=False)["SecretList"]
    if SECRET not in {secret["Name"] for secret in listed}:
        return None
    return account.secrets.get_secret_value(SecretId=SECRET)["SecretString"]


def test_a_server_without_a_token(operator: Operator, account: Account) -> None:
    added = add(operator)
    assert (added.exit_code, added.stdout) == (0, "git-hub: registered in project demo without a token.\n")
    assert added.stderr == "Created the project demo.\n"
    assert servers(account) == (McpServer("git-hub", URL),)
    assert kept(account) is None


def test_the_token_is_in_secrets_manager_and_nowhere_else(operator: Operator, account: Account) -> None:
    added = add(operator, "--token-from-stdin", stdin=f"{TOKEN}\n")
    assert (added.exit_code, added.stdout) == (0, "git-hub: registered in project demo with a token.\n")
    [server] = servers(account)
    assert server.secret_arn is not None
    assert server.secret_arn.rpartition(":")[2].startswith(SECRET)
    assert token_of(account, server) == TOKEN
    listed = operator.run("mcp", "list", "--project", "demo")
    as_json = operator.run("mcp", "list", "--project", "demo", "--json")
    assert listed.stdout == f"NAME\tURL\tTOKEN\ngit-hub\t{URL}\tset\n"
    assert json.loads(as_json.stdout) == [{"name": "git-hub", "url": URL, "hasToken": True}]
    items = account.dynamodb.scan(TableName=account.resources["RegistryTable"])["Items"]
    for text in (added.output, listed.output, as_json.output, str(items)):
        assert TOKEN not in text


def test_a_token_is_replaced(operator: Operator, account: Account) -> None:
    add(operator, "--token-from-stdin", stdin=TOKEN)
    before = servers(account)
    assert add(operator, "--token-from-stdin", stdin="new\r\n").exit_code == 0
    assert servers(account) == before
    assert token_of(account, before[0]) == "new"


def test_a_server_that_no_longer_takes_a_token_has_none_left(operator: Operator, account: Account) -> None:
    add(operator, "--token-from-stdin", stdin=TOKEN)
    assert add(operator, url="https://other.example.com").exit_code == 0
    assert servers(account) == (McpServer("git-hub", "https://other.example.com"),)
    assert kept(account) is None


def test_servers_of_other_projects_are_apart(operator: Operator, account: Account) -> None:
    add(operator, "--token-from-stdin", stdin=TOKEN)
    command = ("mcp", "add", "--project", "rival", "--name", "git-hub", "--url", URL, "--token-from-stdin")
    operator.run(*command, stdin="theirs")
    remove(operator)
    rival = account.registry.project("rival")
    assert rival is not None
    assert token_of(account, rival.mcp_servers[0]) == "theirs"


def test_remove_deletes_the_entry_and_the_token(operator: Operator, account: Account) -> None:
    add(operator, "--token-from-stdin", stdin=TOKEN)
    account.add_agent("lister", allowedTools=["mcp__git-hub__list"])
    account.add_agent("other", allowedTools=["mcp__git-hub_2__list"])
    removed = remove(operator)
    assert (removed.exit_code, removed.stdout) == (0, "git-hub: removed from project demo.\n")
    assert removed.stderr.splitlines() == [
        "The token can be restored in Secrets Manager for 7 days.",
        "These agents still use it, and their tasks will fail: lister.",
    ]
    assert servers(account) == ()
    assert kept(account) is None
    again = remove(operator)
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr == (
        "The project demo has no MCP server 'git-hub'; `a2actl mcp list --project demo` lists its servers.\n"
    )


def test_a_removed_server_can_be_added_again(operator: Operator, account: Account) -> None:
    add(operator, "--token-from-stdin", stdin=TOKEN)
    remove(operator)
    assert add(operator, "--token-from-stdin", stdin="new").exit_code == 0
    assert token_of(account, servers(account)[0]) == "new"
    assert kept(account) == "new"


def test_a_secret_of_the_operator_s_own(operator: Operator, account: Account) -> None:
    arn = account.secrets.create_secret(Name=f"{STACK}/mcp/shared", SecretString="own")["ARN"]
    assert add(operator, "--secret-arn", arn).exit_code == 0
    assert servers(account) == (McpServer("git-hub", URL, arn),)
    removed = remove(operator)
    assert (removed.exit_code, removed.stderr) == (0, "")
    assert account.secrets.get_secret_value(SecretId=arn)["SecretString"] == "own"


def test_a_secret_of_one_s_own_takes_the_place_of_the_kept_token(
    operator: Operator, account: Account
) -> None:
    arn = account.secrets.create_secret(Name=f"{STACK}/mcp/shared", SecretString="own")["ARN"]
    add(operator, "--token-from-stdin", stdin=TOKEN)
    assert add(operator, "--secret-arn", arn).exit_code == 0
    assert servers(account) == (McpServer("git-hub", URL, arn),)
    assert kept(account) is None


def test_a_secret_that_the_worker_could_not_read_is_refused(operator: Operator, account: Account) -> None:
    elsewhere = account.secrets.create_secret(Name="shared", SecretString="own")["ARN"]
    gone = account.secrets.create_secret(Name=f"{STACK}/mcp/gone", SecretString="own")["ARN"]
    account.secrets.delete_secret(SecretId=gone)
    refusals = [add(operator, "--secret-arn", arn) for arn in (elsewhere, gone, f"{gone}x", "typo")]
    assert {refused.exit_code for refused in refusals} == {2}
    assert f"The worker may only read secrets whose name begins with '{STACK}/mcp/'" in refusals[0].stderr
    for refused in refusals[1:]:
        assert "There is no secret " in refused.stderr
    assert servers(account) == ()


@pytest.mark.parametrize(
    ("options", "stdin", "problem"),
    [
        (("--name", "git__hub"), None, "--name takes at most 64 letters, digits, '-' and single '_' between"),
        (("--name", "git_"), None, "--name takes at most 64 letters"),
        (("--name", ""), None, "--name takes at most 64 letters"),
        (("--name", "x" * 65), None, "--name takes at most 64 letters"),
        (("--url", "http://mcp.example.com"), None, "--url must start with https://, because a token"),
        (("--url", "http://127.0.0.1:8080"), None, "--url must start with https://"),
        (("--url", "ftp://mcp.example.com"), None, "--url must start with https://"),
        (("--url", "mcp.example.com"), None, "--url takes a URL such as https://mcp.example.com/v1;"),
        (("--url", "https://"), None, "--url takes a URL"),
        (("--url", "https://a.com/x y"), None, "--url takes a URL"),
        (("--url", "https://bücher.example"), None, "--url takes a URL"),
        (("--url", "https://a.com/#part"), None, "--url takes a URL"),
        (("--url", "https://a.com:port"), None, "is not a URL."),
        (("--url", "https://[::1"), None, "is not a URL."),
        (("--url", f"https://a.com/{'x' * 2_000}"), None, "--url takes a URL"),
        (("--url", "https://user:pass@a.com"), None, "--url contains a user or a password"),
        (("--token-from-stdin",), "", "There is no token on stdin; pipe it in"),
        (("--token-from-stdin",), "\n", "There is no token on stdin; pipe it in"),
        (("--token-from-stdin",), f"Bearer {TOKEN}", "What is on stdin is no token: that is one line of at"),
        (("--token-from-stdin",), f"{TOKEN}\n{TOKEN}\n", "What is on stdin is no token"),
        (("--token-from-stdin",), f"{TOKEN}é", "What is on stdin is no token"),
        (("--token-from-stdin",), b"\xff" + TOKEN.encode(), "What is on stdin is no token"),
        (("--token-from-stdin",), TOKEN * 1_000, "What is on stdin is no token"),
        (("--token-from-stdin", "--secret-arn", "arn:x"), TOKEN, "exclude each other; use one of them."),
    ],
)
def test_add_refuses_what_cannot_be(
    operator: Operator, account: Account, options: tuple[str, ...], stdin: str | bytes | None, problem: str
) -> None:
    refused = add(operator, *options, stdin=stdin)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert problem in refused.stderr
    assert TOKEN not in refused.stderr
    assert account.registry.project("demo") is None
    assert account.calls.of("CreateSecret", "PutSecretValue") == []


def test_plain_http_is_for_this_machine_and_an_emulator(local_operator: Operator, account: Account) -> None:
    urls = ("http://127.0.0.1:8080/mcp", "http://localhost:8080", "http://[::1]:8080")
    assert [add(local_operator, url=url).exit_code for url in urls] == [0, 0, 0]
    assert servers(account) == (McpServer("git-hub", urls[-1]),)
    refused = add(local_operator, url="http://mcp.example.com")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("--url must start with https://")


def test_on_a_terminal_the_token_is_typed_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(mcp, "getpass", lambda prompt: TOKEN if prompt == "Token: " else "")
    assert mcp.read_token() == TOKEN


@pytest.mark.parametrize(
    ("operation", "number", "fault"),
    [
        ("DescribeSecret", 1, Fault.NOT_SENT),
        ("CreateSecret", 1, Fault.NOT_SENT),
        ("CreateSecret", 1, Fault.ANSWER_LOST),
        ("UpdateItem", 1, Fault.NOT_SENT),
        ("UpdateItem", 2, Fault.NOT_SENT),
        ("UpdateItem", 2, Fault.ANSWER_LOST),
    ],
)
def test_an_add_that_broke_off_is_completed_by_the_next(
    operator: Operator, account: Account, operation: str, number: int, fault: Fault
) -> None:
    account.give_signing_secret("demo")  # the project is there, and the updates are the entry's
    account.calls.fail_nth(operation, number, fault)
    broken = add(operator, "--token-from-stdin", stdin=TOKEN)
    assert broken.exit_code == 2
    assert broken.stderr.splitlines()[-1].startswith("AWS does not respond (")
    assert len(servers(account)) == ((operation, fault) == ("UpdateItem", Fault.ANSWER_LOST))
    for server in servers(account):
        assert token_of(account, server) == TOKEN, "an entry never names a secret that is not there"
    assert add(operator, "--token-from-stdin", stdin=TOKEN).exit_code == 0
    assert token_of(account, servers(account)[0]) == TOKEN


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.ANSWER_LOST])
@pytest.mark.parametrize("operation", ["UpdateItem", "DescribeSecret", "DeleteSecret"])
def test_a_remove_that_broke_off_is_completed_by_the_next(
    operator: Operator, account: Account, operation: str, fault: Fault
) -> None:
    add(operator, "--token-from-stdin", stdin=TOKEN)
    account.calls.fail(operation, fault)
    is_found_out = operation == "DeleteSecret" and fault is Fault.ANSWER_LOST
    assert remove(operator).exit_code == (0 if is_found_out else 2)
    for server in servers(account):
        assert token_of(account, server) == TOKEN, "an entry never names a secret that is not there"
    remove(operator)
    assert servers(account) == ()
    assert kept(account) is None


@pytest.mark.parametrize("operation", ["CreateSecret", "PutSecretValue", "UpdateItem"])
def test_an_add_that_the_sdk_repeats_is_one(operator: Operator, account: Account, operation: str) -> None:
    account.calls.fail(operation, Fault.SENT_TWICE)
    assert add(operator, "--token-from-stdin", stdin=TOKEN).exit_code == 0
    assert add(operator, "--token-from-stdin", stdin=TOKEN).exit_code == 0
    assert token_of(account, servers(account)[0]) == TOKEN


@pytest.mark.parametrize("operation", ["UpdateItem", "DeleteSecret"])
def test_a_remove_that_the_sdk_repeats_is_one(operator: Operator, account: Account, operation: str) -> None:
    add(operator, "--token-from-stdin", stdin=TOKEN)
    account.calls.fail(operation, Fault.SENT_TWICE)
    assert remove(operator).stdout == "git-hub: removed from project demo.\n"
    assert servers(account) == ()
    assert kept(account) is None


def test_a_project_that_does_not_exist(operator: Operator) -> None:
    listed, removed = operator.run("mcp", "list", "--project", "demo"), remove(operator)
    assert (listed.exit_code, removed.exit_code) == (2, 2)
    assert listed.stderr.startswith("There is no project 'demo'; ")
    assert removed.stderr.startswith("The project demo has no MCP server 'git-hub'; ")
