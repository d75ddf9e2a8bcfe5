"""The events in ``events/``, one a trigger."""

import json
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parents[3] / "events"


def load_event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(next(DIRECTORY.rglob(f"{name}.json")).read_text())
    return event
