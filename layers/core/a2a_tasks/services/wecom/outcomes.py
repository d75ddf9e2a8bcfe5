"""What a task has come to, as a text in Markdown for people in a chat."""

from dataclasses import dataclass

from a2a_tasks.domain.task import Status, Task
from a2a_tasks.ports.payloads import PayloadCorrupt
from a2a_tasks.services import payload
from a2a_tasks.services.results import Results
from a2a_tasks.wecom import outcome
from a2a_tasks.wecom.exchange import End
from a2a_tasks.wecom.language import Language, language_of


@dataclass(frozen=True)
class Outcome:
    """``text`` is the same however often it is made; ``files``, which may be empty, has links that are new
    each time."""

    text: str
    files: str = ""


@dataclass(frozen=True)
class Outcomes:
    results: Results

    def language_of(self, task: Task) -> Language:
        """That of whoever gave the task, by what they wrote. Raises ``PayloadUnavailable``."""
        try:
            return language_of(str(payload.load(self.results.payloads, task.input).get("message", "")))
        except PayloadCorrupt:
            return Language.ZH

    def of(self, task: Task, end: End, language: Language) -> Outcome:
        """What an exchange or a group is told. Raises ``PayloadUnavailable``."""
        match end.status:
            case Status.INPUT_REQUIRED:
                return Outcome(end.question or "")
            case Status.CANCELED:
                return Outcome(outcome.canceled(language))
            case Status.FAILED:
                code = task.failure.code if task.failure else None
                sentence = outcome.failed(code, language)
                try:
                    text = outcome.with_partial(sentence, self.results.output(task), language)
                except PayloadCorrupt:
                    text = sentence
            case _:
                try:
                    text = outcome.result(self.results.output(task), language)
                except PayloadCorrupt:
                    text = outcome.result_gone(language)
        return Outcome(text, outcome.files(self.results.artifacts(task), language))
