"""For each alarm a fault that it is there for, as the metrics show it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.alarms.deployment import Deployment
from tests.alarms.metrics import MINUTES_A_DAY, Metric, Metrics
from tests.alarms.normal_days import ACCOUNT_CONCURRENCY

BEGIN = MINUTES_A_DAY + 720
"""The noon of the second day."""


@dataclass(frozen=True)
class Fault:
    """``more`` is published each minute besides what a normal day has, and ``gone`` not at all."""

    minutes: int
    more: tuple[tuple[Metric, float], ...] = ()
    gone: tuple[Metric, ...] = ()

    @property
    def span(self) -> range:
        return range(BEGIN, BEGIN + self.minutes)

    def on(self, normal: Metrics) -> Metrics:
        metrics = normal.copy()
        for metric in self.gone:
            metrics.drop(metric, self.span)
        for metric, value in self.more:
            for minute in self.span:
                metrics.add(metric, minute, value)
        return metrics


type Faults = dict[str, Callable[[Deployment], Fault]]
type OfDeployment = Callable[[Deployment], Metric]


def _more(minutes: int, *metrics: tuple[OfDeployment, float]) -> Callable[[Deployment], Fault]:
    return lambda deployment: Fault(minutes, tuple((metric(deployment), value) for metric, value in metrics))


def _gone(minutes: int, *names: str) -> Callable[[Deployment], Fault]:
    return lambda deployment: Fault(minutes, gone=tuple(deployment.own(name) for name in names))


def _own(name: str, code: str | None = None) -> OfDeployment:
    return lambda deployment: deployment.own(name, code)


def _function(name: str, of: str) -> OfDeployment:
    return lambda deployment: deployment.function(name, of)


def _release(of: str) -> OfDeployment:
    return lambda deployment: deployment.release("Errors", of)


def _visible(of: str) -> OfDeployment:
    return lambda deployment: deployment.visible(of)


def _age(of: str) -> OfDeployment:
    return lambda deployment: deployment.age(of)


def _errors(names: Iterable[str]) -> Faults:
    """Each second call fails: of clean-up's, which come once an hour, two in a row."""
    faults = {f"{name}ErrorsAlarm": _more(30, (_function("Errors", name), 10)) for name in names}
    faults["WecomCallbackErrorsAlarm"] = _more(30, (_function("Errors", "Wecom"), 10))
    return faults | {"CleanupErrorsAlarm": _more(240, (_function("Errors", "Cleanup"), 1 / 60))}


def _overloaded(alias: str) -> Callable[[Deployment], Fault]:
    def fault(deployment: Deployment) -> Fault:
        model = deployment.models()[alias]
        return Fault(
            40, ((deployment.own("ModelOverloaded"), 1), (deployment.own("ModelOverloaded", model), 1))
        )

    return fault


