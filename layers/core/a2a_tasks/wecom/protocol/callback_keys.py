"""Keys for decrypting a connection's callbacks."""

from a2a_tasks.wecom.connection import Connection, ConnectionSecrets
from a2a_tasks.wecom.protocol.crypto import CallbackKey


def callback_keys(connection: Connection, secrets: ConnectionSecrets) -> tuple[CallbackKey, ...]:
    """The current key, then the previous one until it is retired; none for a group robot.

    Raises ``ValueError``, without the key in it, for a key that is none.
    """
    pairs = (
        (secrets.token, secrets.aes_key),
        (secrets.previous_token, secrets.previous_aes_key),
    )
    receive_id = connection.corp_id or ""
    return tuple(CallbackKey(token, key, receive_id) for token, key in pairs if token and key)
