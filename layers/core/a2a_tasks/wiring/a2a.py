"""The services of A2A."""

from collections.abc import Callable

from a2a_tasks.a2a.card import Publisher
from a2a_tasks.a2a.history import TaskHistory
from a2a_tasks.a2a.methods import Methods
from a2a_tasks.a2a.rejection import Rejecter
from a2a_tasks.conversations.answers import Answerer
from a2a_tasks.conversations.follow import Follower
from a2a_tasks.ports.live import LiveStore
from a2a_tasks.ports.payloads import ArtifactLinks
from a2a_tasks.tasks.latest import LatestTasks
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.tasks.submission import Submitter
from a2a_tasks.webhooks.push_configs import PushConfigs
from a2a_tasks.wiring.tasks import TaskServices


def build_methods(
    tasks: TaskServices,
    submitter: Submitter,
    links: ArtifactLinks,
    push: PushConfigs,
    live: LiveStore,
    publisher: Publisher,
    pause: Callable[[float], None],
) -> Methods:
    """The methods of one process. ``pause`` sleeps for so many seconds."""
    payloads, finalizer = submitter.payloads, tasks.finalizer
    return Methods(
        tasks=Tasks(tasks.store, tasks.registry, payloads, links, finalizer, pause),
        latest=LatestTasks(tasks.store, tasks.contexts, tasks.registry, finalizer),
        rejecter=Rejecter(submitter, finalizer),
        answerer=Answerer(tasks.store, tasks.records, payloads, tasks.queue, finalizer, tasks.telemetry),
        history=TaskHistory(tasks.records, payloads),
        registry=tasks.registry,
        push=push,
        follower=Follower(tasks.store, live, finalizer, pause),
        telemetry=tasks.telemetry,
        publisher=publisher,
    )
