"""Texts for the end of an exchange: result, question or failure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from urllib.parse import urlsplit

from a2a_tasks.domain.task import Artifact, Status, Task
from a2a_tasks.domain.tools.artifact_link import is_safe
from a2a_tasks.ports.clock import Clock
from a2a_tasks.ports.payloads import LINK_SECONDS, PayloadCorrupt
from a2a_tasks.ports.tasks import TaskStore
from a2a_tasks.tasks.results import LinkedArtifact, Results
from a2a_tasks.wecom.exchange import Exchange, ExchangeEnd
from a2a_tasks.wecom.language import Language
from a2a_tasks.wecom.phrases import Phrase, clock_time, failure_sentence, say
from a2a_tasks.wecom.protocol.bot_replies import CONTENT_BYTES, IMAGE_SIGNATURES, MAX_IMAGES
from a2a_tasks.wecom.protocol.links import broken, unlinked
from a2a_tasks.wecom.protocol.text import cut_markdown

PAGE_BYTES = CONTENT_BYTES - 1_200
"""Of a bot's page, always, so that pages go on where the one before ended. The rest is for what is said above
and below it."""
IMAGE_BYTES = 512 * 1024
"""Of an image within an answer. WeCom documents 10 MB; larger ones than this were seen to be refused."""
IMAGES_BYTES = 2 * 1024 * 1024
"""Of all together: encoded twice they are 3.6 MB, of the 6 MB that a function may answer."""


@dataclass(frozen=True)
class ResultFile:
    """A file of a result. ``load`` reads it, and returns None if it no longer exists. It raises
    ``PayloadUnavailable``."""

    name: str
    media_type: str
    size_bytes: int | None
    load: Callable[[], bytes | None] = field(repr=False, compare=False)


@dataclass(frozen=True)
class ResultText:
    """Markdown of any length. ``text`` is the same however often it is made; ``links`` to files, a line each,
    are new each time, below a ``heading`` that says until when they work."""

    text: str
    heading: str = ""
    links: tuple[str, ...] = ()
    files: tuple[ResultFile | None, ...] = ()
    """Files of the links, in order; None for external ones."""

    def pages(self, limit: int) -> list[str]:
        """All of it in pages of at most ``limit`` bytes: the text, then the links, each of them whole."""
        pages = _text_pages(self.text, limit) if self.text else [""]
        for line in (self.heading, *self.links) if self.links else ():
            gap = "\n\n" if line is self.heading and pages[-1] else "\n"
            longer = f"{pages[-1]}{gap}{line}".lstrip("\n")
            if len(longer.encode()) <= limit:
                pages[-1] = longer
            else:
                pages.append(line)
        return pages


@dataclass(frozen=True)
class ResultTexts:
    """A missing payload is not an error: clean-up has deleted it, and the chat shows that the result has
    expired."""

    store: TaskStore
    results: Results
    clock: Clock

    def fitting(self, exchange: Exchange) -> str:
        """What an exchange has come to as a bot shows it, with a remark on where the rest is.

        Raises ``StoreUnavailable`` and ``PayloadUnavailable``.
        """
        return _fitted(exchange, self._ended(exchange))

    def with_images(self, exchange: Exchange) -> tuple[str, tuple[bytes, ...]]:
        """Like ``fitting``, with the result's images that a chat can show; links to them are included too."""
        found = self._ended(exchange)
        return _fitted(exchange, found), tuple(images_in(found.files))

    def _ended(self, exchange: Exchange) -> ResultText:
        if exchange.end is None:
            raise ValueError("the exchange goes on")
        # a question is shown as recorded, because the task may have continued since
        reads = exchange.end.status in (Status.COMPLETED, Status.FAILED)
        task = self.store.get(exchange.task) if reads else None
        return self.of_task(task, exchange.end, exchange.language)

    def of_task(
        self, task: Task | None, end: ExchangeEnd, language: Language, *, can_ask: bool = True
    ) -> ResultText:
        """Text of a task's end; only a result and a failure need the task. ``can_ask``: the chat has
        commands, by which links can be made anew.

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
            return self._result(task, language, can_ask=can_ask)
        except PayloadCorrupt:
            # clean-up has deleted the task's texts
            return ResultText(say(language, Phrase.GONE))

    def _result(self, task: Task, language: Language, *, can_ask: bool) -> ResultText:
        output = self.results.output(task) or {}
        notes = (f"> {broken(note)}" for note in output.get("notes", ()))
        # a model's own links are shown as plain addresses, because content that it has read may have injected
        # them
        text = "\n\n".join(filter(None, (unlinked(str(output.get("result") or "")), "\n".join(notes))))
        artifacts = self.results.artifacts(task)
        if not artifacts:
            return ResultText(text or say(language, Phrase.EMPTY))
        links = tuple(_link(each, language) for each in artifacts)
        heading = self._heading(artifacts, language, can_ask=can_ask)
        return ResultText(text, heading, links, tuple(map(self._file, task.artifacts)))

    def _file(self, artifact: Artifact) -> ResultFile | None:
        if artifact.key is None:
            return None
        load = partial(self.results.content, artifact.key)
        return ResultFile(artifact.name, artifact.media_type, artifact.size_bytes, load)

    def _heading(self, artifacts: list[LinkedArtifact], language: Language, *, can_ask: bool) -> str:
        if all(linked.is_external for linked in artifacts):
            return say(language, Phrase.FILES)
        until = clock_time(self.clock.now() + LINK_SECONDS * 1000)
        return say(language, Phrase.FILES_AGAIN if can_ask else Phrase.FILES_UNTIL, until=until)


def _fitted(exchange: Exchange, found: ResultText) -> str:
    return noted(exchange, page_of(found.pages(PAGE_BYTES), 1, 1, exchange.language))


def images_in(files: Sequence[ResultFile | None]) -> Iterator[bytes]:
    """PNG and JPEG images that are small enough to be shown within an answer. Raises
    ``PayloadUnavailable``."""
    room = IMAGES_BYTES
    likely = (file for file in files if file and file.media_type in ("image/png", "image/jpeg"))
    for file in islice((file for file in likely if file.size_bytes in range(IMAGE_BYTES + 1)), MAX_IMAGES):
        # checked by the recorded size, so that no file is read in vain
        content = file.load() if file.size_bytes in range(room + 1) else None
        # decided by the content, because the media type comes from the model
        if content is not None and content.startswith(IMAGE_SIGNATURES):
            room -= len(content)
            yield content


def noted(exchange: Exchange, text: str) -> str:
    """The text shown in an exchange, below a note on unreadable parts of the question."""
    return f"> {exchange.note}\n\n{text}" if exchange.note else text


def page_of(pages: list[str], number: int, page: int, language: Language) -> str:
    """A page of the chat's answer ``number``, counted from 1 like pages, and how the next is asked for."""
    text, count = pages[page - 1], len(pages)
    if count == 1:
        return text
    phrase = Phrase.NEXT_PAGE if page < count else Phrase.LAST_PAGE
    footer = say(language, phrase, page=page, pages=count, number=number, next=page + 1)
    return f"{text}\n\n{footer}"


def _text_pages(text: str, limit: int) -> list[str]:
    """Truncation may split code, so links are removed after it."""
    room = limit
    while True:
        pages = [unlinked(page) for page in cut_markdown(text, room)]
        over = max(len(page.encode()) for page in pages) - limit
        if over <= 0:
            return pages
        room -= over


def _link(linked: LinkedArtifact, language: Language) -> str:
    """A line with an artifact's link. An external link shows its host; an unsafe one is left out."""
    name, url = _label(linked.artifact.name), linked.url
    if not linked.is_external:
        return f"- [{name}]({url})"
    if not is_safe(url):
        return f"- {name} {say(language, Phrase.LINK_LEFT_OUT)}"
    return f"- [{name}]({url}) {say(language, Phrase.LEADS_TO, host=urlsplit(url).netloc)}"


def _label(name: str) -> str:
    """A name that does not end the link that it is part of."""
    return name.replace("[", "(").replace("]", ")")
