"""An agent's list out of several partitions: in order, each task once, however pages and new tasks fall."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from a2a_tasks.domain.task import Status
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
            assert account.store.outlines(AGENT, 100) == model.outlines(AGENT, 100)
