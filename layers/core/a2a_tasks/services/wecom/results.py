"""What an exchange came to, in words for the chat."""

from dataclasses import dataclass

from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.services.results import Results
from a2a_tasks.wecom.exchange import Exchange
from a2a_tasks.wecom.phrases import Phrase, failure_sentence, say
from a2a_tasks.wecom.text import shorten


@dataclass(frozen=True)
class ResultTexts:
    store: TaskStore
    results: Results

    def text(self, exchange: Exchange) -> str:
        """Markdown of any length, of an exchange that has ended.

        Raises ``StoreUnavailable``, ``PayloadUnavailable`` and ``PayloadCorrupt``.
        """
        language, end = exchange.language, exchange.end
        if end is None:
            raise ValueError("the exchange goes on")
        if end.status is Status.INPUT_REQUIRED:
            return end.question or ""
        if end.status is Status.CANCELED:
            return say(language, Phrase.CANCELED)
        task = self.store.get(exchange.task)
        if task is None:
            return say(language, Phrase.GONE)
        if end.status is Status.FAILED:
            return failure_sentence(language, task.failure.code if task.failure else None)
        return self._result(exchange, task)

    def fitting(self, exchange: Exchange, limit: int) -> str:
        """The same in so many bytes, with a remark on where the rest is."""
        remark = say(exchange.language, Phrase.REST, task=exchange.ref.task_id)
        return shorten(self.text(exchange), limit, remark)

    def _result(self, exchange: Exchange, task: Task) -> str:
        output = self.results.output(task) or {}
        artifacts = self.results.artifacts(task)
        texts = [str(output.get("result") or "")]
        if artifacts:
            links = (f"- [{_label(each['name'])}]({each['url']})" for each in artifacts)
            texts.append("\n".join([say(exchange.language, Phrase.FILES), *links]))
        return "\n\n".join(filter(None, texts)) or say(exchange.language, Phrase.EMPTY)


def _label(name: str) -> str:
    """A name that does not end the link that it is part of."""
    return name.replace("[", "(").replace("]", ")")
