"""Whether somebody may write to a connection."""

from a2a_tasks.ports.connections import DepartmentReader
from a2a_tasks.wecom.allowlist import is_admitted, needs_departments
from a2a_tasks.wecom.connection import Connection


def admits(connection: Connection, user_id: str, reader: DepartmentReader) -> bool:
    """Departments are asked for only if it depends on them. What ``reader`` raises passes through: who cannot
    be looked up is not let in."""
    if not needs_departments(connection, user_id):
        return is_admitted(connection, user_id)
    return is_admitted(connection, user_id, reader.departments(connection, user_id))
