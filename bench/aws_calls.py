"""AWS calls of one task, from its creation over its execution to one poll, and what a million cost.

The handlers of the api and the worker, on moto and against the stand-in; every call of their AWS clients is
counted, once the functions have done another task and hold what they keep (settings, limits, the key). What
Lambda itself calls for its event source, and Lambda's own price, are not in it.
"""

from bench.functions import KIND_TITLES, Calls, Functions, functions_on_moto
from bench.report import console, step, table
from tests.integration.account import AGENT

INDEX_WRITES = 3
"""Index entries are written too: one at the creation (due), two at the end (out of due, into retention)."""
PRICE = {"write": 0.625, "read": 0.125, "sqs": 0.40}
"""USD per million requests, us-east-1, on demand: DynamoDB units of 1 KB written and 4 KB read (strongly
consistent), SQS standard requests (https://aws.amazon.com/dynamodb/pricing, https://aws.amazon.com/sqs/pricing).
"""


def run() -> None:
    """Print the table."""
    with step("Count the AWS calls of a task"), functions_on_moto() as functions:
        steps = _measure(functions)
    total = sum(steps.values(), Calls())
    rows = [[step, *calls.cells()] for step, calls in (steps | {"sum": total}).items()]
    rows.append(["aim", "≤ 5, 3 for rate limits", "1 a poll", "1 send", "0"])
    table("AWS calls of one task", ["step", *KIND_TITLES], rows)
    dollars = (total.writes + INDEX_WRITES) * PRICE["write"]
    dollars += total.reads * PRICE["read"] + total.sqs * PRICE["sqs"]
    console.print(
        f"A million such tasks, with one poll each: about {dollars:.2f} USD for DynamoDB and SQS.\n"
    )


def _measure(functions: Functions) -> dict[str, Calls]:
    functions.account.add_agent()
    api, worker = functions.start("api"), functions.start("worker")
    functions.submit(api, AGENT, "[[standin: say=warm]]")
    functions.work(worker)
    functions.counted()
    path = functions.submit(api, AGENT, "[[standin: say=It is noon.]] What is the time?")
    created = functions.counted()
    functions.work(worker)
    worked = functions.counted()
    assert functions.read(api, path)["status"] == "completed"
    return {
        "POST: create and announce": created,
        "worker: claim, answer, complete": worked,
        "GET: poll": functions.counted(),
    }
