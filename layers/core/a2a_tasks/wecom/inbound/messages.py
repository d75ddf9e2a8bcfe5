"""Turns a message into a task, or into the answer that a task waits for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from a2a_tasks.concurrency.slots import Slots
from a2a_tasks.conversations.answers import Answerer
from a2a_tasks.conversations.message_sender import asking_task
from a2a_tasks.domain.errors import ErrorCode, RequestRefused
from a2a_tasks.domain.ids import task_id as task_id_of
from a2a_tasks.domain.task import Task
from a2a_tasks.ports.clock import Clock, Entropy
from a2a_tasks.ports.sealing import Sealer
from a2a_tasks.ports.tasks import Reservation
from a2a_tasks.tasks.queries import Tasks
from a2a_tasks.tasks.submission import Idempotency, Submission, Submitter
from a2a_tasks.wecom.cards import question_name
from a2a_tasks.wecom.exchange import TTL_MS, Exchange, ExchangeRef, ExchangeState
from a2a_tasks.wecom.inbound.chat import Chat
from a2a_tasks.wecom.inbound.speaker import speaker_line, without_speakers
from a2a_tasks.wecom.inbound.user_limits import spender_of
from a2a_tasks.wecom.ports import ExchangeStore, FirstMessages

ID_LENGTH = 16
PATIENCE_MS = 25 * 60_000
"""Longest queue timeout of a message's task. With the longest run time, the answer still arrives while the
response URL is valid."""
NOT_ASKED = frozenset({ErrorCode.TASK_NOT_WAITING, ErrorCode.TASK_NOT_FOUND})


@dataclass(frozen=True)
class AcceptedMessage:
    """A user's message."""

    chat: Chat
    message_key: str
    """The same for all deliveries of the message."""
    text: str
    streams: bool
    """Whether WeCom refreshes a stream; otherwise the answer is sent as a message."""
    correlation_id: str
    response_url: str | None = field(default=None, repr=False)
    parts: tuple[Mapping[str, Any], ...] = ()
    note: str | None = None
    """Shown above the answer: which parts of the message could not be read."""


