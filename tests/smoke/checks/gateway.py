"""Responses of the gateway itself: the format of its errors, its size limit, its throttling."""

import math
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from tests.smoke.check import Skipped, expect
from tests.smoke.run import Run
from tests.smoke.target import Target

MOST_REQUESTS = 400
SIDE_BY_SIDE = 40
RECOVERY_SECONDS = 20
_MIB = 1024 * 1024
WRONG_KEY = "Bearer ak_wrong.wrong"


@dataclass(frozen=True)
class Wrong:
    """A request that is refused, and the expected response."""

    what: str
    method: str
    path: str
    status: int
    code: str
    headers: tuple[tuple[str, str], ...] = ()
    content: str | None = None
    keyless: bool = False


def errors(run: Run) -> str:
    """Errors of every kind are JSON with ``error`` and ``code``, from functions and gateway alike."""
    tasks = f"{run.tenant.agent_path}/tasks"
    json_type = (("Content-Type", "application/json"),)
    wrong = [
        Wrong("no key", "GET", tasks, 401, "UNAUTHORIZED", keyless=True),
        Wrong("another scheme", "GET", tasks, 401, "UNAUTHORIZED", (("Authorization", "Basic eDp5"),)),
        Wrong("a wrong key", "GET", tasks, 401, "UNAUTHORIZED", (("Authorization", WRONG_KEY),)),
        Wrong("no such route", "GET", "/nothing/here", 404, "NOT_FOUND"),
        Wrong("no such method", "PUT", tasks, 404, "NOT_FOUND"),
        Wrong("a body that is not JSON", "POST", tasks, 400, "VALIDATION_ERROR", json_type, "{"),
        Wrong("an unknown field", "POST", tasks, 400, "VALIDATION_ERROR", json_type, '{"mesage": "Hi"}'),
        Wrong("no such task", "GET", f"{tasks}/none", 404, "TASK_NOT_FOUND"),
    ]
    problems = [problem for one in wrong if (problem := _problem(run, one))]
    expect(not problems, "; ".join(problems))
    return f"{len(wrong)} kinds, each JSON with error and code: {', '.join(one.what for one in wrong)}"


def too_large(run: Run) -> str:
    body = '{"message": "' + "x" * (10 * _MIB + 1024) + '"}'
    path = f"{run.tenant.agent_path}/tasks"
    problem = _problem(run, Wrong("11 MB", "POST", path, 413, "PAYLOAD_TOO_LARGE", content=body))
    expect(not problem, problem)
    return "413 with error and code for a body above API Gateway's 10 MB"


def throttling(run: Run) -> str:
    """A burst above the stage's limit, on the cheapest route, which needs no key."""
    rate, burst = _limits(run.target, "/health", "GET")
    if burst + rate > MOST_REQUESTS:
        raise Skipped(
            f"the limit of GET /health is {burst:.0f} at once and {rate:.0f} a second: more than the"
            f" {MOST_REQUESTS} requests that a smoke test sends"
        )
    count = min(MOST_REQUESTS, math.ceil(2 * (burst + rate)))
    began = time.monotonic()
    with _client(run) as client, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        answers = list(pool.map(lambda _: client.get("/health"), range(count)))
    seconds = time.monotonic() - began
    by_status = Counter(answer.status_code for answer in answers)
    expect(set(by_status) <= {200, 429}, f"of {count} requests: {dict(by_status)}")
    if not by_status[429] and count < burst + rate * seconds:
        raise Skipped(f"{count / seconds:.0f} requests a second from here do not exceed {rate:.0f}")
    expect(by_status[429] > 0, f"{count} requests within {seconds:.1f} s, and none was throttled")
    refused = next(answer for answer in answers if answer.status_code == 429)
    problem = _problem_of(refused, 429, "RATE_LIMIT_EXCEEDED")
    expect(not problem, problem)
    expect(refused.headers.get("Retry-After", "").isdigit(), "a 429 had no Retry-After")
    with _client(run) as client:
        run.time_limit.until(
            lambda: client.get("/health").status_code == 200, RECOVERY_SECONDS, "recovery after the burst"
        )
    return f"{count} requests in {seconds:.1f} s: {by_status[429]} times 429 with Retry-After, then 200 again"


def _limits(target: Target, path: str, method: str) -> tuple[float, float]:
    """The stage's limits for a route: requests per second, and burst."""
    api_id, stage = target.output("ApiId"), target.parameters["Stage"]
    settings: dict[str, Any] = target.client("apigateway").get_stage(restApiId=api_id, stageName=stage)[
        "methodSettings"
    ]
    own = f"{path.replace('/', '~1', 1)}/{method}"
    found = settings.get(own) or settings.get(f"{path.strip('/')}/{method}") or settings["*/*"]
    return float(found["throttlingRateLimit"]), float(found["throttlingBurstLimit"])


def _client(run: Run) -> httpx.Client:
    return httpx.Client(base_url=run.target.api_url, timeout=30, trust_env=not run.target.is_emulated)


def _problem(run: Run, wrong: Wrong) -> str:
    """What is wrong with the response; empty if nothing is."""
    headers = dict(wrong.headers)
    if wrong.keyless:
        answer = httpx.request(
            wrong.method,
            f"{run.target.api_url}{wrong.path}",
            timeout=30,
            trust_env=not run.target.is_emulated,
        )
    else:
        answer = run.tenant.request(wrong.method, wrong.path, headers=headers, content=wrong.content)
    problem = _problem_of(answer, wrong.status, wrong.code)
    if not problem and wrong.status == 401 and answer.headers.get("WWW-Authenticate") != "Bearer":
        problem = f"WWW-Authenticate is {answer.headers.get('WWW-Authenticate')!r}"
    return f"{wrong.what}: {problem}" if problem else ""


def _problem_of(answer: httpx.Response, status: int, code: str) -> str:
    if answer.status_code != status:
        return f"status {answer.status_code}, not {status} ({answer.text[:120]})"
    if not answer.headers.get("Content-Type", "").startswith("application/json"):
        return f"Content-Type is {answer.headers.get('Content-Type')!r}"
    try:
        body = answer.json()
    except ValueError:
        return f"the body is not JSON: {answer.text[:120]}"
    if not isinstance(body, dict) or body.get("code") != code or not isinstance(body.get("error"), str):
        return f"the body is {str(body)[:120]}, not error and code {code}"
    return ""
