"""WeCom's user ids, and who may write to a connection."""

from collections.abc import Collection, Iterable

from a2a_tasks.wecom.connection import Connection


def is_admitted(connection: Connection, user_id: str, departments: Collection[int] = ()) -> bool:
    """Whether a user who belongs directly to these departments may write. Without lists everyone may."""
    if not connection.allowed_users and not connection.allowed_departments:
        return True
    is_listed = is_allowed(user_id, connection.allowed_users)
    return is_listed or not connection.allowed_departments.isdisjoint(departments)


def needs_departments(connection: Connection, user_id: str) -> bool:
    """Whether ``is_admitted`` depends on the user's departments."""
    return bool(connection.allowed_departments) and not is_allowed(user_id, connection.allowed_users)


def canonical(user_id: str) -> str:
    """Normalized id for comparing and counting users."""
    return user_id.casefold()


def is_allowed(user_id: str, allowed: Iterable[str]) -> bool:
    """Whether a user is on a list of user ids."""
    return canonical(user_id) in {canonical(listed) for listed in allowed}
