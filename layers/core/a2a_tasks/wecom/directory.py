"""Who is in which department: asked where WeCom trusts the address, for those that have no such address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from a2a_tasks.ports.errors import SecretsUnavailable, StoreUnavailable
from a2a_tasks.wecom.connection import Kind
from a2a_tasks.wecom.delivery.access_tokens import TokenBusy
from a2a_tasks.wecom.delivery.app_client import WeComApp
from a2a_tasks.wecom.delivery.errors import refused_words
from a2a_tasks.wecom.ports import ConnectionReader, WeComRefused, WeComUnanswered
from a2a_tasks.wecom.protocol.errcodes import Remedy, remedy


@dataclass(frozen=True)
class Directory:
    """Looks up departments for the callback function, whose address WeCom does not trust."""

    connections: ConnectionReader
    app: WeComApp
    fixed_ip: str | None = None

    def answer(self, question: Mapping[str, str]) -> dict[str, Any]:
        """The answer to ``{"connectionId", "userId"}``: ``{"departments"}``, or in words
        ``{"refused"}``, what an operator must change, or ``{"unavailable"}``, what may be over soon."""
        try:
            connection = self.connections.connection(question["connectionId"])
            if connection is None or connection.kind is not Kind.APP:
                return {"departments": []}
            return {"departments": sorted(self.app.departments(connection, question["userId"]))}
        except WeComRefused as refused:
            if remedy(refused.errcode) is Remedy.NONE:
                return {"refused": refused_words(refused, self.fixed_ip)}
            return {"unavailable": str(refused)}
        except (WeComUnanswered, TokenBusy, StoreUnavailable, SecretsUnavailable) as error:
            return {"unavailable": str(error)}
