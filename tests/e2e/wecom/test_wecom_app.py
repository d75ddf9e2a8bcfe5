"""Answers and news reach people in WeCom: by an application, late by a bot's response URL, in a group."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from a2a_tasks.adapters.wecom.connections import DynamoDBConnections
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets, callback_path
from a2a_tasks.wecom.language import Language
from local.demo import run_a2actl
from local.deployed import Deployed, Project, wait_until
from local.wecom.client import WeComClient
from local.wecom.exchange import Outcome
from local.wecom.faults import Fault
from local.wecom.faults import Kind as FaultKind
from local.wecom.people import AppUser, BotUser
from local.wecom.running import running_wecom
from local.wecom.settings import Settings
from tests.e2e.test_agent_loop import script, tool, toolbox
from tests.e2e.wecom.test_wecom_bot import PIXEL

# one machine does all of it, and starts processes for it: WeCom is more patient here, and stops asking for
# streams so soon that an answer comes late
SETTINGS = Settings(answer_seconds=30.0, verification_seconds=30.0, refresh_seconds=0.3, stream_seconds=2.0)


@dataclass(frozen=True)
class Office:
    """An application, a bot and a group robot of the project's agent ``toolbox``."""

    deployed: Deployed
    project: Project
    wecom: WeComClient
    agent_id: str

    def connect(self, kind: ConnectionKind, secrets: ConnectionSecrets) -> str:
        """The address of the connection's callbacks."""
        connection_id = f"office-{kind}"
        text = json.dumps(secrets.to_named())
        name = f"{self.deployed.stack.stack_name}/wecom/{connection_id}"
        arn = self.deployed.client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"]
        app = self.wecom.settings().app
        connection = Connection(
            connection_id=connection_id,
            project_id=self.project.project_id,
            kind=kind,
            secret_arn=arn,
            created_at=0,
            agent_id=None if kind is ConnectionKind.GROUP else self.agent_id,
            corp_id=app.corp_id if kind is ConnectionKind.APP else None,
            app_id=str(app.agent_id) if kind is ConnectionKind.APP else None,
            api_url=self.wecom.base_url,
            language=Language.EN,
        )
        table = self.deployed.outputs["RegistryTable"]
        DynamoDBConnections(self.deployed.client("dynamodb"), table).create(connection)
        return f"{self.deployed.deployment.api_url}{callback_path(connection_id)}"

    def hears(self, to: str, text: str, via: str = "") -> list[str]:
        """What somebody has been sent, once the text is in it."""
        wait_until(
            lambda: any(text in one for one in self.wecom.seen().texts(to, via)), 90, f"{text!r} to {to}"
        )
        return self.wecom.seen().texts(to, via)


@pytest.fixture(scope="module")
def office(deployed: Deployed, project: Project) -> Iterator[Office]:
    with running_wecom() as wecom:
        wecom.use(SETTINGS)
        office = Office(deployed, project, wecom, toolbox(project))
        app, bot = SETTINGS.app, SETTINGS.bot
        app_secrets = ConnectionSecrets(app.token, app.encoding_aes_key, corp_secret=app.secret)
        app_url = office.connect(ConnectionKind.APP, app_secrets)
        bot_url = office.connect(ConnectionKind.BOT, ConnectionSecrets(bot.token, bot.encoding_aes_key))
        office.connect(ConnectionKind.GROUP, ConnectionSecrets(webhook_key=SETTINGS.webhook_keys[0]))
        wecom.use(
            replace(SETTINGS, app=replace(app, callback_url=app_url), bot=replace(bot, callback_url=bot_url))
        )
        yield office
        seen = wecom.seen()
        assert (seen.violations, seen.dropped) == ([], [])


def test_a_question_to_the_application_is_answered_by_a_message(office: Office) -> None:
    person = AppUser(office.wecom, "LiLei")
    asked = office.wecom.ended(person.say("[[standin: say=It is **42**.]] office-app"))
    assert asked.outcome == Outcome.DONE
    (text,) = office.hears("LiLei", "It is 42.", "message/send")
    assert text.startswith("It is 42.\n\n(asked at ")


