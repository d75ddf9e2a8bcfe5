"""Lambda SnapStart: one process is initialized, and its copies serve requests, each for itself.

What a function reads, calls or keeps open before the snapshot would be the same in all copies, and as old as
the release. Functions therefore read nothing while they initialize: secrets, ids, leases and answers are
fetched when they are needed, and both clocks are the system's, which Lambda sets right. What libraries bring
along is renewed here (AWS Lambda Developer Guide, "Handling uniqueness with Lambda SnapStart").
"""

import os
import random
import ssl

from a2a_tasks.adapters import clients

SNAP_START = "snap-start"
SEED_BYTES = 32


def register_hooks() -> None:
    """Have each copy of this process begin with ``become_own_process``. To be called when all clients are
    made; without SnapStart, it does nothing.

    Raises ImportError if the runtime takes no hooks, since copies that are not told apart must not serve.
    """
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != SNAP_START:
        return
    # part of Lambda's runtime; imported here, because only SnapStart needs it
    from snapshot_restore_py import register_after_restore

    register_after_restore(become_own_process)


def become_own_process() -> None:
    """Share neither randomness nor connections with other copies. Takes a millisecond or less, of the ten
    seconds that Lambda gives all hooks."""
    random.seed(os.urandom(SEED_BYTES))  # for jitter, including the SDKs'
    ssl.RAND_add(os.urandom(SEED_BYTES), SEED_BYTES)
    # connections of the snapshot are closed by the peer, or shared with other copies
    clients.disconnect()
