"""AWS calls of one task, from its creation and execution to one poll, and the cost of a million.

The handlers themselves, on moto and against the stand-in; every call of their AWS clients is counted, once
the functions have handled another task and filled their caches (settings, limits, secrets). DynamoDB bills by
size, so its price is computed from units (bench/support/dynamodb_units.py), including those of the indexes.
Not included are Lambda's own calls for its event sources, and the prices of Lambda and API Gateway.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType, ModuleType
from typing import Any

from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets
from bench.bill.prices import MILLION, Unit
from bench.bill.usage import Usage
from bench.report import console, step, table
from bench.support.moto_functions import KIND_TITLES, Calls, Functions, functions_on_moto
from local.wecom.settings import Bot
from tests.integration.support.a2a_caller import A2ACaller
from tests.integration.support.account import AGENT, PROJECT
from tests.integration.support.caller import Caller
from tests.integration.support.lambda_context import LambdaContext
from tests.integration.support.receiver import Receiver, receiving
from tests.integration.support.table_stream import TableStream
from tests.integration.support.template import ROOT
from tests.integration.support.texts import incompressible
from tests.integration.support.wecom.callbacks import refresh, to_bot

UNLIMITED = {"REQUESTS_PER_HOUR": "0", "TASK_CREATIONS_PER_HOUR": "0"}
QUESTION = "[[standin: say=It is noon.]] What is the time?"
SHORT, LONG = 1_000, 4_000
"""Characters of longer messages, and of their answers, which repeat them."""
PROSE = " ".join((ROOT / "docs" / "decisions" / "tasks.md").read_text().split())
"""Compresses as well as technical English: to about half its size."""
NOTIFICATIONS = 2
"""A task without interruption causes two notifications: running, and completed."""

type Steps = dict[str, Calls]


def run() -> None:
    """Print the tables."""
    measured: dict[str, Steps] = {}
    for title, measure in KINDS.items():
        with step(f"Count the AWS calls of a task: {title}"), functions_on_moto() as functions:
            functions.account.add_agent()
            measured[title] = measure(functions)
    plain = measured[PLAIN]
    rows = [_row(name, calls) for name, calls in (plain | {"sum": _sum(plain)}).items()]
    rows.append(["aim", "≤ 8", "1 a poll", "1 send", "0"])
    titles = [*KIND_TITLES, "units written", "read", "USD/million"]
    table(f"AWS calls of {PLAIN}", ["step", *titles], rows)
    table(
        "By what is asked for", ["", *titles], [_row(kind, _sum(steps)) for kind, steps in measured.items()]
    )
    console.print("Prices are of DynamoDB, SQS and KMS. API Gateway takes 3.50 USD a million requests.\n")


def _row(title: str, calls: Calls) -> list[object]:
    units = [f"{number:g}" for number in (calls.write_units, calls.read_units)]
    return [title, *calls.cells(), *units, f"{dollars(calls):.2f}"]


def _sum(steps: Steps) -> Calls:
    return sum(steps.values(), Calls())


def dollars(calls: Calls) -> float:
    """Cost of a million such tasks. None of them stores anything in S3."""
    assert calls.s3 == 0
    units = {
        Unit.WRITE_UNITS: calls.write_units,
        Unit.READ_UNITS: calls.read_units,
        Unit.SQS_REQUESTS: calls.sqs,
        Unit.KMS_REQUESTS: calls.kms,
    }
    return Usage(units).usd * MILLION


def _plain(
    functions: Functions,
    question: str = QUESTION,
    headers: dict[str, str] | None = None,
    limits: Mapping[str, str] = MappingProxyType({}),
) -> Steps:
    api, worker = functions.start("api", **limits), functions.start("worker")
    caller = Caller(api.handler, PROJECT)
    _warm(functions, api, worker)
    path = caller.post(AGENT, {"message": question}, headers=headers).body["checkUrl"]
    created = functions.counted()
    functions.work(worker)
    worked = functions.counted()
    assert caller.get(path).body["status"] == "completed"
    return {
        "POST: create": created,
        "worker": worked,
        "GET": functions.counted(),
    }


def _unlimited(functions: Functions) -> Steps:
    return _plain(functions, limits=UNLIMITED)


def _idempotent(functions: Functions) -> Steps:
    return _plain(functions, headers={"Idempotency-Key": "order-7"})


def _prose(characters: int) -> Callable[[Functions], Steps]:
    return lambda functions: _plain(functions, f"[[standin: echo]]{PROSE[:characters]}")


def _incompressible(characters: int) -> Callable[[Functions], Steps]:
    return lambda functions: _plain(functions, f"[[standin: echo]]{incompressible(characters)}")


def _webhook(functions: Functions, **config: str) -> Steps:
    """Without polls."""
    functions.account.give_signing_secret()
    functions.account.calls.made.clear()
    api, worker = functions.start("api", ALLOW_LOOPBACK_WEBHOOKS="true"), functions.start("worker")
    notifier = functions.start("notifier")
    webhooks = functions.start("webhooks", ALLOW_LOOPBACK_WEBHOOKS="true")
    stream = TableStream(functions.account)

    def one(receiver: Receiver) -> Iterator[Calls]:
        functions.submit(api, AGENT, QUESTION, pushNotificationConfig={"url": receiver.url, **config})
        yield functions.counted()
        functions.work(worker)
        yield functions.counted()
        notifier.handler({"Records": stream.new()}, LambdaContext())
        yield functions.counted()
        webhooks.handler({"Records": functions.account.receive("NotificationQueue")}, LambdaContext())
        yield functions.counted()

    with receiving() as receiver:
        list(one(receiver))
        created, worked, told, delivered = one(receiver)
    assert len(receiver.requests) == 2 * NOTIFICATIONS
    return {"POST": created, "worker": worked, "notifier": told, "webhooks": delivered}


def _webhook_with_token(functions: Functions) -> Steps:
    return _webhook(functions, token="t0ken")  # noqa: S106  invented


def _conversation(functions: Functions) -> Steps:
    """The second task of a conversation, whose history contains the first."""
    api, worker = functions.start("api"), functions.start("worker")
    functions.submit(api, AGENT, QUESTION, sessionId="talk")
    functions.work(worker)
    functions.counted()
    path = functions.submit(api, AGENT, "[[standin: say=At one.]] And the next train?", sessionId="talk")
    created = functions.counted()
    functions.work(worker)
    worked = functions.counted()
    assert functions.read(api, path)["status"] == "completed"
    return {"POST": created, "worker": worked, "GET": functions.counted()}


def _message(functions: Functions) -> Steps:
    """A message whose caller waits; its worker runs between the first read and the second."""
    api: Any = functions.start("api")
    worker = functions.start("worker")
    _warm(functions, api, worker)
    steps: Steps = {}

    def pause(_: float) -> None:
        steps["POST: create, look"] = functions.counted()
        with functions.account.calls.as_role(None):
            functions.work(worker)
        steps["worker"] = functions.counted()

    tasks = replace(api.services.tasks, pause=pause)
    api.services.message_sender = replace(api.services.message_sender, tasks=tasks)
    body = json.dumps({"message": QUESTION})
    answer = Caller(api.handler, PROJECT).send("POST", f"/a2a/{AGENT}/messages", body=body)
    assert answer.status == 200, answer.text
    return steps | {"POST: look, answer": functions.counted()}


def _a2a(functions: Functions) -> Steps:
    a2a, worker = functions.start("a2a"), functions.start("worker")
    caller = A2ACaller(a2a.handler, PROJECT)
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": QUESTION}]}
    params = {"message": message, "configuration": {"returnImmediately": True}}

    def one() -> Iterator[Calls]:
        task = caller.rpc("SendMessage", params)["task"]
        yield functions.counted()
        functions.work(worker)
        yield functions.counted()
        assert caller.rpc("GetTask", {"id": task["id"]})["status"]["state"] == "TASK_STATE_COMPLETED"
        yield functions.counted()

    list(one())
    created, worked, polled = one()
    return {"SendMessage": created, "worker": worked, "GetTask": polled}


def _wecom(functions: Functions) -> Steps:
    """A second question to a bot, and a refresh of its stream that reads the task; every other one does
    not."""
    bot, account = Bot(), functions.account
    arn = account.keep_connection_secrets("helper", ConnectionSecrets(bot.token, bot.encoding_aes_key))
    account.connections.create(Connection("helper", PROJECT, ConnectionKind.BOT, arn, 0, agent_id=AGENT))
    account.calls.made.clear()
    wecom, worker = functions.start("wecom"), functions.start("worker")

    def bring(event: dict[str, Any]) -> Calls:
        assert wecom.handler(event, LambdaContext())["statusCode"] == 200
        return functions.counted()

    bring(to_bot("helper", "first"))
    functions.work(worker)
    functions.counted()
    asked = bring(to_bot("helper", "second", text={"content": QUESTION}))
    stream_id = max(task.ref.task_id for task in account.store.page(AGENT, None, 10, None).tasks)
    functions.counted()
    looked = bring(refresh("helper", stream_id))
    functions.work(worker)
    return {"message": asked, "a refresh that reads": looked, "worker": functions.counted()}


def _warm(functions: Functions, api: ModuleType, worker: ModuleType) -> None:
    functions.submit(api, AGENT, "[[standin: say=warm]]")
    functions.work(worker)
    functions.counted()


PLAIN = "a task, with one poll"
KINDS: dict[str, Callable[[Functions], Steps]] = {
    PLAIN: _plain,
    "without rate limits": _unlimited,
    "with an Idempotency-Key": _idempotent,
    f"of {SHORT:,} characters each way": _prose(SHORT),
    f"of {LONG:,} characters each way": _prose(LONG),
    "the same, incompressible": _incompressible(LONG),
    "in a conversation": _conversation,
    "by …/messages, waited for": _message,
    "by A2A, with one GetTask": _a2a,
    "with a webhook, no poll": _webhook,
    "the same, with a token": _webhook_with_token,
    "by a bot in WeCom, with one refresh": _wecom,
}
