"""The way of the functions to the emulator, on which calls of AWS fail as they are told to: microburst.

It runs as a script in an environment of its own, which has nothing of this project, and prints no line for
each call as microburst's own command does. `local/faults.py` tells it what is to fail.
"""

import argparse
import random
from typing import Any

from aiohttp import web
from microburst.app import make_app
from microburst.core.pipeline import Microburst
from microburst.forward import Upstream


class SignedUpstream(Upstream):  # type: ignore[misc]
    """Passes requests on with the host that they are signed for: the emulator verifies signatures."""

    def _outbound_headers(self, request: Any) -> dict[str, str]:
        return {**super()._outbound_headers(request), "host": request.headers["Host"]}


def main() -> None:
    """Serve until the process is told to stop."""
    parser = argparse.ArgumentParser(description="AWS that fails as it is told to.")
    parser.add_argument("--upstream", required=True, help="address of the emulator")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--seed", type=int, default=14, help="of what chance decides (default: %(default)s)")
    options = parser.parse_args()
    random.seed(options.seed)
    microburst = Microburst(options.upstream)
    microburst.upstream = SignedUpstream(options.upstream, stats=microburst.stats)
    web.run_app(make_app(microburst), host="127.0.0.1", port=options.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
