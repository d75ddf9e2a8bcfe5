"""Files that people send to applications, downloaded by the sender."""

import base64
from dataclasses import dataclass

from a2a_tasks.adapters.wecom.sender_function import SenderFunction
from a2a_tasks.wecom.connection import Connection
from a2a_tasks.wecom.ports import FileTooLarge, FileUnavailable, MediaRefused, SentFile


@dataclass(frozen=True)
class MediaBySender:
    """``MediaReader``. An answer of Lambda's has room for 6 MB, a quarter of it for base64."""

    sender: SenderFunction

    def media(self, connection: Connection, media_id: str, max_bytes: int) -> SentFile:
        wanted = {"connectionId": connection.connection_id, "mediaId": media_id, "maxBytes": max_bytes}
        match self.sender.ask({"mediaOf": wanted}, FileUnavailable):
            case {"base64": str(encoded), "name": str(name)}:
                return SentFile(base64.b64decode(encoded), name)
            case {"tooLarge": True}:
                raise FileTooLarge
            case {"refused": str(words)}:
                raise MediaRefused(words)
            case {"unavailable": str(reason)}:
                raise FileUnavailable(reason)
        raise FileUnavailable("the sender's answer is none")
