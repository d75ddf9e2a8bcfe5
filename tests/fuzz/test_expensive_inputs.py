"""What costs most for its size costs no more than it may, and is read or refused."""

import os

import pytest

from tests.fuzz.expensive_inputs import JSON_FRAMES, MOST_MEMORY, TEXT_PARSERS, XML_FRAMES, expensive_inputs
from tests.fuzz.measuring import allowed, parse, peak_of
from tests.fuzz.parsers import PARSERS

LONG = "FUZZ_EXAMPLES" in os.environ


def test_every_parser_has_expensive_inputs() -> None:
    assert PARSERS.keys() == {*JSON_FRAMES, *XML_FRAMES, *TEXT_PARSERS}


@pytest.mark.parametrize("name", PARSERS)
def test_no_input_takes_more_memory_than_it_may(name: str) -> None:
    parser = PARSERS[name]
    parse(parser, b"{}")  # what is imported late
    over: dict[str, str] = {}
    for parser_name, input_name, make in expensive_inputs(everywhere=LONG):
        if parser_name != name:
            continue
        given = make()
        if name in JSON_FRAMES and input_name.rpartition(" at ")[0] not in MOST_MEMORY and not LONG:
            parse(parser, given)
        elif (peak := peak_of(parser, given)) > allowed(given):
            over[input_name] = f"{peak:,} for {len(given):,} bytes: {peak / len(given):.0f} times"

    assert over == {}
