"""The worker's services."""

from dataclasses import dataclass

from a2a_tasks.access.cost_limits import CostLimits
from a2a_tasks.access.day_counts import DayCount
from a2a_tasks.domain.agents.backend import Backend
from a2a_tasks.domain.pricing.prices import Prices
from a2a_tasks.execution.agent_loop import AgentLoop
from a2a_tasks.execution.checkpoints import Checkpoints
from a2a_tasks.execution.child_tasks import OtherAgents
from a2a_tasks.execution.model.history import Histories
from a2a_tasks.execution.model.live_output import LivePublisher
from a2a_tasks.execution.model.paced_model import PacedModel
from a2a_tasks.execution.model.pacing import Pacing
from a2a_tasks.execution.model.prompts import Prompts
from a2a_tasks.execution.outcomes import OutcomeHandler
from a2a_tasks.execution.process.heartbeat import Heartbeat
from a2a_tasks.execution.process.intake import SharedIntake
from a2a_tasks.execution.run_spans import RunSpans
from a2a_tasks.execution.store_retry import StoreRetry
from a2a_tasks.execution.tools.made_files import MadeFiles
from a2a_tasks.execution.worker import Executor
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.documents import DocumentParser
from a2a_tasks.ports.live import LiveStore
from a2a_tasks.ports.model import Model, ModelFiles, PaceStore
from a2a_tasks.ports.workers.process_load import ProcessLoad
from a2a_tasks.ports.workers.takers import Takers
from a2a_tasks.ports.workspace import Workspaces
from a2a_tasks.tasks.agent_revisions import Revisions
from a2a_tasks.tasks.office_texts import OfficeTexts
from a2a_tasks.tasks.submission import Submitter
from a2a_tasks.wiring.tasks import TaskServices


@dataclass(frozen=True)
class WorkerPorts:
    """What the worker needs beside ``TaskServices``."""

    model: Model
    files: ModelFiles
    workspaces: Workspaces
    office: DocumentParser
    paces: PaceStore
    live: LiveStore
    takers: Takers
    process_load: ProcessLoad
    run: RunBlocking
    run_heartbeat: RunBlocking
    """On threads of its own, which work that waits for a store cannot take from the heartbeat."""


@dataclass(frozen=True)
class WorkerSettings:
    """The worker's part of the configuration."""

    backend: Backend
    prices: Prices
    room: int
    reserved: int
    lease_seconds: int
    max_wait_ms: int


def build_worker(
    tasks: TaskServices, submitter: Submitter, ports: WorkerPorts, settings: WorkerSettings
) -> Executor:
    """The worker of one process. ``submitter`` creates the tasks that its agents start."""
    run, clock, payloads = ports.run, tasks.clock, submitter.payloads
    # one of each for all tasks of the process: they share threads, paces, and the turns of their locks
    store_retry = StoreRetry(clock, run)
    pacing = Pacing(ports.paces, clock, tasks.entropy, tasks.telemetry, run, settings.backend.value)
    office = OfficeTexts(ports.office, payloads)
    checkpoints = Checkpoints(tasks.store, tasks.records, payloads, clock, store_retry, office, run)
    cost_limits = CostLimits(submitter.budgets, settings.prices, tasks.telemetry)
    day = DayCount(tasks.store, submitter.budgets, tasks.telemetry)
    return Executor(
        loop=AgentLoop(
            revisions=Revisions(tasks.registry),
            payloads=payloads,
            workspaces=ports.workspaces,
            model=PacedModel(ports.model, pacing),
            checkpoints=checkpoints,
            histories=Histories(tasks.contexts, tasks.store, payloads, office),
            other_agents=OtherAgents(
                tasks.store, payloads, submitter, submitter.budgets, checkpoints, clock, tasks.entropy, run
            ),
            cost_limits=cost_limits,
            day=day,
            prompts=Prompts(cost_limits, settings.backend, submitter.aliases),
            made_files=MadeFiles(ports.files, payloads, checkpoints, clock),
            telemetry=tasks.telemetry,
            spans=RunSpans(clock, tasks.telemetry, settings.backend),
            run=run,
        ),
        pacing=pacing,
        outcomes=OutcomeHandler(
            store=tasks.store,
            payloads=payloads,
            queue=tasks.queue,
            slots=tasks.slots,
            finalizer=tasks.finalizer,
            day=day,
            clock=clock,
            entropy=tasks.entropy,
            telemetry=tasks.telemetry,
            store_retry=store_retry,
            run=run,
            max_wait_ms=settings.max_wait_ms,
        ),
        store=tasks.store,
        queue=tasks.queue,
        slots=tasks.slots,
        holders=tasks.holders,
        pause=tasks.pause,
        heartbeat=build_heartbeat(tasks, ports.run_heartbeat, settings.lease_seconds),
        finalizer=tasks.finalizer,
        live=LivePublisher(ports.live, clock, tasks.telemetry, run),
        intake=_intake(tasks, ports, settings),
        clock=clock,
        entropy=tasks.entropy,
        telemetry=tasks.telemetry,
        run=run,
    )


def _intake(tasks: TaskServices, ports: WorkerPorts, settings: WorkerSettings) -> SharedIntake:
    return SharedIntake(
        queue=tasks.queue,
        pause=tasks.pause,
        takers=ports.takers,
        clock=tasks.clock,
        entropy=tasks.entropy,
        telemetry=tasks.telemetry,
        run=ports.run,
        called=tasks.slots.handover.called,
        process_load=ports.process_load,
        lease_seconds=settings.lease_seconds,
        room=settings.room,
        reserved=settings.reserved,
    )


def build_heartbeat(tasks: TaskServices, run: RunBlocking, lease_seconds: int) -> Heartbeat:
    """The heartbeat of one process."""
    return Heartbeat(
        workers=tasks.workers,
        store=tasks.store,
        queue=tasks.queue,
        clock=tasks.clock,
        entropy=tasks.entropy,
        telemetry=tasks.telemetry,
        run=run,
        lease_seconds=lease_seconds,
    )