def test_three_deliveries_of_a_message_are_one_answer(office: Office) -> None:
    person = AppUser(office.wecom, "HanMeimei")
    office.wecom.ended(person.say("[[standin: say=Once.]] office-three", copies=3))
    assert len(office.hears("HanMeimei", "Once.", "message/send")) == 1
    assert len(office.deployed.standin.bodies("office-three")) == 1


def test_the_applications_question_is_answered_by_the_next_message(office: Office) -> None:
    person = AppUser(office.wecom, "WangWei")
    office.wecom.ended(
        person.say(f"{script(tool('ask_user', question='Which city?'), 'say=Booked.')} office-ask")
    )
    office.hears("WangWei", "Which city?")
    office.wecom.ended(person.say("Paris"))
    assert len(office.hears("WangWei", "Booked.", "message/send")) == 2


def test_an_image_reaches_the_agent_and_an_image_comes_back(office: Office) -> None:
    """The callback's function asks the sender for the one, and the sender uploads the other."""
    person = AppUser(office.wecom, "HanMeimei")
    office.wecom.ended(person.attach(PIXEL))
    wait_until(lambda: base64.b64encode(PIXEL).decode() in last_body(office), 90, "the image in a request")

    office.wecom.ended(person.say("/new"))  # the stand-in follows the first script of a conversation
    # the stand-in takes its steps from a conversation's first text, which is now who sent the image
    office.wecom.ended(person.say("/new"))
    chart = {"name": "图.png", "media_type": "image/png", "base64": base64.b64encode(PIXEL).decode()}
    office.wecom.ended(person.say(f"{script(tool('save_artifact', **chart), 'say=Drawn.')} office-chart"))
    office.hears("HanMeimei", "图.png", "message/send")

    (image,) = [one for one in office.wecom.seen().deliveries if one.msgtype == "image"]
    assert office.wecom.uploaded(image.message["image"]["media_id"]) == PIXEL


def last_body(office: Office) -> str:
    return json.dumps(office.deployed.standin.bodies("")[-1:])


def test_what_is_late_for_the_stream_comes_through_the_response_url(office: Office) -> None:
    person = BotUser(office.wecom, "LiLei")
    asked = office.wecom.ended(person.say("[[standin: delay=6; say=Late, but here.]] office-late"))
    assert asked.outcome == Outcome.TIMED_OUT
    assert office.hears("LiLei", "Late, but here.", "aibot/response") == ["Late, but here."]


def test_an_address_that_wecom_does_not_trust(office: Office) -> None:
    """docs/runbook/wecom.md: 60020. What was given up is sent again once the address is trusted."""
    stack = office.deployed.stack
    person = AppUser(office.wecom, "LiLei")
    office.wecom.ended(person.say("/new"))  # the stand-in follows the first script of a conversation
    office.wecom.plan("message/send", Fault(FaultKind.ERRCODE, 60020))
    office.wecom.ended(person.say("[[standin: say=Trust me.]] office-60020"))

    def given_up() -> Any:
        return json.loads(run_a2actl(stack, "dlq", "show", "wecom", "--json"))

    (letter,) = wait_until(given_up, 90, "the answer given up", every=2)
    assert "trusted IPs" in letter["reason"]
    run_a2actl(stack, "dlq", "redrive", "wecom", "--all")

    heard = office.hears("LiLei", "Trust me.", "message/send")
    assert sum("Trust me." in text for text in heard) == 1
    assert given_up() == []


def test_a_group_is_told_of_a_tasks_end(office: Office) -> None:
    body = {"message": "[[standin: say=Done and **dusted**.]] office-news", "notify": ["office-group"]}
    accepted = office.project.request("POST", f"/a2a/{office.agent_id}/tasks", json=body)
    assert accepted.status_code == 202
    told = office.hears(SETTINGS.webhook_keys[0], "dusted")
    assert told == [f"**{office.agent_id}: done**\n\nDone and **dusted**."]
