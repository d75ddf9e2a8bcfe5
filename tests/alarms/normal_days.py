"""Days on which nothing is wrong, and much happens that looks as if: single failures, short overload, a
receiver that is down, a deployment.

Thirty tasks a minute at noon and three at night, each a model's call of a few cents. No figure is measured;
each is as high as an operator would let it pass without a word.
"""

import random
from math import pi, sin

from tests.alarms.deployment import FUNCTIONS, INDEXES, Deployment
from tests.alarms.metrics import MINUTES_A_DAY, Metric, Metrics

DAYS = 4
ACCOUNT_CONCURRENCY = Metric("AWS/Lambda", "ClaimedAccountConcurrency")
CALLERS_FAULTS = ("BUDGET_EXCEEDED", "MODEL_REFUSED", "OUTPUT_TRUNCATED", "MAX_TURNS_EXCEEDED")
OVERLOAD = {"Opus": 604, "Sonnet": 844, "Haiku": 1_104}
"""When, in minutes of the day, Claude turns calls of a model away for some minutes, which lie in as many of
an alarm's periods as they can."""


def normal_days(deployment: Deployment) -> Metrics:
    """Always the same days."""
    chance, metrics = random.Random(17), Metrics(DAYS * MINUTES_A_DAY)  # noqa: S311  no secret
    _never(metrics, deployment)
    for minute in range(metrics.minutes):
        of_day = minute % MINUTES_A_DAY
        ended = round(3 + 27 * sin(pi * of_day / MINUTES_A_DAY) ** 2 + chance.uniform(-2, 2))
        _tasks(metrics, deployment, minute, ended, chance)
        _model(metrics, deployment, minute, ended)
        _background(metrics, deployment, minute)
        _release(metrics, deployment, minute)
        _functions(metrics, deployment, minute, ended, chance)
        _queues(metrics, deployment, minute, chance)
        _requests(metrics, deployment, minute, ended, chance)
        _deliveries(metrics, deployment, minute, ended, chance)
        _tables(metrics, deployment, minute)
    return metrics


def _never(metrics: Metrics, deployment: Deployment) -> None:
    """What AWS, or the functions, publish only when something has gone wrong."""
    for name in ("Worker", "DeadLetter"):
        metrics.silent(deployment.function("RecursiveInvocationsDropped", name))
    for name in ("Sweeper", "Cleanup", "Batcher", "WecomSender"):
        metrics.silent(deployment.function("AsyncEventsDropped", name))
    for name in ("TasksDeadLettered", "BatchesNotAccepted", "ServerErrors", "WecomErrors"):
        metrics.silent(deployment.own(name))
    metrics.silent(deployment.own("TasksFailed", "AGENT_MISCONFIGURED"))


def _tasks(metrics: Metrics, deployment: Deployment, minute: int, ended: int, chance: random.Random) -> None:
    failed = sum(chance.random() < 0.02 for _ in range(ended))
    metrics.add(deployment.own("TasksCompleted"), minute, max(1, ended - failed))
    for _ in range(failed):
        code = chance.choice([*CALLERS_FAULTS, "TIMEOUT"])
        metrics.add(deployment.own("TasksFailed"), minute, 1)
        metrics.add(deployment.own("TasksFailed", code), minute, 1)
    # a caller's budget is used up for half an hour, and it goes on asking
    if minute % MINUTES_A_DAY in range(700, 730):
        metrics.add(deployment.own("TasksFailed"), minute, 15)
        metrics.add(deployment.own("TasksFailed", "BUDGET_EXCEEDED"), minute, 15)
    is_late = [float(chance.random() < 0.0001) for _ in range(max(1, ended))]
    metrics.add(deployment.own("TasksEndedLate"), minute, *is_late)


def _model(metrics: Metrics, deployment: Deployment, minute: int, ended: int) -> None:
    metrics.add(deployment.own("CostUsd"), minute, 0.02 * max(1, ended))
    for alias, begin in OVERLOAD.items():
        if minute % MINUTES_A_DAY in range(begin, begin + 8):
            metrics.add(deployment.own("ModelOverloaded"), minute, 5)
            metrics.add(deployment.own("ModelOverloaded", deployment.models()[alias]), minute, 5)


