"""What is nearly right is read or refused, whatever is wrong with it: `make fuzz` looks longer."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import FOLDER, kept, mutated
from tests.fuzz.measuring import allowed, parse, peak_of
from tests.fuzz.parsers import PARSERS

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))
MEASURED_BYTES = 5_000
"""What is smaller could take no more than is free."""


def test_every_parser_has_a_corpus() -> None:
    assert {folder.name for folder in FOLDER.iterdir()} == PARSERS.keys()


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_kept_is_read_or_refused(name: str) -> None:
    for given_bytes in kept(name).values():
        parse(PARSERS[name], given_bytes)


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_kept_has_something_that_is_read(name: str) -> None:
    """Else the parser behind the first check would never be reached."""
    accepted = kept(name)["accepted"]

    assert PARSERS[name](accepted) is not None or name == "push_url"


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_nearly_right_is_read_or_refused(name: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mutated(name) | st.binary(max_size=200))
    def check(given_bytes: bytes) -> None:
        parse(PARSERS[name], given_bytes)
        if len(given_bytes) >= MEASURED_BYTES:
            assert peak_of(PARSERS[name], given_bytes) <= allowed(given_bytes)

    check()
