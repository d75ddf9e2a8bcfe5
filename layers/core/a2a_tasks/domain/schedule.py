"""When a task may start, when it ends, and when the sweeper must look at it. All times are Unix
milliseconds."""

from dataclasses import dataclass
from enum import StrEnum

from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.ids import fraction
from a2a_tasks.domain.task import Lane, Priority, Slot, Status, Task

DISPATCH_GRACE_MS = 30_000
"""A pending task may wait this long for its first claim before the sweeper sends its message again."""
NOTICE_MS = 60_000
"""Within this time a worker notices, by a note or its next write, that another process has ended its task."""
MAX_RESEND_GAP_MS = 5 * 60_000
"""Upper limit of the growing gap between two messages of a waiting task."""
MAX_BACKLOG_GAP_MS = 3_600_000
"""The upper limit while the queue has a long backlog."""
LONG_BACKLOG = 1_000
"""With this many messages in the queue, a waiting task's message is most probably among them."""
LONG_WAIT_MS = 10 * 60_000
"""With a long backlog a message counts as lost after this time, or after a quarter of the time that the
task had when it began to wait, whichever is sooner."""
LONGEST_LIFE_MS = 28 * 24 * 3_600_000
"""Every task ends within this time, including delays and pauses. Clean-up and the bucket's lifecycle rule
rely on it: older data of an unknown task is obsolete."""
GRANT_MS = 30_000
"""Time that a process has to start a task to which it granted a slot. After that it is presumed dead."""
CHILD_CHECK_MS = 60_000
"""First check of the sweeper whether awaited tasks have ended, in case the wake-up was lost."""
MAX_CHILD_CHECK_MS = 15 * 60_000
"""Upper limit of the growing interval between these checks."""
MAX_QUEUE_DELAY_MS = 900_000
"""Longest delay of an SQS message. Later starts are left to the sweeper."""
SWEEP_AHEAD_MS = 90_000
"""The sweeper sends a delayed task's message this long before its start, so that the start does not depend
on when the sweep runs."""
SOON_MS = 60_000
"""Streams end instead of waiting for a task that starts later than this."""
BATCH_LOOK_MS = 5 * 60_000
"""Polling interval for tasks in the batch lane, whose batches take minutes to hours."""


@dataclass(frozen=True)
class Clocks:
    """A task's clocks after a switch from one to the other."""

    deadline: int
    """When the running clock expires."""
    left_ms: int
    """Time left on the stopped clock."""


def clocks_of_start(task: Task, now: int) -> Clocks | None:
    """The clocks after a claim, which starts the run clock. None if it runs already."""
    if not task.waits_for_start:
        return None
    # bounded by the parent's deadline, after which the result would be useless
    deadline = _no_later(now + (task.paused_ms or 0), task.ends_by)
    return Clocks(deadline, max(0, task.deadline - now))


def clocks_of_wait(task: Task, now: int) -> Clocks | None:
    """The clocks after a task goes back to waiting for the model, which stops the run clock. None if it is
    stopped already."""
    if task.waits_for_start:
        return None
    # at least a second, or a task that was throttled at the end of its run time would fail at its next start
    left_ms = max(1_000, task.deadline - now)
    may_wait_ms = task.queue_timeout_ms if task.queue_left_ms is None else task.queue_left_ms
    # leaves time for the rest of the run within the task's longest life
    latest = _no_later(task.created_at + LONGEST_LIFE_MS - left_ms, task.ends_by)
    return Clocks(max(now, min(now + may_wait_ms, latest)), left_ms)


def earliest_end(task: Task) -> int:
    """The earliest moment at which a new task can time out, whenever it starts."""
    since = max(task.created_at, task.not_before)
    return min(task.deadline, since + (task.timeout_ms or 0)) if task.waits_for_start else task.deadline


def _no_later(moment: int, limit: int | None) -> int:
    return moment if limit is None else min(moment, limit)


def idle_ms(task: Task, now: int) -> int | None:
    """Milliseconds in which nothing will happen to a live task that cannot start soon. None for all other
    tasks."""
    if task.status is Status.PENDING and task.not_before - now > SOON_MS:
        return task.not_before - now
    if task.lane is Lane.BATCH and task.status in (Status.PENDING, Status.RUNNING):
        return BATCH_LOOK_MS
    return None


class NextAction(StrEnum):
    """What is to be done for a task, whether a worker or the sweeper looks at it."""

    NOTHING = "nothing"  # it has ended
    EXPIRE = "expire"  # its deadline has passed, but it is not failed yet
    LEAVE_TO_BATCHER = "leave_to_batcher"
    WAIT_FOR_ANSWER = "wait_for_answer"  # its caller's move
    FAIL_LOST = "fail_lost"  # its worker has it; once that is dead, no attempt is left
    TAKE_OVER = "take_over"  # its worker has it; once that is dead, another may take it
    WAKE = "wake"  # it waits for other tasks, which may all have ended
    WAIT_FOR_START = "wait_for_start"
    START = "start"


