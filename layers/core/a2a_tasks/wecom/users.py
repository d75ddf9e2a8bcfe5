"""WeCom's user ids: the same person in upper and lower case."""

from collections.abc import Iterable


def canonical(user_id: str) -> str:
    """The id by which people are compared and counted."""
    return user_id.casefold()


def is_allowed(user_id: str, allowed: Iterable[str]) -> bool:
    """Whether somebody is on a list of user ids."""
    return canonical(user_id) in {canonical(listed) for listed in allowed}
