"""`python -m local.wecom --port N`: the double as a process of its own, until it is asked to stop."""

from local.doubles.running import run_as_process
from local.wecom.clock import MovableClock
from local.wecom.server import serving

if __name__ == "__main__":
    run_as_process(
        "local.wecom",
        "Double of WeCom (not WeCom)",
        lambda host, port: serving(host, port, MovableClock()),
    )
