"""The agent loop: turns and tools, each saved before the next, until the task ends or must wait.

A saved turn is never paid for twice: a process that takes the task over rebuilds the conversation from the
checkpoints and continues with what is missing.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial

from a2a_tasks.access.cost_limits import CostLimits
from a2a_tasks.access.day_counts import DayCount
from a2a_tasks.domain.errors import Failure, FailureCode
from a2a_tasks.domain.overload.fallback import Overload, after_overload
from a2a_tasks.domain.pricing.bill import Bill
from a2a_tasks.domain.task import Question, TaskRef
from a2a_tasks.domain.text.blank import is_blank
from a2a_tasks.domain.tools.catalog import CHILD_TOOLS, WORKSPACE_TOOLS, Effect, effect_of
from a2a_tasks.domain.tools.service import MAX_OPTION, MAX_QUESTION, OPTIONS
from a2a_tasks.domain.usage import (
    Usage,
    after_takeover,
    as_used,
    released,
    reserve,
    reserved_for,
    spend,
    total,
)
from a2a_tasks.execution.checkpoints import Checkpoints
from a2a_tasks.execution.child_tasks import OtherAgents
from a2a_tasks.execution.model.history import Histories
from a2a_tasks.execution.model.prompts import Prompts
from a2a_tasks.execution.model.transcript import ToolCall, Turn
from a2a_tasks.execution.model.turn import CONTINUED_STOPS, result_of
from a2a_tasks.execution.process.fair_lock import FairLock
from a2a_tasks.execution.process.leases import LeasedTask
from a2a_tasks.execution.results import AwaitingInput, AwaitingTasks, Failed, Finished, OutOfTime, RunResult
from a2a_tasks.execution.run import RunSnapshot, TaskRun
from a2a_tasks.execution.run_spans import TOOL_ERROR, RunSpans, attributes_of
from a2a_tasks.execution.tools.made_files import MadeFiles, files_in
from a2a_tasks.execution.tools.toolbox import Toolbox, ToolOutcome, error_outcome, storable
from a2a_tasks.ports.blocking import RunBlocking
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.model import Draft, Model, ModelBusy, ModelRejected, ModelReply, ModelRequest
from a2a_tasks.ports.payloads import PayloadStore
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.ports.workspace import Workspaces
from a2a_tasks.tasks.agent_revisions import Revisions
from a2a_tasks.tasks.results import UNTRUSTED

HAND_OVER_SECONDS = 60.0
"""With less Lambda time left no turn begins, and the task is handed to another worker."""
FILE_TOOLS_AT_ONCE = 2
"""Workspace tool calls that a process runs at a time, shared fairly among projects. A call may search for
seconds; without a limit, such calls could occupy every thread and block all access to the stores."""
INTERRUPTED = (
    "The worker was interrupted while it ran this tool, so nobody knows whether it took effect. "
    "Check before you repeat it."
)
AFTER_UNTRUSTED = (
    "{tool} may not be used any more: this task has read content from outside (the web, a server's tools, "
    "code, a file by address or another agent), and the agent's definition denies it after that "
    "(afterUntrusted). Go on without it."
)


@dataclass(frozen=True)
class AgentLoop:
    """Executes tasks that this process holds. All methods raise ``ModelBusy``, ``ModelRejected``,
    ``Stopped``, ``StoreUnavailable``, ``PayloadUnavailable`` and ``PayloadCorrupt``."""

    revisions: Revisions
    payloads: PayloadStore
    workspaces: Workspaces
    model: Model
    checkpoints: Checkpoints
    histories: Histories
    other_agents: OtherAgents
    cost_limits: CostLimits
    prompts: Prompts
    made_files: MadeFiles
    day: DayCount
    telemetry: Telemetry
    spans: RunSpans
    run: RunBlocking
    _files_turn: FairLock = field(default_factory=lambda: FairLock(FILE_TOOLS_AT_ONCE))

    async def begin(self, held: LeasedTask) -> TaskRun:
        """Read a task's checkpoints."""
        task = held.task
        agent = await self.run(self.revisions.of, task)
        if isinstance(agent, Failure):
            raise ModelRejected(agent.code, agent.message)
        transcript = await self.checkpoints.transcript(task)
        # the history is saved with the first turn: every later request must begin with the same bytes, even
        # if earlier tasks are deleted meanwhile
        if transcript.prompt is None:  # otherwise the history was saved with the prompt
            history = await self.run(self.histories.before, task)
            transcript.history = history.messages
            transcript.begins_untrusted |= history.is_untrusted
        toolbox = Toolbox(
            task.ref.task_id,
            task.fence,
            self.payloads,
            self.workspaces,
            task.progress,
            agent.artifact_hosts,
        )
        # a dead worker's reservation for a turn counts as used, because the actual cost will never be known
        spent = after_takeover(task.spent, transcript.open_children)
        return TaskRun(held, agent, transcript, toolbox, spent, task.events, task.counted)

    async def run_turns(self, work: TaskRun, seconds_left: Callable[[], float]) -> RunResult:
        """Execute until the task ends or must wait. ``seconds_left`` is what the invocation has left."""
        while True:
            # collected first: files may be missing after a crash, and the outcome or the tools may refer to
            # them
            await self.made_files.collect(work)
            last = work.transcript.last
            # a final answer is saved only if it has files; its worker died before ending the task
            if last is not None and last.stop_reason not in CONTINUED_STOPS:
                return await self._end(work, last, last.to_reply(), work.agent.max_tokens)
            if (result := await self._answer_calls(work)) is not None:
                return result
            if (failure := await self._refusal(work)) is not None:
                return Failed(failure, work.text)
            # at least one turn first, or the task could be handed from worker to worker without progress
            if work.turns_bought and seconds_left() < HAND_OVER_SECONDS:
                return OutOfTime()
            max_tokens = self.cost_limits.max_tokens(work.task, work.agent, total(work.spent))
            reply = await self._buy_turn(work, max_tokens)
            # saved before its files are fetched, so that a crash does not lose a paid turn
            if reply.stop_reason not in CONTINUED_STOPS and not files_in(reply.content):
                return await self._end(work, work.transcript.turn_of(reply), reply, max_tokens)
            async with work.held.saving():
                await self.checkpoints.save_turn(work, reply)
            # reset only after the turn is saved: until then an interruption takes text and usage from the
            # draft
            work.draft = Draft()
            # after the save, because the project's daily usage is derived from the record
            await self._count_for_day(work)

    def snapshot(self, work: TaskRun) -> RunSnapshot:
        """State of the run when it stops, including what an interrupted turn has been billed so far."""
        self._cut_off(work, work.draft.usage, may_be_billed=work.draft.is_called)
        last = work.transcript.last
        return RunSnapshot(
            held=work.held,
            spent=work.spent,
            text=work.text,
            turns=len(work.transcript.turns),
            has_bought=work.turns_bought > 0,
            children=tuple(call.child for call in last.open_calls if call.child) if last else (),
            counted=work.counted,
            counting=work.counting,
        )

    async def overload(self, work: TaskRun) -> Overload:
        """The model for the next attempt, after the task's model was overloaded."""
        task = work.task
        count = 1 if work.turns_bought else task.overloads + 1
        bound = work.transcript.prompt if work.transcript.turns else None
        try:
            others = await self.run(self.prompts.others, task, work.agent, bound)
        except StoreUnavailable:
            # without knowing the others it stays with its model, which costs nothing but time
            others = []
        return after_overload(task.model, count, others)

    async def _end(self, work: TaskRun, turn: Turn, reply: ModelReply, max_tokens: int) -> RunResult:
        """How the task ends. Runs in a thread, because validating a long answer may take seconds, and the
        event loop must keep renewing the lease."""
        async with work.held.saving():
            return await self.run(_ended, work, turn, reply, max_tokens)

    # -- a turn

    async def _refusal(self, work: TaskRun) -> Failure | None:
        """Why no further turn may be started, or None."""
        if len(work.transcript.turns) >= work.agent.max_turns:
            turns = f"{work.agent.max_turns} turns"
            return Failure(FailureCode.MAX_TURNS_EXCEEDED, f"The agent did not finish within {turns}.")
        return await self.checkpoints.with_retries(
            work, lambda: self.cost_limits.refusal(work.task, total(work.spent))
        )

    async def _buy_turn(self, work: TaskRun, max_tokens: int) -> ModelReply:
        """The model's next reply, with its usage counted."""
        transcript = work.transcript
        # built once per task: thinking signatures and the prompt cache depend on every byte of it
        if transcript.prompt is None:
            transcript.prompt = await self.run(self.prompts.of, work.task, work.agent)
        elif transcript.prompt.model != work.task.model:
            transcript.prompt = self.prompts.for_model(transcript.prompt, work.task.model, work.agent)
        prompt = transcript.prompt
        servers = await self.run(self.prompts.servers, prompt, work.agent) if prompt.mcp_servers else []
        request = ModelRequest(prompt, transcript.messages(), max_tokens, transcript.container, servers)
        # reserved before the call, so that the turn counts even if the process dies during it
        await self._reserve(work, request)
        # from here on an interruption counts this turn as cut off, provided that its call was made
        work.draft, work.under_way = Draft(), request
        try:
            with self.spans.turn(work, request) as step:
                reply = await self.model.turn(request, work.draft)
                step.attributes = attributes_of(reply)
        except ModelBusy as busy:
            self._cut_off(work, busy.used, may_be_billed=busy.may_be_billed)
            raise
        except ModelRejected:
            # the service reported all usage: the draft has what was billed
            self._cut_off(work, work.draft.usage, may_be_billed=False)
            raise
        # no await between reply and count: an interruption there would count the turn as cut off, or not at
        # all
        work.turns_bought += 1
        work.draft, work.under_way = Draft(reply.text), None  # the text stays available until it is saved
        work.spent = released(work.spent)
        work.last_used = self._count(work, reply.usage)
        if reply.dropped_thinking:
            reason = ", ".join(reply.dropped_thinking)
            self.telemetry.problem("earlier thinking omitted from the request", work.task, reason=reason)
        return reply

    async def _reserve(self, work: TaskRun, request: ModelRequest) -> None:
        """Reserve the maximum cost of a turn if there is a limit, so that the turn counts even if this
        process dies before the actual cost is known."""
        task = work.task
        if work.counted is None:
            work.counted = await self.run(self.day.baseline, task, work.spent)
        # without a limit nothing depends on the reservation, which saves a write
        if self.cost_limits.is_limited(task, work.counted):
            most = self.cost_limits.most(task, request)
            work.spent = reserve(work.spent, task.attempt, task.model, most)
            await self.checkpoints.save_spent(work)

    def _cut_off(self, work: TaskRun, reported: Bill, *, may_be_billed: bool) -> None:
        """Count an interrupted turn, if there is one: what it was billed as far as known, or else, if
        there is a limit, its maximum."""
        draft, request = work.draft, work.under_way
        work.draft, work.under_way = Draft(draft.text), None
        has_limit = reserved_for(work.spent) is not None
        if has_limit and request is not None and not draft.usage_is_final:
            # the response was lost before it reported any usage: the reservation stays
            if may_be_billed and not reported.calls:
                work.spent = as_used(work.spent)
            elif reported.calls:
                reported = self.cost_limits.cut_off(reported, request)
        work.spent = released(work.spent)
        self._count(work, replace(reported, turns=0))

    async def _count_for_day(self, work: TaskRun) -> None:
        """Not cancelled with the run: the day's counter may have been incremented already, and must not be
        incremented again."""
        add = partial(self.day.add, work.task, work.spent, work.counted)
        work.counting = asyncio.ensure_future(self.run(add))
        # the writer of the outcome waits for ``counting`` instead of counting again
        work.counted = await asyncio.shield(work.counting)

    def _count(self, work: TaskRun, bill: Bill) -> Mapping[str, Usage]:
        """Add a turn to the task's usage. Returns what it used, by model."""
        used = self.cost_limits.charge(work.task, bill)
        work.spent = spend(work.spent, work.task.attempt, used)
        return used

    # -- tools

    async def _answer_calls(self, work: TaskRun) -> RunResult | None:
        """Run the last turn's tools that have no result yet. Returns what the task must wait for, if
        anything."""
        turn = work.transcript.last
        children: list[TaskRef] = []
        question: Question | None = None
        # calls that an earlier worker has answered are not run again
        for call in turn.open_calls if turn else []:
            assert turn is not None  # noqa: S101  for the type checker
            if call.name not in work.agent.allowed_tools:
                await self.checkpoints.answer(
                    work, turn, call, error_outcome(f"There is no tool {call.name}.")
                )
            elif call.name in work.agent.denied_after_untrusted and work.transcript.has_read_untrusted(turn):
                await self.checkpoints.answer(
                    work, turn, call, error_outcome(AFTER_UNTRUSTED.format(tool=call.name))
                )
            elif call.name in CHILD_TOOLS:
                child = await self.other_agents.call(work, turn, call)
                children += [child] if child else []
            elif call.name == "ask_user":
                asked = _question_of(call)
                if isinstance(asked, str) or question is not None:
                    problem = asked if isinstance(asked, str) else "Ask one question at a time."
                    await self.checkpoints.answer(work, turn, call, error_outcome(problem))
                else:
                    question = asked
            else:
                await self._run_tool(work, turn, call)
        # started tasks come first: a question in the same turn stays open and is asked when they have ended
        if children:
            return AwaitingTasks(tuple(children))
        return AwaitingInput(question) if question else None

    async def _run_tool(self, work: TaskRun, turn: Turn, call: ToolCall) -> None:
        runs_once = effect_of(call.name) is Effect.ONCE
        # the worker died between the start mark and the result; its workspace is that of the last saved
        # result
        if runs_once and call.started:
            await self.checkpoints.answer(work, turn, call, error_outcome(INTERRUPTED))
            return
        # marked before it runs, so that it never runs twice
        if runs_once:
            await self.checkpoints.save_start(work, turn, call)
        with self.spans.tool(work, call) as step:
            outcome = await self._result_of(work, call)
            step.error = TOOL_ERROR if outcome.answer.is_error else None
        if runs_once and not outcome.answer.is_error:
            # saved before the result that refers to them; files of a result that was never saved are not used
            saved = await self.checkpoints.with_retries(work, lambda: work.toolbox.save_workspace(call))
            outcome = replace(outcome, workspace=saved)
        await self.checkpoints.answer(work, turn, call, outcome)

    async def _result_of(self, work: TaskRun, call: ToolCall) -> ToolOutcome:
        is_free = call.name not in WORKSPACE_TOOLS
        async with nullcontext() if is_free else self._files_turn.held_for(work.task.project_id):
            return await self.checkpoints.with_retries(work, lambda: work.toolbox.run(call, work.transcript))


