"""Payloads on S3 under ``tasks/<task id>/``. Task ids sort by time, so the oldest are listed first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from a2a_tasks.adapters.aws_errors import port_errors
from a2a_tasks.ports.errors import PayloadUnavailable
from a2a_tasks.ports.payloads import JSON, LINK_SECONDS, PayloadCorrupt

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "tasks/"
GONE = "NoSuchKey"
"""Every reader has ``s3:ListBucket``, without which S3 would respond ``AccessDenied`` for a missing object.
That response remains retryable: permissions may be changing, or a key be unusable."""


@dataclass(frozen=True)
class S3Payloads:
    """``PayloadStore``, ``ArtifactLinks`` and ``PayloadCleaner``. ``client`` returns the client, created on
    first use because most tasks need none."""

    client: "Callable[[], S3Client]"
    bucket: str

    def put(self, key: str, data: bytes, media_type: str = JSON) -> None:
        # no condition: if two writers could differ, the name contains a digest or the claim's fence
        self._call(self.client().put_object, Key=key, Body=data, ContentType=media_type)

    def get(self, key: str) -> bytes:
        # also if the body is interrupted while it is read
        with port_errors(PayloadUnavailable, {GONE: PayloadCorrupt(f"{key} is gone")}):
            return self.client().get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def link(self, key: str, name: str) -> str:
        # always a download: a page made by an agent must never run under the bucket's origin
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        return self.client().generate_presigned_url(
            "get_object",
            Params={"Bucket": self.bucket, "Key": key, "ResponseContentDisposition": disposition},
            ExpiresIn=LINK_SECONDS,
        )

    def delete_all(self, task_id: str) -> int:
        deleted = 0
        while keys := self._keys(f"{PREFIX}{task_id}/"):
            answer = self._call(
                self.client().delete_objects,
                Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
            )
            # a partly failed deletion also returns 200
            if errors := answer.get("Errors"):
                raise PayloadUnavailable(f"{len(errors)} objects not deleted: {errors[0].get('Code')}")
            deleted += len(keys)
        return deleted

    def task_ids(self, after: str, before: str, limit: int) -> list[str]:
        answer = self._call(
            self.client().list_objects_v2,
            Prefix=PREFIX,
            Delimiter="/",
            MaxKeys=limit,
            StartAfter=f"{PREFIX}{after}/~" if after else PREFIX,  # after all objects of the last task
        )
        prefixes = [entry["Prefix"] for entry in answer.get("CommonPrefixes", [])]
        ids = [prefix.removeprefix(PREFIX).rstrip("/") for prefix in prefixes]
        return [found for found in ids if found < before]

    def _keys(self, prefix: str) -> list[str]:
        answer = self._call(self.client().list_objects_v2, Prefix=prefix, MaxKeys=1000)
        return [entry["Key"] for entry in answer.get("Contents", [])]

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        with port_errors(PayloadUnavailable):
            return operation(Bucket=self.bucket, **arguments)
