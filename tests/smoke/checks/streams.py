"""Streams: pieces over time, resumption after a disconnect, and the maximum duration."""

from itertools import pairwise

from tests.smoke.check import Failed, expect
from tests.smoke.run import Run
from tests.smoke.sse import Piece, opened
from tests.smoke.tenant import story

APART_SECONDS = 1.0
"""Between first and last piece, of an answer that takes several seconds. A buffered one comes at once."""
SHORTEST_SECONDS, LONGEST_SECONDS = 600, 905
"""Of a stream on which nothing happens: API Gateway cuts at 15 minutes, and the service shortly before."""


def in_pieces(run: Run) -> str:
    """Of ``messages``: the agent's text arrives while it is written."""
    tenant = run.tenant
    body = {"message": story(6), "sessionId": tenant.session()}
    with opened(tenant, "POST", f"{tenant.agent_path}/messages", run.time_limit, json=body) as stream:
        pieces = list(stream)
    names = [piece.name for piece in pieces]
    expect(bool(names) and names[0] == "accepted", f"the stream's events were {names}")
    expect(names[-1] == "answer", f"the stream ended with {names[-1]!r}: {pieces[-1].data}")
    apart = pieces[-1].at - pieces[0].at
    expect(apart >= APART_SECONDS, f"all {len(pieces)} pieces came within {apart:.2f} s: a component buffers")
    expect("text" in names, "no text came before the answer")
    return f"{len(pieces)} pieces over {apart:.1f} s; {_longest_pause(pieces):.1f} s apart at most"


def cut_and_resumed(run: Run) -> str:
    """Of A2A: a client that disconnects, subscribes again by the task's id, and receives the rest."""
    tenant = run.tenant
    # a function that starts only now could come too late for the task
    tenant.request("GET", f"{tenant.agent_path}/.well-known/agent-card.json")
    accepted = tenant.submit(story(8))
    path = f"{tenant.agent_path}/v1/tasks/{accepted['taskId']}:subscribe"
    with opened(tenant, "GET", path, run.time_limit) as stream:
        first = next(stream)
    expect("task" in first.data, f"a subscription begins with {sorted(first.data)}, not with the task")
    with opened(tenant, "GET", path, run.time_limit) as stream:
        pieces = list(stream)
    status = pieces[-1].data.get("statusUpdate", {}).get("status", {}).get("state")
    expect(status == "TASK_STATE_COMPLETED", f"the second subscription ended with {pieces[-1].data}")
    expect(tenant.get(accepted)["status"] == "completed", "the task has not completed")
    return f"disconnected after the first piece, subscribed again, {len(pieces)} pieces to the end"


def full_length(run: Run) -> str:
    """An idle stream lasts until the service ends it, and can be resumed."""
    tenant = run.tenant
    accepted = tenant.submit("No worker will start this.", delaySeconds=3_600)
    path = f"{tenant.agent_path}/v1/tasks/{accepted['taskId']}:subscribe"
    try:
        with opened(tenant, "GET", path, run.time_limit) as stream:
            pieces = list(stream)
        lasted = run.time_limit.spent
        if not SHORTEST_SECONDS <= lasted <= LONGEST_SECONDS:
            raise Failed(
                f"the stream ended after {lasted:.0f} s, with {[piece.data for piece in pieces][-1:]}"
            )
        with opened(tenant, "GET", path, run.time_limit) as stream:
            again = next(stream)
        expect("task" in again.data, f"the second subscription began with {sorted(again.data)}")
    finally:
        tenant.cancel(accepted)
    return f"ended regularly after {lasted:.0f} s; subscribed again at once"


def _longest_pause(pieces: list[Piece]) -> float:
    return max((later.at - earlier.at for earlier, later in pairwise(pieces)), default=0.0)
