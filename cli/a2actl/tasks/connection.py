"""The API of the stack that a command works on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from a2actl.deployment.stack import Stack

if TYPE_CHECKING:
    from a2actl.tasks.api import TaskApi


@contextmanager
def connected_api(stack: Stack, key: str | None) -> "Iterator[TaskApi]":
    """Called with the given key, or the local stack's. Raises ``Fault`` if there is none."""
    from a2actl.tasks.api import connected

    api_key = stack.api_key(key)  # before the address, which may have to be asked of AWS
    with connected(stack.api_url(), api_key) as api:
        yield api
