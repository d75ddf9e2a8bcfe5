"""A short cut through moto's reading of templates."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.cloudformation.models import Stack


@contextmanager
def quick_stacks() -> Iterator[None]:
    """JSON is read as such, and not as YAML by a parser in Python, half the time of making a stack."""
    parse = Stack.parse_template

    def parse_quickly(template: str) -> Any:
        return json.loads(template) if template.startswith("{") else parse(template)

    with patch.object(Stack, "parse_template", staticmethod(parse_quickly)):
        yield
