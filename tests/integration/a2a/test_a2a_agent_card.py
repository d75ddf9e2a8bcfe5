"""GET /a2a/{agentId}/.well-known/agent-card.json through the real handler."""

from collections.abc import Callable
from types import ModuleType

import pytest
from a2a.types import AgentCard

from tests.a2a_types import strictly
from tests.integration.support.a2a_caller import A2ACaller
from tests.integration.support.account import AGENT, OTHER_AGENT, OTHER_PROJECT, PROJECT, Account
from tests.integration.support.aws_calls import Fault

type Start = Callable[..., ModuleType]
HOST = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"


@pytest.fixture
def anybody(agents: Account, start: Start) -> A2ACaller:  # noqa: ARG001  fills the account
    """Somebody without a key."""
    return A2ACaller(start("a2a").handler, None)


def test_a_public_card_is_for_everybody(anybody: A2ACaller) -> None:
    answer = anybody.card()

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    card = strictly(answer.body, AgentCard)
    assert [each.url for each in card.supported_interfaces][:2] == [
        f"{HOST}/dev/a2a/{AGENT}",
        f"{HOST}/dev/a2a/{AGENT}/v1",
    ]


def test_a_client_that_has_the_card_is_not_sent_it_again(agents: Account, anybody: A2ACaller) -> None:
    tag = anybody.card().headers["ETag"]

    known = anybody.card(headers={"If-None-Match": tag})
    agents.add_agent(AGENT, PROJECT, description="Changed.")
    changed = anybody.card(headers={"If-None-Match": tag})

    assert (known.status, known.text, known.headers["ETag"]) == (304, "", tag)
    assert known.headers["Last-Modified"].endswith(" GMT")
    assert (changed.status, changed.body["description"]) == (200, "Changed.")


def test_a_private_card_is_for_its_projects_keys(agents: Account, anybody: A2ACaller) -> None:
    agents.add_agent(AGENT, PROJECT, visibility="private")
    _, own = agents.add_key(PROJECT)
    _, foreign = agents.add_key(OTHER_PROJECT, random=bytes(range(1, 43)))
    _, expired = agents.add_key(PROJECT, expires_at=1, random=bytes(range(2, 44)))

    read = anybody.card(headers={"Authorization": f"Bearer {own}"})
    refused = [
        anybody.card(headers={"Authorization": value})
        for value in ("", f"Bearer {foreign}", f"Bearer {expired}", f"Bearer {own[:-1]}", "Basic x")
    ]
    missing = anybody.card("nobody")

    assert (read.status, read.headers["Cache-Control"]) == (200, "private, max-age=300")
    assert {answer.status for answer in refused} == {404}
    assert {answer.text for answer in refused} == {missing.text}


@pytest.mark.parametrize("agent_id", ["nobody", "NOT-AN-ID", "a#b"])
def test_an_unknown_agent_has_no_card(anybody: A2ACaller, agent_id: str) -> None:
    answer = anybody.card(agent_id)

    assert (answer.status, answer.body["error"]["details"][0]["reason"]) == (404, "AGENT_NOT_FOUND")


def test_a_disabled_agent_has_one(agents: Account, anybody: A2ACaller) -> None:
    agents.add_agent(OTHER_AGENT, OTHER_PROJECT, enabled=False)

    assert anybody.card(OTHER_AGENT).status == 200


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.THROTTLED])
def test_a_registry_that_does_not_answer_means_try_again(
    agents: Account, anybody: A2ACaller, fault: Fault
) -> None:
    agents.calls.fail("GetItem", fault)

    first, second = anybody.card(), anybody.card()

    assert (first.status, first.headers["Retry-After"], second.status) == (503, "5", 200)


def test_the_address_may_be_another(agents: Account, start: Start) -> None:
    app = start("a2a", PUBLIC_BASE_URL="https://agents.example/base")

    card = A2ACaller(app.handler, None).card().body

    assert card["supportedInterfaces"][0]["url"] == f"https://agents.example/base/a2a/{AGENT}"
    assert agents.registry.agent(AGENT) is not None


def test_both_cards_say_who_runs_the_agent(agents: Account, start: Start) -> None:  # noqa: ARG001
    caller = A2ACaller(
        start("a2a", PROVIDER_NAME="Example Ltd", PROVIDER_URL="https://example.com").handler, None
    )

    for card in (caller.card(), caller.send("GET", "/v0.3/.well-known/agent-card.json")):
        assert card.body["provider"] == {"organization": "Example Ltd", "url": "https://example.com"}
        assert "documentationUrl" not in card.body


@pytest.mark.parametrize("prefix", ["", "/base", "/dev"])
def test_the_address_is_the_one_that_was_called(anybody: A2ACaller, prefix: str) -> None:
    """A custom domain has another host, and its base path where the gateway's own has the stage."""
    card = anybody.card(prefix=prefix, domain="x.example").body

    assert card["supportedInterfaces"][0]["url"] == f"https://x.example{prefix}/a2a/{AGENT}"


def test_a_caller_does_not_choose_the_address_that_others_are_given(anybody: A2ACaller) -> None:
    card = anybody.card(headers={"Host": "evil.example", "X-Forwarded-Proto": "http"}).body

    assert card["supportedInterfaces"][0]["url"] == f"{HOST}/dev/a2a/{AGENT}"


def test_an_emulator_has_no_domain(anybody: A2ACaller) -> None:
    headers = {"Host": "127.0.0.1:4000", "X-Forwarded-Proto": "http"}

    card = anybody.card(headers=headers, domain=None).body

    assert card["supportedInterfaces"][0]["url"] == f"http://127.0.0.1:4000/dev/a2a/{AGENT}"


@pytest.mark.parametrize("authorization", ["", "Basic x", "key", "foreign"])
def test_a_private_agent_costs_the_reads_of_one_that_does_not_exist(
    agents: Account, anybody: A2ACaller, authorization: str
) -> None:
    agents.add_agent(AGENT, PROJECT, visibility="private")
    _, foreign = agents.add_key(OTHER_PROJECT)
    known = {"foreign": f"Bearer {foreign}", "key": f"Bearer {foreign[:-3]}abc"}
    headers = {"Authorization": known.get(authorization, authorization)}

    def reads_of(agent_id: str) -> list[str]:
        agents.calls.made.clear()
        anybody.card(agent_id, headers=headers)
        return [call.parameters["Key"]["pk"]["S"].partition("#")[0] for call in agents.calls.made]

    assert reads_of(AGENT) == reads_of("nobody")