@dataclass(frozen=True)
class InboundMessages:
    """Stores the exchange first, then creates or answers the task, so that its end always finds the receiver
    of the answer.

    A repeated message, concurrent or after a crash, has the same exchange and creates no second task: both
    are named by its key.
    """

    submitter: Submitter
    answerer: Answerer
    slots: Slots
    tasks: Tasks
    exchanges: ExchangeStore
    first_messages: FirstMessages
    sealer: Sealer
    clock: Clock
    entropy: Entropy

    def ask(self, asked: AcceptedMessage, *, is_new: bool = False) -> Exchange:
        """Submit a message as a new task, or as the answer that the conversation waits for unless ``is_new``.

        Raises ``RequestRefused``; ``StoreUnavailable``, ``PayloadUnavailable`` and ``SealingUnavailable``
        if it is not certain that the message will be answered: WeCom must then send it again."""
        asked = _with_speaker(asked)
        submission = self._submission(asked)
        # read before the key is reserved: the reservation fixes whether the message is an answer or a new
        # task
        asking = None if is_new else asking_task(self.slots, self.tasks, submission)
        if asking is None and (begun := self._begin_exchange(asked, submission)) is not None:
            return begun
        key = Idempotency(asked.message_key, asked.message_key, TTL_MS)
        # a repeated message finds the first decision, even if the conversation waits for something else now
        held = self.submitter.reserve(submission, key, asking)
        if held.call_id is not None:
            answering = self._answer(asked, submission, held, held.call_id)
            if answering is not None:
                return answering
            # another answer came first, or the question ended: the message becomes a new task
            key = replace(key, key=f"{asked.message_key}-after")
            held = self.submitter.reserve(submission, key)
        # the exchange is stored before the task, which could otherwise end without a known receiver
        exchange = self._keep(asked, ExchangeRef(held.task_id))
        self.submitter.submit(submission, held)
        return exchange

    def _begin_exchange(self, asked: AcceptedMessage, submission: Submission) -> Exchange | None:
        """The exchange of a message that is received for the first time and creates a task. None for a
        repeated message, whose state is then found step by step."""
        now = self.clock.now()
        task_id = task_id_of(now, self.entropy.bytes(10))
        wanted = Reservation(task_id, asked.message_key, now + TTL_MS, is_new=True)
        exchange = self._exchange(asked, ExchangeRef(task_id))
        scope = submission.project_id, submission.agent_id
        # one transaction for both, which saves a call while WeCom waits
        if not self.first_messages.begin(*scope, asked.message_key, wanted, exchange, now):
            return None
        self.submitter.submit(submission, wanted)
        return exchange

    def choose(self, chosen: AcceptedMessage, task: Task, call_id: str, exchange_id: str) -> bool:
        """Answer a question with one of its options. False if it was answered otherwise, or has ended.

        All choices of a question share the exchange ``exchange_id``, so that its answer is delivered once.
        Raises as ``ask`` does.
        """
        chosen = _with_speaker(chosen)
        ref = ExchangeRef(task.ref.task_id, exchange_id)
        mine = self._exchange(chosen, ref, from_turn=task.turns, answers=call_id)
        # stored before the answer, after which the task may end at any moment
        kept = self.exchanges.put(mine, mine.started_at + TTL_MS)
        try:
            self.answerer.answer(task, chosen.text, call_id=call_id)
        except RequestRefused as refused:
            if refused.code not in NOT_ASKED:
                raise
            # only the exchange stored here: another press may have answered, and needs its own
            if kept == mine:
                self.exchanges.remove(ref)
            return False
        return True

    def _answer(
        self, asked: AcceptedMessage, submission: Submission, held: Reservation, call_id: str
    ) -> Exchange | None:
        """The exchange in which the task continues; None if the question is no longer open."""
        ref = ExchangeRef(held.task_id, asked.message_key[:ID_LENGTH])
        try:
            task = self.tasks.find(submission.project_id, submission.agent_id, held.task_id)
            # stored before the answer, after which the task may end at any moment
            exchange = self._keep(asked, ref, from_turn=task.turns, answers=call_id)
            # identified by the message, because its file may have expired when WeCom sends it again
            self.answerer.answer(
                task, asked.text, call_id=call_id, answer_id=asked.message_key, parts=asked.parts
            )
            if task.question is not None and task.question.options:
                # removes the exchange of a press that crashed before answering, or it would get this answer
                # too
                self.exchanges.remove(ExchangeRef(held.task_id, question_name(call_id)))
        except RequestRefused as refused:
            if refused.code not in NOT_ASKED:
                raise
            # not removed if it has ended meanwhile: that end is, or was, delivered
            return None if self.exchanges.remove(ref) else self.exchanges.get(ref)
        return exchange

    def _keep(self, asked: AcceptedMessage, ref: ExchangeRef, **changes: Any) -> Exchange:
        exchange = self._exchange(asked, ref, **changes)
        return self.exchanges.put(exchange, exchange.started_at + TTL_MS)

    def _exchange(self, asked: AcceptedMessage, ref: ExchangeRef, **changes: Any) -> Exchange:
        exchange = Exchange(
            ref=ref,
            agent_id=asked.chat.connection.agent_id or "",
            project_id=asked.chat.connection.project_id,
            connection_id=asked.chat.connection.connection_id,
            user_id=asked.chat.user_id,
            chat_id=asked.chat.chat_id,
            language=asked.chat.language,
            started_at=self.clock.now(),
            note=asked.note,
            state=ExchangeState.OPEN if asked.streams else ExchangeState.CLOSED,
            **changes,
        )
        if asked.response_url is not None:
            # encrypted, because anyone who knows the address can answer once in the bot's name
            sealed = self.sealer.seal(asked.response_url.encode(), exchange.sealing_context)
            exchange = replace(exchange, sealed_url=sealed)
        return exchange

    def _submission(self, asked: AcceptedMessage) -> Submission:
        connection = asked.chat.connection
        return Submission(
            project_id=connection.project_id,
            agent_id=connection.agent_id or "",
            message=asked.text,
            context=None,
            timeout_ms=None,
            max_queue_timeout_ms=PATIENCE_MS,
            correlation_id=asked.correlation_id,
            context_id=asked.chat.context_id,
            live=True,
            notifies=True,
            parts=asked.parts,
            spender=spender_of(connection, asked.chat.user_id),
            key_id=f"wecom:{connection.connection_id}",
        )


def _with_speaker(asked: AcceptedMessage) -> AcceptedMessage:
    """The message as the agent sees it."""
    line = speaker_line(asked.chat)
    if line is None:
        return asked
    parts = [
        {**part, "text": without_speakers(part["text"])} if "text" in part else part for part in asked.parts
    ]
    text = "\n".join(filter(None, (line, without_speakers(asked.text))))
    return replace(asked, text=text, parts=({"text": line}, *parts) if parts else ())
