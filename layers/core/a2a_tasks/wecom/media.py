"""Files that people send to applications: downloaded where WeCom trusts the address."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from a2a_tasks.ports.errors import SecretsUnavailable, StoreUnavailable
from a2a_tasks.wecom.connection import Kind
from a2a_tasks.wecom.delivery.access_tokens import TokenBusy
from a2a_tasks.wecom.delivery.app_client import WeComApp
from a2a_tasks.wecom.delivery.errors import refused_words
from a2a_tasks.wecom.ports import ConnectionReader, FileTooLarge, WeComRefused, WeComUnanswered
from a2a_tasks.wecom.protocol.errcodes import NO_SUCH_FILE, Remedy, remedy


@dataclass(frozen=True)
class Media:
    """Downloads files for the callback function, whose address WeCom does not trust."""

    connections: ConnectionReader
    app: WeComApp
    fixed_ip: str | None = None

    def answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to ``{"connectionId", "mediaId", "maxBytes"}``.

        It is ``{"base64", "name"}``, ``{"tooLarge"}``, or in words ``{"refused"}``, what an operator must
        change, or ``{"unavailable"}``.
        """
        try:
            connection = self.connections.connection(question["connectionId"])
            if connection is None or connection.kind is not Kind.APP:
                return {"unavailable": "there is no such application"}
            file = self.app.download(connection, question["mediaId"], question["maxBytes"])
            return {"base64": base64.b64encode(file.content).decode(), "name": file.name or ""}
        except FileTooLarge:
            return {"tooLarge": True}
        except WeComRefused as refused:
            if refused.errcode != NO_SUCH_FILE and remedy(refused.errcode) is Remedy.NONE:
                return {"refused": refused_words(refused, self.fixed_ip)}
            return {"unavailable": str(refused)}
        except (WeComUnanswered, TokenBusy, StoreUnavailable, SecretsUnavailable) as error:
            return {"unavailable": str(error)}
