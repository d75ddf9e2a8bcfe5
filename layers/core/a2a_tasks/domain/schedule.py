"""When a task may start, when it ends, and when somebody must look at it."""

from dataclasses import dataclass
from enum import StrEnum

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.ids import fraction
from a2a_tasks.domain.task import Lane, Priority, Slot, Status, Task

DISPATCH_GRACE_MS = 30_000
"""How long a pending task may wait for its first claim before the sweeper sends its message again."""
NOTICE_MS = 60_000
"""By then a worker whose task was ended by somebody else has noticed, or does with its next write."""
MAX_RESEND_GAP_MS = 5 * 60_000
"""A waiting task's message is sent again ever less often, up to this."""
MAX_BACKLOG_GAP_MS = 3_600_000
"""The same behind a long backlog."""
LONG_BACKLOG = 1_000
"""With so many messages in the queue, a task that waits is most probably named by one of them."""
LONG_WAIT_MS = 10 * 60_000
"""Behind a long backlog a message counts as lost only then, or after a quarter of the time that the task had
when it began to wait."""
LONGEST_LIFE_MS = 28 * 24 * 3_600_000
"""By then a task has ended, however long it was delayed and however often it asked: clean-up, and the
payload bucket's own rule, take what is so much older than its retention for nobody's."""
GRANT_MS = 30_000
"""So long a task that was given a slot is left to whoever gave it. Then that process is dead, or too late."""
CHILD_CHECK_MS = 60_000
"""When the sweeper first asks whether the tasks that a task waits for have ended: a wake-up may be lost."""
MAX_CHILD_CHECK_MS = 15 * 60_000
"""It asks ever less often, up to this."""
MAX_QUEUE_DELAY_MS = 900_000
"""The longest that SQS delays a message; a later start is the sweeper's to send."""
SWEEP_AHEAD_MS = 90_000
"""How long before its start the sweeper sends a delayed task, so that it starts in time, not at a sweep."""
SOON_MS = 60_000
"""A task that starts later than that is not waited for by a stream."""
BATCH_LOOK_MS = 5 * 60_000
"""How often it is worth looking at a task in the batch lane, whose batch takes minutes to hours."""


@dataclass(frozen=True)
class Clocks:
    """A task's clocks after one has been stopped for the other: when the one that runs now is over, and the
    time that the other has left."""

    deadline: int
    left_ms: int


def clocks_of_start(task: Task, now: int) -> Clocks | None:
    """What a claim does to the clocks: the run's goes on. None where it does already."""
    if not task.waits_for_start:
        return None
    deadline = _no_later(now + (task.paused_ms or 0), task.ends_by)
    return Clocks(deadline, max(0, task.deadline - now))


def clocks_of_wait(task: Task, now: int) -> Clocks | None:
    """What it does to the clocks that a begun task waits for the model: the run's stands still. None where it
    does already."""
    if task.waits_for_start:
        return None
    left_ms = max(1_000, task.deadline - now)
    may_wait_ms = task.queue_timeout_ms if task.queue_left_ms is None else task.queue_left_ms
    latest = _no_later(task.created_at + LONGEST_LIFE_MS - left_ms, task.ends_by)
    return Clocks(max(now, min(now + may_wait_ms, latest)), left_ms)


def earliest_end(task: Task) -> int:
    """Before then the time of a new task is not over, whenever it starts."""
    since = max(task.created_at, task.not_before)
    return min(task.deadline, since + (task.timeout_ms or 0)) if task.waits_for_start else task.deadline


def _no_later(moment: int, limit: int | None) -> int:
    return moment if limit is None else min(moment, limit)


def rest_ms(task: Task, now: int) -> int | None:
    """How long nothing will happen to a live task that cannot start soon; None for every other."""
    if task.status is Status.PENDING and task.not_before - now > SOON_MS:
        return task.not_before - now
    if task.lane is Lane.BATCH and task.status in (Status.PENDING, Status.RUNNING):
        return BATCH_LOOK_MS
    return None


