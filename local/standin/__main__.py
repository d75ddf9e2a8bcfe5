"""`python -m local.standin --port N`: the stand-in as a process of its own, until it is asked to stop."""

from local.doubles.running import run_as_process
from local.standin.server import serving

if __name__ == "__main__":
    run_as_process("local.standin", "Stand-in for the Claude Messages API (not Claude)", serving)
