"""The events of a task, as the REST API shows them."""

from typing import Any

from a2a_tasks.domain.history.event import NumberedEvent
from a2a_tasks.domain.history.events import EventPage
from a2a_tasks.domain.task import iso8601


def events_view(page: EventPage) -> dict[str, Any]:
    """``{"events": [{"id", "at", "type", …}], "nextCursor", "taskStatus"}``."""
    return {
        "events": [event_view(event) for event in page.events],
        "nextCursor": str(page.last),
        "taskStatus": page.task.status.value,
    }


def event_view(event: NumberedEvent) -> dict[str, Any]:
    """``{"id", "at", "type", …}`` with the event's details."""
    return {"id": str(event.number), "at": iso8601(event.at), "type": event.type.value} | dict(event.details)
