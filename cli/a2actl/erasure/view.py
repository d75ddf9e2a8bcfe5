"""Findings and results of an erasure."""

from collections.abc import Sequence
from typing import Any

from a2actl.erasure.deletion import Erased
from a2actl.erasure.subject import Findings
from a2actl.terminal.amount import counted


def summary(found: Findings) -> str:
    """Such as ``3 tasks, 2 conversations``."""
    counts = ((len(found.tasks), "task"), (len(found.contexts), "conversation"))
    parts = [counted(count, what) for count, what in counts if count]
    if found.partitions:
        parts.append("chat state and counters")
    return ", ".join(parts) or "nothing"


def fields(erased: Erased) -> list[tuple[str, str]]:
    """What was done."""
    shown = [
        ("Tasks", f"{erased.tasks}, of which {erased.canceled} were live and were canceled"),
        ("Objects", f"{erased.objects}, old versions included"),
        ("Other items", str(erased.items)),
    ]
    if erased.left:
        shown.append(
            (
                "Left",
                f"{erased.left} records whose workers may still write: clean-up deletes them in two hours",
            )
        )
    return shown


def to_json(found: Findings, erased: Erased | None, left: Sequence[str]) -> dict[str, Any]:
    """``{"found": {…}, "erased": {…} or null, "remains": […]}``."""
    done = erased and {
        "tasks": erased.tasks,
        "canceled": erased.canceled,
        "objects": erased.objects,
        "items": erased.items,
        "left": erased.left,
    }
    return {
        "found": {
            "tasks": [{"agentId": ref.agent_id, "taskId": ref.task_id} for ref in found.tasks],
            "conversations": [
                {"agentId": place.agent_id, "contextId": place.context_id} for place in found.contexts
            ],
            "partitions": list(found.partitions),
        },
        "erased": done,
        "remains": list(left),
    }
