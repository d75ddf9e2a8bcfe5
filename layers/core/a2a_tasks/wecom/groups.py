"""WeCom groups that are notified of a task, named by their connections."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from a2a_tasks.domain.errors import invalid
from a2a_tasks.tasks.notify_targets import GROUPS_FIELD
from a2a_tasks.wecom.connection import Connection, ConnectionKind

if TYPE_CHECKING:
    from a2a_tasks.wecom.ports import ConnectionReader  # the api function needs nothing else of this module


@dataclass(frozen=True)
class Groups:
    """``GroupPolicy``: a group's connection of the same project, switched on. Another project's is answered
    like one that does not exist."""

    connections: "ConnectionReader"

    def check(self, project_id: str, groups: Sequence[str]) -> None:
        """Check the ids of connections. Raises ``RequestRefused`` (VALIDATION_ERROR), naming the one that is
        wrong, and ``StoreUnavailable``."""
        for place, connection_id in enumerate(groups):
            problem = problem_of(self.connections.connection(connection_id), project_id)
            if problem is not None:
                raise invalid(f"{GROUPS_FIELD}.{place}", problem)


def problem_of(connection: Connection | None, project_id: str) -> str | None:
    """Why a connection cannot be notified of a project's tasks; None if it can."""
    if connection is None or connection.project_id != project_id:
        return "the project has no such WeCom connection"
    if connection.kind is not ConnectionKind.GROUP:
        return f"is of the kind {connection.kind}; give a connection of the kind {ConnectionKind.GROUP}"
    return None if connection.enabled else "the connection is switched off"
