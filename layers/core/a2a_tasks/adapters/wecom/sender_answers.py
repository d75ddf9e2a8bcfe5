"""What the sender answers to the callback function, whose address WeCom does not trust."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from a2a_tasks.ports.errors import SecretsUnavailable, StoreUnavailable
from a2a_tasks.wecom.connection import Connection, ConnectionKind
from a2a_tasks.wecom.delivery.access_tokens import TokenBusy
from a2a_tasks.wecom.delivery.app_client import WeComApp
from a2a_tasks.wecom.delivery.errors import explain_refusal
from a2a_tasks.wecom.ports import ConnectionReader, FileTooLarge, WeComRefused, WeComUnanswered
from a2a_tasks.wecom.protocol.errcodes import NO_SUCH_FILE, Remedy, remedy


@dataclass(frozen=True)
class SenderAnswers:
    """The other end of ``DepartmentsBySender`` and ``MediaBySender``.

    A failure is an answer in words too: ``{"refused"}`` is what an operator must change, ``{"unavailable"}``
    what may be over soon.
    """

    connections: ConnectionReader
    app: WeComApp
    fixed_ip: str | None = None

    def departments(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to ``{"connectionId", "userId"}``: ``{"departments"}``, none without such an
        application."""

        def look_up(app: Connection) -> dict[str, Any]:
            return {"departments": sorted(self.app.departments(app, question["userId"]))}

        return self._asked(question["connectionId"], look_up) or {"departments": []}

    def media(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to ``{"connectionId", "mediaId", "maxBytes"}``: ``{"base64", "name"}`` or
        ``{"tooLarge"}``."""

        def download(app: Connection) -> dict[str, Any]:
            try:
                file = self.app.download(app, question["mediaId"], question["maxBytes"])
            except FileTooLarge:
                return {"tooLarge": True}
            return {"base64": base64.b64encode(file.content).decode(), "name": file.name}

        answer = self._asked(question["connectionId"], download)
        return answer or {"unavailable": "there is no such application"}

    def _asked(
        self, connection_id: str, ask: Callable[[Connection], dict[str, Any]]
    ) -> dict[str, Any] | None:
        """None if there is no such application."""
        try:
            connection = self.connections.connection(connection_id)
            return (
                ask(connection) if connection is not None and connection.kind is ConnectionKind.APP else None
            )
        except WeComRefused as refused:
            # without an automatic remedy an operator must act, and a retry would be refused again
            if refused.errcode != NO_SUCH_FILE and remedy(refused.errcode) is Remedy.NONE:
                return {"refused": explain_refusal(refused, self.fixed_ip)}
            return {"unavailable": str(refused)}
        except (WeComUnanswered, TokenBusy, StoreUnavailable, SecretsUnavailable) as error:
            # returned as data, because from an exception the caller would only learn that the function failed
            return {"unavailable": str(error)}
