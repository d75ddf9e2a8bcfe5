"""What an agent's card says, and whether a client has it already."""

from typing import Any

import pytest
from a2a.types import AgentCard

from a2a_tasks.a2a.card import CardFile, Publisher, agent_card
from a2a_tasks.a2a.v03.card import card_view
from a2a_tasks.domain.agents.agent import Visibility
from tests.a2a_types import strictly
from tests.twins.deployment import agent

PUBLISHER = Publisher()
ADDRESS = "https://api.example/prod/a2a/writer"
SKILL: dict[str, Any] = {
    "id": "report",
    "name": "Reports",
    "description": "Writes reports.",
    "tags": ["text"],
    "examples": ["报告"],
}


def card_of(**changes: Any) -> AgentCard:
    return strictly(agent_card(agent(**changes), ADDRESS, PUBLISHER), AgentCard)


def test_a_card_has_what_the_protocol_asks_for() -> None:
    card = card_of(revision=7)

    assert (card.name, card.description, card.version) == ("Writer", "Writes reports.", "1.0.7")
    assert [(each.url, each.protocol_binding) for each in card.supported_interfaces][:2] == [
        (ADDRESS, "JSONRPC"),
        (f"{ADDRESS}/v1", "HTTP+JSON"),
    ]
    assert {each.protocol_version for each in card.supported_interfaces[:2]} == {"1.0"}
    assert card.capabilities.streaming
    (requirement,) = card.security_requirements
    assert set(requirement.schemes) == set(card.security_schemes)


def test_skills_are_the_definitions_or_the_one_that_its_description_tells_of() -> None:
    given, derived = card_of(skills=(SKILL,)), card_of(description="")

    (skill,) = given.skills
    assert (skill.id, list(skill.tags), list(skill.examples)) == ("report", ["text"], ["报告"])
    (skill,) = derived.skills
    assert (skill.id, skill.name, skill.description, list(skill.tags)) == (
        "writer",
        "Writer",
        "Writer",
        ["writer"],
    )
    assert list(card_of(skills=(SKILL | {"tags": []},)).skills[0].tags) == ["report"]


def test_an_agent_with_an_output_schema_answers_with_data() -> None:
    assert list(card_of().default_output_modes) == ["text/plain"]
    assert list(card_of(output_schema={"type": "object"}).default_output_modes) == ["application/json"]


def test_a_card_says_who_runs_the_agent_where_that_is_known() -> None:
    url = "https://example.com"
    full = Publisher("Example Ltd", url, f"{url}/docs")

    card = agent_card(agent(), ADDRESS, full)

    strictly(card, AgentCard)
    for known in (card, card_view(card)):
        assert known["provider"] == {"organization": "Example Ltd", "url": url}
        assert known["documentationUrl"] == f"{url}/docs"
    for none in (Publisher(), Publisher("Example Ltd"), Publisher(url=url)):
        assert not {"provider", "documentationUrl"} & agent_card(agent(), ADDRESS, none).keys()


def test_a_card_is_as_old_as_the_agents_last_change() -> None:
    """RFC 9110 §5.6.7: an IMF-fixdate, in whole seconds and GMT."""
    file = CardFile.of(agent(updated_at=784_111_777_999), ADDRESS, PUBLISHER)

    assert file.last_modified == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_a_card_that_has_changed_has_another_tag() -> None:
    files = [
        CardFile.of(agent(), ADDRESS, PUBLISHER),
        CardFile.of(agent(revision=2), ADDRESS, PUBLISHER),
        CardFile.of(agent(), f"{ADDRESS}2", PUBLISHER),
        CardFile.of(agent(), ADDRESS, Publisher(documentation_url="https://example.com/docs")),
    ]

    assert CardFile.of(agent(), ADDRESS, PUBLISHER) == files[0]
    assert len({file.etag for file in files}) == 4


@pytest.mark.parametrize("header", ["{}", "W/{}", '"other", {}', "*"])
def test_a_client_that_names_the_tag_has_the_card(header: str) -> None:
    file = CardFile.of(agent(), ADDRESS, PUBLISHER)

    assert file.is_known_by(header.format(file.etag))
    assert not file.is_known_by('"other"')
    assert not file.is_known_by("")


def test_a_private_card_is_kept_by_nobody_but_its_reader() -> None:
    assert CardFile.of(agent(), ADDRESS, PUBLISHER).cache_control == "public, max-age=300"
    private = CardFile.of(agent(visibility=Visibility.PRIVATE), ADDRESS, PUBLISHER)
    assert private.cache_control == "private, max-age=300"
