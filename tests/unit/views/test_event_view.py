"""Events as JSON, in pages."""

from dataclasses import replace
from typing import Any

from a2a_tasks.domain.history import events
from a2a_tasks.domain.task import Status
from a2a_tasks.views.events import events_view
from tests.integration.support.stored_task import NOW, new_task


def test_a_followers_page_goes_on_where_the_last_one_ended() -> None:
    told = (events.accepted(NOW), events.claimed(NOW + 1), events.turn(NOW + 2, 1, ["Read"]))
    task = replace(new_task(), status=Status.RUNNING, attempt=1, events=told)

    def shown(after: int) -> dict[str, Any]:
        return events_view(events.events_after(task, after, 2))

    first = shown(0)
    second = shown(int(first["nextCursor"]))
    third = shown(int(second["nextCursor"]))

    assert first == {
        "events": [
            {"id": "1", "at": "2025-06-15T15:06:40.000Z", "type": "status", "status": "pending"},
            {
                "id": "2",
                "at": "2025-06-15T15:06:40.001Z",
                "type": "status",
                "status": "running",
                "attempt": 1,
            },
        ],
        "nextCursor": "2",
        "taskStatus": "running",
    }
    turn = {"id": "3", "at": "2025-06-15T15:06:40.002Z", "type": "turn", "turn": 1, "tools": ["Read"]}
    assert second["events"] == [turn]
    assert (third["events"], third["nextCursor"]) == ([], "3")