def rest_seconds(rest: int) -> int:
    """``rest_ms`` as callers are told it, rounded up."""
    return -(-rest // 1000)


class NextAction(StrEnum):
    """What is next for a task, whoever looks at it: a worker with its message, or the sweeper."""

    NOTHING = "nothing"  # it has ended
    EXPIRE = "expire"  # its deadline has passed, and nobody has written that down
    LEAVE_TO_BATCHER = "leave_to_batcher"
    WAIT_FOR_ANSWER = "wait_for_answer"  # its caller's move
    FAIL_LOST = "fail_lost"  # its worker has it; once that is dead, no attempt is left
    TAKE_OVER = "take_over"  # its worker has it; once that is dead, another may take it
    WAKE = "wake"  # it waits for other tasks, which may all have ended
    WAIT_FOR_START = "wait_for_start"
    START = "start"


def next_action(task: Task, now: int) -> NextAction:
    """The first of these that holds; ``now`` in Unix milliseconds.

    Whether the worker of a running task lives is in its lease, not here."""
    if task.is_terminal:
        return NextAction.NOTHING
    if task.is_expired(now):
        return NextAction.EXPIRE
    if task.lane is Lane.BATCH:
        return NextAction.LEAVE_TO_BATCHER
    if task.status is Status.INPUT_REQUIRED:
        return NextAction.WAIT_FOR_ANSWER
    if task.status is Status.RUNNING:
        return NextAction.FAIL_LOST if task.attempts_are_used_up() else NextAction.TAKE_OVER
    if task.awaits:
        return NextAction.WAKE
    return NextAction.WAIT_FOR_START if task.not_before > now else NextAction.START


def claimable(task: Task, now: int) -> bool:
    """A worker may take the task, a running one once its own worker is dead: it may start, and attempts are
    left."""
    if now >= task.deadline or task.attempts_are_used_up():
        return False
    if task.status is Status.PENDING:
        return task.not_before <= now and not task.awaits
    return task.status is Status.RUNNING and task.lane is not Lane.BATCH


def goes_first(task: Task) -> bool:
    """Whether its messages go before those of tasks that nobody has begun: it has begun itself, and may hold
    what others wait for while its time runs, it has been given a slot, or its caller wants it to."""
    return task.started_at is not None or task.priority is Priority.HIGH or is_called(task)


def is_called(task: Task) -> bool:
    """It has been given its agent's slot for the claim that comes next."""
    return task.slot is not None and task.slot.fence == task.fence


def grantable(task: Task, fence: int, now: int, slot: Slot | None) -> bool:
    """A task that waits since this fence may be given a slot, unless somebody else has just given it
    another."""
    given = task.slot
    is_given = given is not None and given.fence == fence and given.at > now - GRANT_MS
    is_same = slot is not None and given is not None and given.number == slot.number
    is_waiting = task.status is Status.PENDING and task.fence == fence
    return is_waiting and claimable(task, now) and (is_same or not is_given)


def whole_seconds(ms: int) -> int:
    """Rounded up, so that what waits so long is not back too early: queues count in seconds."""
    return -(-ms // 1000)


def due_after_create(created_at: int, deadline: int, not_before: int = 0) -> int:
    """When somebody must look at a new task: its message may never have been sent, or cannot be sent yet."""
    if not_before - created_at > MAX_QUEUE_DELAY_MS:
        return not_before - SWEEP_AHEAD_MS
    return min(max(created_at, not_before) + DISPATCH_GRACE_MS, deadline)


def due_after_take_over(now: int, deadline: int) -> int:
    """When somebody must look at a task that was taken over: whether its new worker's lease names it by then.
    From then on whoever finds that worker dead finds the task, and it is due at its deadline alone."""
    return min(now + DISPATCH_GRACE_MS, deadline)


def due_after_start(task: Task, clocks: Clocks | None) -> int | None:
    """When somebody must look at a task whose run time goes on from now; None where that stays as it is."""
    is_sooner = clocks is not None and task.due_at is not None and clocks.deadline < task.due_at
    return clocks.deadline if clocks and is_sooner else None


def due_after_release(not_before: int, deadline: int) -> int:
    """When somebody must look at a task given back for a retry: its message may be gone."""
    return min(not_before + DISPATCH_GRACE_MS, deadline)


def longest_wait(task: Task, now: int, max_wait_ms: int) -> int:
    """Until when a question may wait for its answer, so that the time left after it is within the longest
    life."""
    left_ms = max(0, task.deadline - now)
    return max(now, min(now + max_wait_ms, task.created_at + LONGEST_LIFE_MS - left_ms))


def due_while_awaiting(now: int, deadline: int, since: int | None = None) -> int:
    """When somebody must look at a task that waits for others: their end may not have reached it. Later each
    time, the longer it has waited (``since``): after a lost wake-up it waits at most as long again."""
    waited = 0 if since is None else now - since
    return min(now + max(CHILD_CHECK_MS, min(waited, MAX_CHILD_CHECK_MS)), deadline)


def due_after_resend(task: Task, now: int, backlog: int = 0) -> int:
    """When to look again at a task that waits for a worker: later each time, since a long queue is not a
    loss, and not at the same moment for all that came together."""
    most = MAX_RESEND_GAP_MS if backlog < LONG_BACKLOG else MAX_BACKLOG_GAP_MS
    gap = max(DISPATCH_GRACE_MS, min(_waited(task, now), most))
    spread = (gap - DISPATCH_GRACE_MS) * fraction(task.ref.task_id) / 2
    return min(now + gap + int(spread), task.deadline)


def may_be_lost(task: Task, now: int, backlog: int) -> bool:
    """Whether the message of a task that waits for a worker is worth sending again, with so many others in
    the queue: each copy makes a long queue longer."""
    waited = _waited(task, now)
    patience = min(LONG_WAIT_MS, (task.deadline - now + waited) // 4)
    return backlog < LONG_BACKLOG or waited >= patience


def _waited(task: Task, now: int) -> int:
    """For how long it has been as it is, and could have been taken."""
    return now - max(task.updated_at, task.not_before)


def lost(task: Task) -> Failure:
    """The failure of a task whose last worker died."""
    return Failure(
        FailureCode.WORKER_LOST,
        f"The worker was lost {task.attempt} times while executing this task; no attempts are left.",
    )
