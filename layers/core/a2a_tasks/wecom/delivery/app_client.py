"""Calls of WeCom's API as an application, with a token that is renewed if it has expired."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from a2a_tasks.ports.errors import SecretsUnavailable
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.delivery.access_tokens import AccessTokens
from a2a_tasks.wecom.ports import (
    ConnectionSecretsReader,
    SentFile,
    UnreachedRecipients,
    UploadKind,
    WeComApi,
    WeComRefused,
)
from a2a_tasks.wecom.protocol.errcodes import Remedy, remedy


@dataclass(frozen=True)
class WeComApp:
    """All methods raise ``TokenBusy``, ``StoreUnavailable``, ``SecretsUnavailable``, ``WeComRefused`` and
    ``WeComUnanswered``."""

    api: WeComApi
    tokens: AccessTokens
    secrets: ConnectionSecretsReader

    def send(self, connection: Connection, message: Mapping[str, Any]) -> UnreachedRecipients:
        """``message/send``. Returns the receivers that the message did not reach."""
        return self._with_token(connection, lambda token: self.api.send_message(connection, token, message))

    def upload(self, connection: Connection, name: str, content: bytes, kind: UploadKind) -> str:
        """Upload a file. Returns its media id."""
        return self._with_token(
            connection, lambda token: self.api.upload(connection, token, name, content, kind)
        )

    def download(self, connection: Connection, media_id: str, limit: int) -> SentFile:
        """``media/get``: a file of at most ``limit`` bytes."""
        return self._with_token(
            connection, lambda token: self.api.download(connection, token, media_id, limit)
        )

    def departments(self, connection: Connection, user_id: str) -> frozenset[int]:
        """Departments to which a user belongs directly; empty if WeCom does not know the user."""
        try:
            return self._with_token(
                connection, lambda token: self.api.departments(connection, token, user_id)
            )
        except WeComRefused as refused:
            # an unknown user has no departments, which is a result that may be cached
            if refused.errcode in NO_SUCH_MEMBER:
                return frozenset()
            raise

    def _with_token[T](self, connection: Connection, ask: Callable[[str], T]) -> T:
        corp_secret = self._corp_secret(connection)
        token = self.tokens.token(connection, corp_secret)
        try:
            return ask(token.value)
        except WeComRefused as refused:
            # a call with a rejected token had no effect and is retried; a call without a response is not
            if remedy(refused.errcode) is not Remedy.NEW_TOKEN:
                raise
        # only this token, because another process may have replaced it already
        self.tokens.drop(connection, token)
        return ask(self.tokens.token(connection, corp_secret).value)

    def _corp_secret(self, connection: Connection) -> str:
        corp_secret = self.secrets.secrets(connection).corp_secret
        if corp_secret is None:
            raise SecretsUnavailable(f"the connection {connection.connection_id!r} has no secret of its app")
        return corp_secret


NO_SUCH_MEMBER = frozenset({40003, 60111})