def _ended(work: TaskRun, turn: Turn, reply: ModelReply, max_tokens: int) -> Finished | Failed:
    """How the task ends with its last reply: its output, files that are missing from it, and whether
    content from outside may have influenced it."""
    result = result_of(work.agent, reply, max_tokens)
    if isinstance(result, Failed):
        return result
    missing, is_untrusted = work.transcript.missing, work.transcript.has_read_untrusted(turn)
    notes = {"notes": list(missing.values())} if missing else {}
    return Finished(result.output | notes | ({UNTRUSTED: True} if is_untrusted else {}))


def _question_of(call: ToolCall) -> Question | str:
    """The question of a call, or what the model must change about it."""
    arguments = call.input if isinstance(call.input, dict) else {}
    text, options = arguments.get("question"), arguments.get("options") or []
    if not isinstance(text, str) or is_blank(text):
        return "question must be a text."
    if not isinstance(options, list) or any(not isinstance(each, str) or is_blank(each) for each in options):
        return "options must be a list of texts."
    given = tuple(dict.fromkeys(storable(" ".join(each.split())) for each in options))
    if given and (len(given) not in OPTIONS or any(len(each) > MAX_OPTION for each in given)):
        return f"options must be 2 to 6 different texts of at most {MAX_OPTION} characters."
    return Question(call.call_id, storable(text.strip())[:MAX_QUESTION], given)
