"""Chats on the double of WeCom: connections to it, and exchanges that wait for an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from a2a_tasks.adapters.secrets.kms_envelopes import Purpose
from a2a_tasks.adapters.wecom.exchanges import DynamoDBExchanges
from a2a_tasks.domain.task import Artifact, Task
from a2a_tasks.ports.tasks import Advance, Written
from a2a_tasks.tasks import payload
from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets
from a2a_tasks.wecom.exchange import Exchange, ExchangeRef, ExchangeState
from a2a_tasks.wecom.language import Language
from local.wecom.client import WeComClient
from local.wecom.people import BotUser
from tests.integration.support.account import AGENT, PROJECT, Account
from tests.integration.support.stored_task import claimed, completed, created

UNTIL = 2**41
USER, GROUP_CHAT = "LiLei", "wrGROUP"


@dataclass
class Chats:
    """``now`` is the function's clock."""

    account: Account
    wecom: WeComClient
    now: int

    @property
    def exchanges(self) -> DynamoDBExchanges:
        return DynamoDBExchanges(self.account.dynamodb, self.account.resources["TasksTable"])

    def connect(self, kind: ConnectionKind, connection_id: str = "", **changes: Any) -> Connection:
        """A connection of this kind to the double, with its secret."""
        connection_id = connection_id or kind.value
        app, settings = self.wecom.settings().app, self.wecom.settings()
        secrets = ConnectionSecrets(
            corp_secret=app.secret if kind is ConnectionKind.APP else None,
            webhook_key=settings.webhook_keys[0] if kind is ConnectionKind.GROUP else None,
        )
        connection = Connection(
            connection_id=connection_id,
            project_id=PROJECT,
            kind=kind,
            secret_arn=self.account.keep_connection_secrets(connection_id, secrets),
            created_at=0,
            agent_id=None if kind is ConnectionKind.GROUP else AGENT,
            corp_id=app.corp_id if kind is ConnectionKind.APP else None,
            app_id=str(app.agent_id) if kind is ConnectionKind.APP else None,
            api_url=self.wecom.base_url,
            language=Language.EN,
        )
        connection = replace(connection, **changes)
        self.account.connections.create(connection)
        return connection

    def asked(self, connection: Connection, *, chat_id: str | None = None, **changes: Any) -> Task:
        """A task that somebody has asked for in a chat, and that waits for a worker."""
        task = created(self.account.store, self.now, notifies=True, live=True, deadline=UNTIL, **changes)
        url = self._response_url(chat_id) if connection.kind is ConnectionKind.BOT else None
        exchange = Exchange(
            ref=ExchangeRef(task.ref.task_id),
            agent_id=AGENT,
            project_id=PROJECT,
            connection_id=connection.connection_id,
            user_id=USER,
            chat_id=chat_id,
            language=Language.EN,
            started_at=self.now,
            state=ExchangeState.OPEN if connection.kind is ConnectionKind.BOT else ExchangeState.CLOSED,
        )
        sealed = (
            self.account.sealing(Purpose.RESPONSE_URL).seal(url.encode(), exchange.sealing_context)
            if url
            else None
        )
        self.exchanges.put(replace(exchange, sealed_url=sealed), UNTIL)
        return task

    def answered(self, task: Task, text: str = "42", files: Mapping[str, bytes | str] | None = None) -> Task:
        """The task, completed. ``files`` are its artifacts by name: contents, or addresses elsewhere."""
        task_id, store = task.ref.task_id, self.account.store
        if files:
            artifacts = tuple(self._artifact(task_id, *file) for file in files.items())
            task = claimed(store, task, self.now)
            advanced = store.advance(task.ref, task.fence, Advance(self.now, artifacts=artifacts))
            assert isinstance(advanced, Written)
            task = advanced.task
        output = payload.save(self.account.payloads, task_id, "output-1", {"result": text})
        return completed(store, task, self.now, output)

    def _artifact(self, task_id: str, name: str, content: bytes | str) -> Artifact:
        if isinstance(content, str):
            return Artifact(name, name, "text/html", url=content)
        key = f"tasks/{task_id}/artifact-1-{name}"
        self.account.payloads.put(key, content, "application/octet-stream")
        return Artifact(name, name, "application/octet-stream", len(content), key)

    def exchange(self, task: Task) -> Exchange:
        found = self.exchanges.get(ExchangeRef(task.ref.task_id))
        assert found is not None
        return found

    def _response_url(self, chat_id: str | None) -> str:
        """One that the double gives for a message of somebody."""
        settings = self.wecom.settings()
        if not settings.bot.callback_url:
            nowhere = replace(settings.bot, callback_url="http://127.0.0.1:9/")
            self.wecom.use(replace(settings, bot=nowhere, max_deliveries=1))
        return BotUser(self.wecom, USER, chat_id or "").say("Hello").response_url