def next_action(task: Task, now: int) -> NextAction:
    """The first action in the order of ``NextAction`` that applies at ``now``.

    Whether the worker of a running task is alive is not known here but in its lease.
    """
    if task.is_terminal:
        return NextAction.NOTHING
    # checked first: a task past its deadline can only fail
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
    """Whether a worker may claim the task. A running one only once its worker is dead, which the caller
    checks."""
    if now >= task.deadline or task.attempts_are_used_up():
        return False
    if task.status is Status.PENDING:
        return task.not_before <= now and not task.awaits
    # a task held by a batch is never taken over: the batch may be paid for, and its results refer to this
    # fence
    return task.status is Status.RUNNING and task.lane is not Lane.BATCH


def goes_first(task: Task) -> bool:
    """Whether its messages go into the urgent queue: it has started and may block others while its time
    runs, it holds a slot, or its priority is high."""
    return task.started_at is not None or task.priority is Priority.HIGH or has_grant(task)


def has_grant(task: Task) -> bool:
    """Whether it was granted a slot for its next claim."""
    return task.slot is not None and task.slot.fence == task.fence


def grantable(task: Task, fence: int, now: int, slot: Slot | None) -> bool:
    """Whether a task that joined a line under ``fence`` may be granted a slot, or another process has just
    granted it a different one."""
    given = task.slot
    is_given = given is not None and given.fence == fence and given.at > now - GRANT_MS
    is_same = slot is not None and given is not None and given.number == slot.number
    is_waiting = task.status is Status.PENDING and task.fence == fence
    return is_waiting and claimable(task, now) and (is_same or not is_given)


def whole_seconds(ms: int) -> int:
    """Seconds, rounded up so that a message does not return too early."""
    return -(-ms // 1000)


def due_after_create(created_at: int, deadline: int, not_before: int = 0) -> int:
    """Due time of a new task: its message may never have been sent, or cannot be sent yet."""
    if not_before - created_at > MAX_QUEUE_DELAY_MS:
        return not_before - SWEEP_AHEAD_MS
    # no due time is later than the deadline, so that the sweeper fails the task even if everything else was
    # lost
    return min(max(created_at, not_before) + DISPATCH_GRACE_MS, deadline)


def due_after_take_over(now: int, deadline: int) -> int:
    """Due time of a task that was taken over from a dead worker. By then the new worker's lease lists it, and
    the recovery of that worker would include it, so it is then due only at its deadline."""
    return min(now + DISPATCH_GRACE_MS, deadline)


def due_after_start(task: Task, clocks: Clocks | None) -> int | None:
    """Due time of a task whose run clock starts. None if the current one is early enough."""
    is_sooner = clocks is not None and task.due_at is not None and clocks.deadline < task.due_at
    return clocks.deadline if clocks and is_sooner else None


def due_after_release(not_before: int, deadline: int) -> int:
    """Due time of a task given back for a retry: its message may be lost."""
    return min(not_before + DISPATCH_GRACE_MS, deadline)


def longest_wait(task: Task, now: int, max_wait_ms: int) -> int:
    """Until when a question may wait for its answer without exceeding the task's longest life."""
    left_ms = max(0, task.deadline - now)
    # the rest of the run must fit in after the answer
    return max(now, min(now + max_wait_ms, task.created_at + LONGEST_LIFE_MS - left_ms))


def due_while_awaiting(now: int, deadline: int, since: int | None = None) -> int:
    """Due time of a task that awaits others, because the wake-up may be lost. The interval grows with the
    time waited since ``since``, so a lost wake-up at most doubles the wait."""
    waited = 0 if since is None else now - since
    return min(now + max(CHILD_CHECK_MS, min(waited, MAX_CHILD_CHECK_MS)), deadline)


def due_after_resend(task: Task, now: int, backlog: int = 0) -> int:
    """Due time of a task that still waits for a worker. The interval grows, because a long queue is no
    loss, and varies by task, so that tasks created together are not due together."""
    # with a long backlog the message is most probably in the queue, and each copy makes it longer
    most = MAX_RESEND_GAP_MS if backlog < LONG_BACKLOG else MAX_BACKLOG_GAP_MS
    gap = max(DISPATCH_GRACE_MS, min(_waited(task, now), most))
    spread = (gap - DISPATCH_GRACE_MS) * fraction(task.ref.task_id) / 2
    return min(now + gap + int(spread), task.deadline)


def may_be_lost(task: Task, now: int, backlog: int) -> bool:
    """Whether to send the message of a waiting task again. Every copy makes a long queue longer."""
    waited = _waited(task, now)
    patience = min(LONG_WAIT_MS, (task.deadline - now + waited) // 4)
    return backlog < LONG_BACKLOG or waited >= patience


def _waited(task: Task, now: int) -> int:
    """Milliseconds for which the task could have been claimed."""
    return now - max(task.updated_at, task.not_before)


def worker_lost(task: Task) -> Failure:
    """Failure of a task whose last worker died."""
    return Failure(
        FailureCode.WORKER_LOST,
        f"The worker was lost {task.attempt} times while executing this task; no attempts are left.",
    )
