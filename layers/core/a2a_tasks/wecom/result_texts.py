"""What an exchange came to, in words for the chat."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from a2a_tasks.domain.task import Status, Task
from a2a_tasks.domain.tools.artifact_link import is_safe
from a2a_tasks.ports.payloads import PayloadCorrupt
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.results import LinkedArtifact, Results
from a2a_tasks.wecom.exchange import End, Exchange
from a2a_tasks.wecom.language import Language, language_of
from a2a_tasks.wecom.phrases import Phrase, failure_sentence, say
from a2a_tasks.wecom.protocol.links import broken, unlinked
from a2a_tasks.wecom.protocol.text import shorten


@dataclass(frozen=True)
class ResultText:
    """Markdown of any length. ``text`` is the same however often it is made; ``links`` to files, which may be
    empty, are new each time."""

    text: str
    links: str = ""

    @property
    def whole(self) -> str:
        """The text, and the links below it."""
        return "\n\n".join(filter(None, (self.text, self.links)))


@dataclass(frozen=True)
class ResultTexts:
    """A payload that cannot be read is no fault here: clean-up has begun with the task, and the chat is told
    that it is gone."""

    store: TaskStore
    results: Results

    def text(self, exchange: Exchange) -> str:
        """Markdown of any length, of an exchange that has ended.

        Raises ``StoreUnavailable`` and ``PayloadUnavailable``.
        """
        if exchange.end is None:
            raise ValueError("the exchange goes on")
        reads = exchange.end.status in (Status.COMPLETED, Status.FAILED)
        task = self.store.get(exchange.task) if reads else None
        return self.of_task(task, exchange.end, exchange.language).whole

    def fitting(self, exchange: Exchange, limit: int) -> str:
        """The same in so many bytes, with a remark on where the rest is."""
        remark = say(exchange.language, Phrase.REST, task=exchange.ref.task_id)
        return shorten(self.text(exchange), limit, remark)

    def of_task(self, task: Task | None, end: End, language: Language) -> ResultText:
        """What a task has come to; only a result and a failure need the task.

        Raises ``PayloadUnavailable``.
        """
        if end.status is Status.INPUT_REQUIRED:
            return ResultText(unlinked(end.question or ""))
        if end.status is Status.CANCELED:
            return ResultText(say(language, Phrase.CANCELED))
        if task is None:
            return ResultText(say(language, Phrase.GONE))
        if end.status is Status.FAILED:
            return ResultText(failure_sentence(language, task.failure.code if task.failure else None))
        try:
            return self._result(task, language)
        except PayloadCorrupt:
            return ResultText(say(language, Phrase.GONE))

    def language_of(self, task: Task) -> Language:
        """That of whoever gave the task. Raises ``PayloadUnavailable``."""
        try:
            return language_of(str(payload.load(self.results.payloads, task.input).get("message", "")))
        except PayloadCorrupt:
            return Language.ZH

    def _result(self, task: Task, language: Language) -> ResultText:
        output = self.results.output(task) or {}
        text, links = unlinked(str(output.get("result") or "")), self._links(task, language)
        notes = (f"> {broken(note)}" for note in output.get("notes", ()))
        links = "\n".join(filter(None, (links, *notes)))
        return ResultText(text or ("" if links else say(language, Phrase.EMPTY)), links)

    def _links(self, task: Task, language: Language) -> str:
        artifacts = self.results.artifacts(task)
        if not artifacts:
            return ""
        links = (_link(each, language) for each in artifacts)
        return "\n".join([say(language, Phrase.FILES), *links])


def _link(linked: LinkedArtifact, language: Language) -> str:
    """A line with an artifact's link; one that leads out of the deployment says where to, and is none where
    it would not be safe to show."""
    name, url = _label(linked.artifact.name), linked.url
    if not linked.is_external:
        return f"- [{name}]({url})"
    if not is_safe(url):  # saved by an earlier release, which took any
        return f"- {name} {say(language, Phrase.LINK_LEFT_OUT)}"
    return f"- [{name}]({url}) {say(language, Phrase.LEADS_TO, host=urlsplit(url).netloc)}"


def _label(name: str) -> str:
    """A name that does not end the link that it is part of."""
    return name.replace("[", "(").replace("]", ")")
