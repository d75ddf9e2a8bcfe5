"""Access tokens in the tasks' table: one item a connection, with the lock of who gets the next one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from a2a_tasks.adapters.dynamodb.attributes import from_attributes, to_attributes
from a2a_tasks.adapters.dynamodb.calls import call
from a2a_tasks.wecom.ports import CachedToken

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TTL_GRACE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class DynamoDBAccessTokens:
    """``AccessTokenStore``."""

    client: "DynamoDBClient"
    table: str

    def get(self, connection_id: str) -> CachedToken | None:
        answer = call(
            self.client.get_item, TableName=self.table, Key=_key(connection_id), ConsistentRead=True
        )
        item = from_attributes(answer.get("Item", {}))
        return CachedToken(bytes(item["sealed"]), int(item["expiresAt"])) if "sealed" in item else None

    def lock(self, connection_id: str, holder: str, now: int, until: int) -> bool:
        """Only one asks WeCom at a time; whoever has died with the lock loses it when its time is over. The
        same holder may come again, since the answer may have been lost."""
        return self._update(
            connection_id,
            "SET holder = :holder, lockedUntil = :until, #ttl = :ttl",
            "attribute_not_exists(lockedUntil) OR lockedUntil <= :now OR holder = :holder",
            {":holder": holder, ":until": until, ":now": now, ":ttl": _ttl(until)},
        )

    def put(self, connection_id: str, holder: str, token: CachedToken) -> bool:
        """Protects the newer token of whoever took over the lock. What is already so was this very write."""
        return self._update(
            connection_id,
            "SET sealed = :sealed, expiresAt = :expires, #ttl = :ttl REMOVE holder, lockedUntil",
            "holder = :holder OR sealed = :sealed",
            {
                ":holder": holder,
                ":sealed": token.sealed,
                ":expires": token.expires_at,
                ":ttl": _ttl(token.expires_at),
            },
        )

    def unlock(self, connection_id: str, holder: str) -> None:
        """Protects the lock of whoever has it by now."""
        self._update(
            connection_id,
            "REMOVE holder, lockedUntil",
            "holder = :holder",
            {":holder": holder},
            has_ttl=False,
        )

    def drop(self, connection_id: str, sealed: bytes) -> None:
        """Protects the token that has taken this one's place."""
        self._update(
            connection_id, "REMOVE sealed, expiresAt", "sealed = :sealed", {":sealed": sealed}, has_ttl=False
        )

    def _update(
        self,
        connection_id: str,
        expression: str,
        condition: str,
        values: dict[str, Any],
        *,
        has_ttl: bool = True,
    ) -> bool:
        names = {"ExpressionAttributeNames": {"#ttl": "ttl"}} if has_ttl else {}
        try:
            call(
                self.client.update_item,
                TableName=self.table,
                Key=_key(connection_id),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=to_attributes(values),
                **names,
            )
        except ClientError:
            return False
        return True


def _key(connection_id: str) -> dict[str, Any]:
    return to_attributes({"pk": f"WECOM#{connection_id}", "sk": "TOKEN"})


def _ttl(at: int) -> int:
    return at // 1000 + TTL_GRACE_SECONDS
