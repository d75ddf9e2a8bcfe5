"""Lists out of several partitions: in order, each task once, however pages and new tasks fall."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from a2a_tasks.domain.ids import IdRange, oldest_task_id
from a2a_tasks.domain.task import Status
from a2a_tasks.domain.task_filter import TaskFilter
from a2a_tasks.ports.tasks import TaskPage
from tests.integration.support.account import AGENT, OTHER_AGENT, Account, open_account
from tests.integration.support.aws_calls import AwsCalls
from tests.integration.support.stored_task import NOW, STATES, created
from tests.twins.stores.tasks import MemoryTaskStore

KINDS = st.sampled_from([Status.PENDING, Status.RUNNING, Status.COMPLETED, Status.FAILED, Status.CANCELED])
MADE = st.lists(st.tuples(st.integers(0, 40), KINDS, st.booleans()), max_size=30)


def fill(account: Account, made: list[tuple[int, Status, bool]]) -> MemoryTaskStore:
    """The same tasks in both stores."""
    model = MemoryTaskStore()
    for number, (at, status, is_others) in enumerate(made):
        for store in (account.store, model):
            agent_id = OTHER_AGENT if is_others else AGENT
            STATES[status](store, created(store, NOW + at, number=number, agent_id=agent_id), NOW + 50)
    return model


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=MADE, limit=st.integers(1, 7), status=st.none() | KINDS, late=st.integers(0, 3))
def test_pages_are_the_models_list(
    made: list[tuple[int, Status, bool]], limit: int, status: Status | None, late: int
) -> None:
    with mock_aws():
        account = open_account(AwsCalls())
        model = fill(account, made)
        expected = [task.ref for task in model.page(AGENT, status, 100, None).tasks]

        found, cursor = [], None
        while True:
            page = account.store.page(AGENT, status, limit, cursor)
            assert len(page.tasks) <= limit
            found += [task.ref for task in page.tasks]
            if (cursor := page.cursor) is None:
                break
            for number in range(late):  # newer than all, so they shift nothing
                created(account.store, NOW + 1_000 + len(found), number=1_000 + number)

        assert found == expected
        if not late:
            assert account.store.summaries(AGENT, 100) == model.summaries(AGENT, 100)


def every(search: Callable[[str | None], TaskPage]) -> list[str]:
    """Ids of all pages, each no longer than allowed."""
    found, cursor = [], None
    while True:
        page = search(cursor)
        found += [task.ref.task_id for task in page.tasks]
        if (cursor := page.cursor) is None:
            return found


STATUSES = st.frozensets(KINDS, max_size=2)
AGENTS = st.sampled_from([[AGENT], [OTHER_AGENT], [AGENT, OTHER_AGENT], [AGENT, "nobody"], []])
MOMENTS = st.none() | st.integers(-1, 41)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    made=MADE,
    agents=AGENTS,
    statuses=STATUSES,
    after=MOMENTS,
    before=MOMENTS,
    part=st.sampled_from(["", "0197", "-7", "a", "0"]),
    limit=st.integers(1, 7),
)
def test_lists_of_several_agents_are_the_models(
    made: list[tuple[int, Status, bool]],
    agents: list[str],
    statuses: frozenset[Status],
    after: int | None,
    before: int | None,
    part: str,
    limit: int,
) -> None:
    wanted = TaskFilter(
        statuses,
        created_from=0 if after is None else NOW + after,
        created_before=None if before is None else NOW + before,
        id_part=part,
    )
    with mock_aws():
        account = open_account(AwsCalls())
        model = fill(account, made)

        found = every(lambda cursor: account.store.search(agents, wanted, limit, cursor, NOW))

        assert found == every(lambda cursor: model.search(agents, wanted, limit, cursor, NOW))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=MADE, limit=st.integers(1, 7), after=st.integers(0, 41), before=st.integers(0, 41))
def test_the_ended_are_read_once_each(
    made: list[tuple[int, Status, bool]], limit: int, after: int, before: int
) -> None:
    ids = IdRange(oldest_task_id(NOW + after), oldest_task_id(NOW + before))
    with mock_aws():
        account = open_account(AwsCalls())
        model = fill(account, made)
        expected = model.ended(AGENT, ids, None, 1_000).tasks

        found, position = [], None
        while True:
            some = account.store.ended(AGENT, ids, position, limit)
            assert some.looked_at <= limit
            found += some.tasks
            if (position := some.position) is None:
                break

        assert sorted(found, key=lambda task: task.ref.task_id) == expected