def _background(metrics: Metrics, deployment: Deployment, minute: int) -> None:
    of_day = minute % MINUTES_A_DAY
    if of_day not in range(510, 512):  # a deployment
        metrics.add(deployment.own("Sweeps"), minute, 1)
        metrics.add(deployment.own("OldestDueSeconds"), minute, 150 if of_day % 97 == 0 else 40)
        metrics.add(deployment.own("BatchRuns"), minute, 1)
    if minute % 60 == 20 and of_day // 60 != 5:  # one run of clean-up is cut off
        metrics.add(deployment.own("TasksCleanedUp"), minute, 3)


def _release(metrics: Metrics, deployment: Deployment, minute: int) -> None:
    """For five minutes a tenth of the calls goes to a new version; one of them fails."""
    of_day = minute % MINUTES_A_DAY
    if of_day in range(510, 515):
        for name in FUNCTIONS:
            metrics.add(deployment.release("Errors", name), minute, float((name, of_day) == ("Worker", 512)))


def _functions(
    metrics: Metrics, deployment: Deployment, minute: int, ended: int, chance: random.Random
) -> None:
    often = {"Cleanup": minute % 60 == 19, "DeadLetter": minute % MINUTES_A_DAY == 300}
    for name in FUNCTIONS:
        calls = 1 if name in {"Sweeper", "Batcher"} else max(1, ended)
        if not often.get(name, True):
            continue
        # Lambda publishes both with every invocation
        metrics.add(deployment.function("Invocations", name), minute, calls)
        metrics.add(deployment.function("Errors", name), minute, float(chance.random() < 0.002))
        burst = 3.0 if name == "Worker" and minute % MINUTES_A_DAY == 720 else 0.0
        metrics.add(deployment.function("Throttles", name), minute, burst)
    metrics.add(deployment.function("IteratorAge", "Notifier"), minute, 2_000)
    metrics.add(ACCOUNT_CONCURRENCY, minute, 100 + 4 * ended)


def _queues(metrics: Metrics, deployment: Deployment, minute: int, chance: random.Random) -> None:
    for name in ("TaskQueue", "UrgentTaskQueue"):
        metrics.add(deployment.age(name), minute, chance.choice([0, 5, 60, 900]))
    for name in ("TaskDeadLetterQueue", "NotifierDeadLetterQueue", "NotificationDeadLetterQueue"):
        metrics.add(deployment.visible(name), minute, 0)
    # a scheduled call that failed is in the queue for a day
    metrics.add(deployment.visible("ScheduleDeadLetterQueue"), minute, 2)
    metrics.add(deployment.visible("WecomDeadLetterQueue"), minute, 0)
    burst = 4_000.0 if minute % MINUTES_A_DAY in range(900, 906) else 20.0
    for name in ("NotificationQueue", "WecomQueue"):
        metrics.add(deployment.visible(name), minute, burst)


def _requests(
    metrics: Metrics, deployment: Deployment, minute: int, ended: int, chance: random.Random
) -> None:
    metrics.add(deployment.api("Count"), minute, 20 * max(1, ended))
    failed = float(chance.random() < 0.02)
    metrics.add(deployment.api("5XXError"), minute, failed + (minute % 7 == 0))
    # a task that was waited for has failed
    metrics.add(deployment.api("5XXError", messages=True), minute, float(minute % 7 == 0))


def _deliveries(
    metrics: Metrics, deployment: Deployment, minute: int, ended: int, chance: random.Random
) -> None:
    metrics.add(deployment.own("WebhooksDelivered"), minute, max(1, ended))
    # one receiver in six is down all morning
    if minute % MINUTES_A_DAY in range(420, 720):
        metrics.add(deployment.own("WebhookRetries"), minute, ended / 6)
        metrics.add(deployment.own("WebhooksGivenUp"), minute, float(chance.random() < 0.01))
    metrics.add(deployment.own("WecomDelivered"), minute, max(1, ended))
    metrics.add(deployment.own("WecomGivenUp"), minute, float(chance.random() < 0.01))


def _tables(metrics: Metrics, deployment: Deployment, minute: int) -> None:
    """A table on demand turns some calls away when its load doubles at once."""
    burst = 20.0 if minute % MINUTES_A_DAY == 540 else 0.0
    for name in ("ReadThrottleEvents", "WriteThrottleEvents"):
        metrics.add(deployment.table(name, "RegistryTable"), minute, burst)
        for index in (None, *INDEXES):
            metrics.add(deployment.table(name, "TasksTable", index), minute, burst if index is None else 0.0)
