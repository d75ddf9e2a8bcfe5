"""Where the local workers find Claude."""

import pytest

from local.stack.claude import NO_KEY, OFFICIAL_BASE_URL, STAND_IN_KEY, Claude

PORT = 4577
STAND_IN = Claude(f"http://127.0.0.1:{PORT}", STAND_IN_KEY, is_stand_in=True)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, STAND_IN),
        ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:4577/"}, STAND_IN),
        ({"ANTHROPIC_BASE_URL": "http://localhost:4577", "ANTHROPIC_API_KEY": "k"}, STAND_IN),
        ({"ANTHROPIC_API_KEY": " k "}, Claude(OFFICIAL_BASE_URL, "k", is_stand_in=False)),
        ({"ANTHROPIC_BASE_URL": "http://proxy/"}, Claude("http://proxy", NO_KEY, is_stand_in=False)),
        (
            {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"},
            Claude("http://127.0.0.1:1", NO_KEY, is_stand_in=False),
        ),
    ],
)
def test_what_the_environment_names(environment: dict[str, str], expected: Claude) -> None:
    assert Claude.from_environment(environment, PORT) == expected
