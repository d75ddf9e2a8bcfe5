"""Deploys the release that PYTHONPATH names to a local stack, whatever it has deployed; prints the outcome.

A script with the stack's folder, the file of its ports and its parameters (JSON) as arguments.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from local.stack.claude import Claude
from local.stack.local_stack import LocalStack
from local.stack.ports import Ports


def main(folder: str, ports: str, parameters: str) -> None:
    known = Ports.load(Path(ports))
    if known is None:
        sys.exit(f"{ports} holds no ports")
    claude = Claude.stand_in(known.stand_in)
    stack = LocalStack(Path(folder), known, claude, json.loads(parameters), shares_build=True)
    sys.stdout.write(json.dumps(asdict(stack.up())) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
