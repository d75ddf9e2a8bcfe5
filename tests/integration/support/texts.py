"""Texts for tests and measurements."""

import base64
import random


def incompressible(length: int) -> str:
    """So many characters, always the same, that no compression makes much shorter than six bits each."""
    return base64.b64encode(random.Random(13).randbytes(length)).decode()[:length]  # noqa: S311