LATE = _more(120, (_own("TasksEndedLate"), 1), (_own("TasksEndedLate"), 1))
SOMETIMES_LATE = _more(900, (_own("TasksEndedLate"), 0.3))
DEAF = _more(45, (_own("WebhookRetries"), 60))
FAULTS: Faults = {
    "ReleaseFailsCallersAlarm": _more(3, (_release("Api"), 1), (_release("Authorizer"), 1)),
    "ReleaseFailsBackgroundAlarm": _more(3, (_release("Worker"), 2)),
    "ReleaseFailsAlarm": _more(3, (_release("Worker"), 2)),
    "LateInMinutesAlarm": LATE,
    "LateInAnHourAlarm": LATE,
    "TasksEndLateFastAlarm": LATE,
    "LateInHalfAnHourAlarm": SOMETIMES_LATE,
    "LateInSixHoursAlarm": SOMETIMES_LATE,
    "TasksEndLateSlowAlarm": SOMETIMES_LATE,
    "TaskQueueAgeAlarm": _more(10, (_age("TaskQueue"), 3_000)),
    "UrgentTaskQueueAgeAlarm": _more(10, (_age("UrgentTaskQueue"), 3_000)),
    "TasksWaitAlarm": _more(10, (_age("UrgentTaskQueue"), 3_000)),
    "TaskFailureRateAlarm": _more(30, (_own("TasksFailed"), 10), (_own("TasksFailed", "TIMEOUT"), 10)),
    "MisconfiguredAgentsAlarm": _more(15, (_own("TasksFailed", "AGENT_MISCONFIGURED"), 1)),
    "OpusOverloadedAlarm": _overloaded("Opus"),
    "SonnetOverloadedAlarm": _overloaded("Sonnet"),
    "HaikuOverloadedAlarm": _overloaded("Haiku"),
    "OtherModelsOverloadedAlarm": _more(40, (_own("ModelOverloaded"), 1)),
    "SweeperSilenceAlarm": _gone(10, "Sweeps"),
    "OldestDueAlarm": _more(5, (_own("OldestDueSeconds"), 400)),
    "SweeperAlarm": _gone(10, "Sweeps", "OldestDueSeconds"),
    "CleanupSilenceAlarm": _gone(400, "TasksCleanedUp"),
    "BatcherSilenceAlarm": _gone(15, "BatchRuns"),
    "BatchesNotAcceptedAlarm": _more(45, (_own("BatchesNotAccepted"), 1)),
    "TaskDeadLetterQueueAlarm": _more(10, (_visible("TaskDeadLetterQueue"), 2)),
    "TasksDeadLetteredAlarm": _more(1, (_own("TasksDeadLettered"), 1)),
    "ScheduleDeadLetterQueueAlarm": _more(60, (_visible("ScheduleDeadLetterQueue"), 6)),
    "AsyncEventsDroppedAlarm": _more(15, (_function("AsyncEventsDropped", "Sweeper"), 1)),
    "ScheduledCallsAlarm": _more(15, (_function("AsyncEventsDropped", "WecomSender"), 1)),
    "WorkerRecursionAlarm": _more(5, (_function("RecursiveInvocationsDropped", "Worker"), 1)),
    "DeadLetterRecursionAlarm": _more(5, (_function("RecursiveInvocationsDropped", "DeadLetter"), 1)),
    "NotifierDeadLetterQueueAlarm": _more(5, (_visible("NotifierDeadLetterQueue"), 1)),
    "NotifierLagAlarm": _more(10, (_function("IteratorAge", "Notifier"), 400_000)),
    "NotificationDeadLetterQueueAlarm": _more(10, (_visible("NotificationDeadLetterQueue"), 1)),
    "NotificationQueueBacklogAlarm": lambda deployment: Fault(
        30, ((deployment.visible("NotificationQueue"), 5_000),), (deployment.visible("NotificationQueue"),)
    ),
    "WebhooksFailAlarm": DEAF,
    "WecomDeadLetterQueueAlarm": _more(5, (_visible("WecomDeadLetterQueue"), 1)),
    "WecomQueueBacklogAlarm": lambda deployment: Fault(
        30, ((deployment.visible("WecomQueue"), 5_000),), (deployment.visible("WecomQueue"),)
    ),
    "WecomFailAlarm": _more(15, (_own("WecomGivenUp"), 20)),
    "WecomErrorsAlarm": _more(15, (_own("WecomErrors"), 1)),
    "ApiServerErrorsAlarm": _more(20, (_own("ServerErrors"), 20)),
    "ApiFailsAlarm": _more(20, (_function("Errors", "Authorizer"), 10)),
    "FunctionsFailAlarm": _more(20, (_function("Errors", "Worker"), 10)),
    "CallersThrottledAlarm": _more(20, (_function("Throttles", "Api"), 10)),
    "BackgroundThrottledAlarm": _more(20, (_function("Throttles", "Worker"), 10)),
    "AccountConcurrencyAlarm": lambda _: Fault(10, ((ACCOUNT_CONCURRENCY, 950),)),
    "ConcurrencyAlarm": lambda _: Fault(10, ((ACCOUNT_CONCURRENCY, 950),)),
    "TasksTableThrottledAlarm": lambda deployment: Fault(
        20, ((deployment.table("WriteThrottleEvents", "TasksTable", "due"), 40),)
    ),
    "RegistryTableThrottledAlarm": lambda deployment: Fault(
        20, ((deployment.table("ReadThrottleEvents", "RegistryTable"), 40),)
    ),
    "SpendInADayAlarm": _more(600, (_own("CostUsd"), 3)),
    "SpendInAnHourAlarm": _more(120, (_own("CostUsd"), 8)),
} | _errors(
    ["Api", "Authorizer", "Messages", "A2A", "Worker", "DeadLetter", "Sweeper", "Batcher",
     "Notifier", "Webhooks", "WecomSender"]
)  # fmt: skip
