"""A proxy between the functions and the emulator that makes AWS calls fail on demand: microburst.

It runs as a script in its own environment, which has no packages of this project. Unlike microburst's own
command it prints no line for each call. `client.py` tells it what to make fail.
"""

import argparse
import random
from typing import Any
from unittest.mock import patch

from aiohttp import web
from botocore.session import Session
from microburst.app import make_app
from microburst.core.pipeline import Microburst
from microburst.detection import detect
from microburst.forward import Upstream


class SignedUpstream(Upstream):  # type: ignore[misc]
    """Forwards requests with the host that they are signed for: the emulator verifies signatures."""

    def _outbound_headers(self, request: Any) -> dict[str, str]:
        return {**super()._outbound_headers(request), "host": request.headers["Host"]}


def know(services: list[str]) -> None:
    """Load the SDK's models of these services now, instead of all four hundred at the first call: they take
    half a gigabyte, and longer than a call may."""
    patch.object(Session, "get_available_services", return_value=services).start()
    for service in services:
        scope = f"AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/{service}/aws4_request"
        headers = {"Authorization": scope, "Host": "127.0.0.1", "X-Amz-Target": "none.Of"}
        detect(headers, "GET", "/", {}, b"{}")


def main() -> None:
    """Serve until the process is asked to stop."""
    parser = argparse.ArgumentParser(description="Proxy that makes AWS calls fail on demand.")
    parser.add_argument("--upstream", required=True, help="address of the emulator")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--services", nargs="+", required=True, help="the services that are called")
    parser.add_argument(
        "--seed", type=int, default=14, help="seed of the random choices (default: %(default)s)"
    )
    options = parser.parse_args()
    random.seed(options.seed)
    know(options.services)
    microburst = Microburst(options.upstream)
    microburst.upstream = SignedUpstream(options.upstream, stats=microburst.stats)
    app = make_app(microburst)
    web.run_app(app, host="127.0.0.1", port=options.port, access_log=None, print=None, shutdown_timeout=0.5)


if __name__ == "__main__":
    main()
