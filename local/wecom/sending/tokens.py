"""Access tokens. https://developer.work.weixin.qq.com/document/path/91039"""

import secrets

from local.wecom import errors
from local.wecom.errors import WeComError
from local.wecom.sending.windows import Windows
from local.wecom.settings import Settings

_BLOCK_SECONDS = 3_600


class Tokens:
    """One token is valid at a time; times are Unix milliseconds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._token = ""
        self._expires_at = 0
        self._expired: set[str] = set()
        self._failures = Windows()

    def issue(self, corp_id: str, secret: str, now: int) -> dict[str, object]:
        """The response of `gettoken`: the same token as before while that is valid. Raises WeComError."""
        app = self._settings.app
        failures = self._failures.count(corp_id, now, _BLOCK_SECONDS)
        if failures >= self._settings.failures_before_block:
            raise WeComError(errors.TOO_OFTEN, "api freq out of limit")
        if corp_id != app.corp_id:
            self._failures.add(corp_id, now)
            raise WeComError(errors.BAD_CORPID, "invalid corpid")
        if secret != app.secret:
            self._failures.add(corp_id, now)
            raise WeComError(errors.BAD_SECRET, "invalid credential")
        if not self._token or now >= self._expires_at:
            self._expired.add(self._token)
            self._token = secrets.token_urlsafe(160)
            self._expires_at = now + self._settings.token_seconds * 1000
        return {"access_token": self._token, "expires_in": (self._expires_at - now) // 1000}

    def check(self, token: str, now: int) -> None:
        """Raises WeComError for a token that is not valid now."""
        if not token:
            raise WeComError(errors.NO_TOKEN, "access_token missing")
        if token in self._expired or (token == self._token and now >= self._expires_at):
            raise WeComError(errors.EXPIRED_TOKEN, "access_token expired")
        if token != self._token:
            raise WeComError(errors.BAD_TOKEN, "invalid access_token")

    def revoke(self) -> None:
        """Revoke the token before it expires."""
        self._token = ""
