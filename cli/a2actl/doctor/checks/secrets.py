"""Checks that the secrets named in the registry exist, and the key that encrypts others. Only Claude's key is
read, and no secret is ever shown."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from a2a_tasks.domain.agents.backend import Backend
from a2actl.deployment.secret_store import SecretStore
from a2actl.doctor.finding import Finding
from a2actl.doctor.target import Target

SUBJECT = "Secrets"
PAGE = "security.md"


@dataclass(frozen=True)
class NamedSecret:
    """What the registry names. ``remedy`` creates it again."""

    name: str
    arn: str
    remedy: str


def check_secrets(target: Target) -> Iterator[Finding]:
    store = SecretStore(target.deployment.account.secretsmanager())
    named = list(_named(target))
    gone = [secret for secret in named if _is_gone(store, secret.arn)]
    for secret in gone:
        yield Finding.fault(SUBJECT, f"missing: {secret.name}", secret.remedy, PAGE)
    if not gone:
        yield Finding.ok(SUBJECT, f"{len(named)} named in the registry, all exist")
    yield _key(target)


def claude_key(target: Target) -> str | None:
    """The key of the Claude API; None if the secret holds none, or the deployment needs none."""
    if target.deployment.backend is not Backend.CLAUDE_API:
        return None
    text = SecretStore(target.deployment.account.secretsmanager()).read(
        target.deployment.output("ClaudeApiKeySecretArn")
    )
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return None
    key = value.get("apiKey") if isinstance(value, dict) else None
    return key if isinstance(key, str) and key else None


def _named(target: Target) -> Iterator[NamedSecret]:
    for project in target.deployment.registry.projects():
        of = f"of project {project.project_id}"
        for server in project.mcp_servers:
            if server.secret_arn:
                remedy = f"a2actl mcp add --project {project.project_id} --name {server.name}"
                yield NamedSecret(f"token of MCP server {server.name} {of}", server.secret_arn, remedy)
        for connection in target.deployment.connections.connections_of(project.project_id):
            remedy = f"a2actl wecom connections rotate {connection.connection_id}"
            name = f"secrets of WeCom connection {connection.connection_id}"
            yield NamedSecret(name, connection.secret_arn, remedy)


def _key(target: Target) -> Finding:
    """What seals signing secrets, what callers give for their receivers, and addresses of chats."""
    deployment = target.deployment
    arn = deployment.output("PushKey")
    state = deployment.account.kms().describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]
    if state != "Enabled":
        remedy = f"aws kms cancel-key-deletion --key-id {arn}, then aws kms enable-key --key-id {arn}"
        return Finding.fault(SUBJECT, f"the key that encrypts secrets is {state}", remedy, PAGE)
    return Finding.ok(SUBJECT, "the key that encrypts secrets is enabled")


def _is_gone(store: SecretStore, arn: str) -> bool:
    found = store.described(arn)
    return found is None or "DeletedDate" in found
