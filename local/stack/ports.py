"""The ports of a local stack."""

import json
import socket
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path

PREFERRED_EMULATOR_PORT = 4566
PREFERRED_STAND_IN_PORT = 4577
PREFERRED_GATEWAY_PORT = 4568


@dataclass(frozen=True)
class Ports:
    """Ports on 127.0.0.1 of the AWS emulator, of the stand-in for Claude, of the API's gateway and of the
    proxy that makes AWS calls fail."""

    emulator: int
    stand_in: int
    gateway: int
    faults: int

    @classmethod
    def free(cls) -> "Ports":
        """Unused ports."""
        with ExitStack() as opened:
            bound = [opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in fields(cls)]
            return cls(*(each.getsockname()[1] for each in bound))

    @classmethod
    def preferred(cls) -> "Ports":
        """The default ports; a free one in place of each that is taken."""
        spare = cls.free()
        return cls(
            PREFERRED_EMULATOR_PORT if is_free(PREFERRED_EMULATOR_PORT) else spare.emulator,
            PREFERRED_STAND_IN_PORT if is_free(PREFERRED_STAND_IN_PORT) else spare.stand_in,
            PREFERRED_GATEWAY_PORT if is_free(PREFERRED_GATEWAY_PORT) else spare.gateway,
            spare.faults,
        )

    @classmethod
    def load(cls, path: Path) -> "Ports | None":
        """The ports that `save` wrote; None if there are none."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self)))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
