"""The API responds, and requires a key."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from a2actl.doctor.finding import Finding
from a2actl.doctor.target import LOOPBACK, Target

SUBJECT, AUTHORIZER = "API", "Authorizer"
PAGE = "runbook/api-fails.md"
TIMEOUT = httpx.Timeout(29, connect=5)
LOG = "Check the log of the function"
GUARDED = "/a2a/a2actl-doctor/tasks"
"""The agent need not exist: the response shows whether the key was accepted."""


def check_api(target: Target) -> Iterator[Finding]:
    # a proxy of the environment cannot reach this machine's own ports
    is_local = urlsplit(target.api_url).hostname in LOOPBACK
    with httpx.Client(timeout=TIMEOUT, trust_env=not is_local) as client:
        try:
            yield _health(client.get(f"{target.api_url}/health"))
            yield _stranger(client.get(f"{target.api_url}{GUARDED}"))
            if target.api_key:
                headers = {"Authorization": f"Bearer {target.api_key}"}
                yield _caller(client.get(f"{target.api_url}{GUARDED}", headers=headers))
        except httpx.TransportError as error:
            found = f"{target.api_url} does not respond ({error or type(error).__name__})"
            yield Finding.fault(SUBJECT, found, "Check the network, DNS and the domain's certificate.", PAGE)


def _health(answer: httpx.Response) -> Finding:
    if answer.status_code == httpx.codes.OK:
        return Finding.ok(SUBJECT, "answers")
    return Finding.fault(SUBJECT, f"/health returns {answer.status_code}", f"{LOG} api.", PAGE)


def _stranger(answer: httpx.Response) -> Finding:
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return Finding.ok(AUTHORIZER, f"rejects requests without a key ({answer.status_code})")
    found = f"returns {answer.status_code} to requests without a key"
    return Finding.fault(AUTHORIZER, found, "Deploy again: routes must use the authorizer.", PAGE)


def _caller(answer: httpx.Response) -> Finding:
    if answer.status_code in (httpx.codes.OK, httpx.codes.NOT_FOUND):
        return Finding.ok(AUTHORIZER, "accepts the given key")
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        found = f"rejects the given key ({answer.status_code})"
        remedy = (
            "Is it of this deployment, and neither revoked nor expired? See a2actl keys list --project ID."
        )
        return Finding.fault(AUTHORIZER, found, remedy, PAGE)
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return Finding.ok(AUTHORIZER, "accepts the given key, which is over its rate limit")
    return Finding.fault(AUTHORIZER, f"answers {answer.status_code}", f"{LOG}s authorizer and api.", PAGE)
