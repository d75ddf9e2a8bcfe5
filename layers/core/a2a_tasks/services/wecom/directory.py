"""Who is in which department: asked where WeCom trusts the address, for those that have no such address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from a2a_tasks.ports.connections import ConnectionReader
from a2a_tasks.ports.faults import SecretsUnavailable, StoreUnavailable
from a2a_tasks.ports.wecom_api import WeComRefused, WeComUnanswered
from a2a_tasks.services.wecom.access_tokens import TokenBusy
from a2a_tasks.services.wecom.app import WeComApp
from a2a_tasks.services.wecom.refused_words import refused_words
from a2a_tasks.wecom.connection import Kind
from a2a_tasks.wecom.errcodes import Remedy, remedy


@dataclass(frozen=True)
class Directory:
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
