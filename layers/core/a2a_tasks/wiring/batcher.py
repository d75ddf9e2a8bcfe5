"""The batcher's services."""

from a2a_tasks.access.budgets import DailyBudgets
from a2a_tasks.access.cost_limits import CostLimits
from a2a_tasks.access.day_counts import DayCount
from a2a_tasks.batches.batcher import Batcher
from a2a_tasks.batches.collection import BatchCollection
from a2a_tasks.batches.creation import BatchCreation
from a2a_tasks.batches.recovery import BatchRecovery
from a2a_tasks.batches.requests import BatchRequests
from a2a_tasks.batches.results import BatchResults
from a2a_tasks.batches.single_turn import SingleTurns
from a2a_tasks.batches.submission import BatchSubmission
from a2a_tasks.batches.tasks import BatchTasks, ParallelSteps
from a2a_tasks.domain.pricing.prices import Prices
from a2a_tasks.ports.batches import BatchStore, MessageBatches
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.tasks.agent_revisions import Revisions
from a2a_tasks.wiring.tasks import TaskServices


def build_batcher(
    services: TaskServices,
    payloads: PayloadStore,
    batches: BatchStore,
    api: MessageBatches,
    budgets: DailyBudgets,
    prices: Prices,
    run: RunBlocking,
) -> Batcher:
    """The batcher of one process."""
    entropy, telemetry = services.entropy, services.telemetry
    day = DayCount(services.store, budgets, telemetry)
    tasks = BatchTasks(services.store, batches, payloads, services.finalizer, day, telemetry)
    turns = SingleTurns(Revisions(services.registry), CostLimits(budgets, prices, telemetry, in_batch=True))
    parallel = ParallelSteps(run, telemetry)
    requests = BatchRequests(api, payloads, turns)
    collection = BatchCollection(batches, tasks, requests, parallel)
    creation = BatchCreation(batches, api, tasks, requests, parallel)
    return Batcher(
        batches=batches,
        results=BatchResults(batches, api, tasks, turns, parallel, entropy),
        recovery=BatchRecovery(batches, api, creation, telemetry, run),
        submission=BatchSubmission(batches, tasks, collection, creation, budgets, parallel, entropy),
        pause=services.pause,
        clock=services.clock,
        entropy=entropy,
        telemetry=telemetry,
        run=run,
    )
