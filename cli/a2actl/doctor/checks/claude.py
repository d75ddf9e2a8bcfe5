"""Claude accepts the deployment's key: a free call that lists models."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from a2a_tasks.domain.agents.backend import Backend
from a2actl.doctor.checks.secrets import claude_key
from a2actl.doctor.finding import Finding
from a2actl.doctor.target import LOOPBACK, Target

SUBJECT = "Claude"
ADDRESS = "https://api.anthropic.com"
VERSION = "2023-06-01"
TIMEOUT = httpx.Timeout(15, connect=5)
PAGE = "deploy.md"
PUT = 'aws secretsmanager put-secret-value --secret-string \'{"apiKey": "sk-ant-…"}\' --secret-id'


def check_claude(target: Target) -> Iterator[Finding]:
    if target.has_stand_in:
        yield Finding.ok(SUBJECT, "a stand-in replaces Claude")
        return
    backend = target.deployment.backend
    if backend is not Backend.CLAUDE_API:
        yield Finding.ok(
            SUBJECT, f"{backend.value}: authenticated by the worker's role, which only a task can test"
        )
        return
    put = f"Set the key: {PUT} {target.deployment.output('ClaudeApiKeySecretArn')}"
    key = claude_key(target)
    if key is None:
        yield Finding.fault(SUBJECT, "the secret contains no key, so every task fails", put, PAGE)
        return
    address = target.deployment.parameters.get("ClaudeBaseUrl") or ADDRESS
    yield _asked(address.rstrip("/"), key, put)


def _asked(address: str, key: str, put: str) -> Finding:
    host = urlsplit(address).hostname
    if not address.startswith("https://") and host not in LOOPBACK:
        return Finding.warning(
            SUBJECT, f"not checked: {host} does not use TLS", "Set ClaudeBaseUrl to an https URL.", PAGE
        )
    headers = {"x-api-key": key, "anthropic-version": VERSION}
    try:
        status = httpx.get(f"{address}/v1/models?limit=1", headers=headers, timeout=TIMEOUT).status_code
    except (httpx.TransportError, httpx.InvalidURL) as error:
        found = f"{host} does not respond from here ({type(error).__name__})"
        remedy = "The worker may still reach it: test a task with --with-model."
        return Finding.warning(SUBJECT, found, remedy, "runbook/model-overloaded.md")
    if status == httpx.codes.OK:
        return Finding.ok(SUBJECT, f"{host} accepts the key")
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return Finding.fault(
            SUBJECT, f"{host} rejects the key ({status})", put, "runbook/agents-misconfigured.md"
        )
    remedy = "It may be temporary; see status.claude.com for outages."
    return Finding.warning(SUBJECT, f"{host} returns {status}", remedy, "runbook/model-overloaded.md")
