"""Fits texts into WeCom's limits, which are in bytes of UTF-8, and into what its clients display."""

import re
import unicodedata
from collections.abc import Sequence

from a2a_tasks.wecom.protocol.links import unlinked

CUT_MARK = "…"
FOLDED_BYTES = 4_000
"""Limit of progress text; its end is kept, because that is new."""
_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_LONGEST_CHARACTER = 32
"""Maximum code points of a grapheme cluster, such as an emoji sequence."""
_FOLD = re.compile(r"<(?=/?think>)", re.IGNORECASE)
_FENCE_ROOM = 64
"""Reserve for code fences that are added at the ends of parts."""
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_HEADING = re.compile(r"^ {0,3}#{1,6} +")
# All repetitions are bounded, so that a line of unclosed marks does not take quadratic time.
_IMAGE = re.compile(r"!\[([^\]\n]{0,300})\]\(([^()\s]{1,2000})[^()\n]{0,300}\)")
_LINK = re.compile(r"\[([^\[\]\n]{1,300})\]\(([^()\s]{1,2000})[^()\n]{0,300}\)")
_STRONG = re.compile(r"(\*\*|~~)(?=\S)(.{1,500}?)(?<=\S)\1")
_INLINE_CODE = re.compile(r"(?<!`)`([^`\n]{1,500})`(?!`)")
_QUOTED = re.compile(r"^ {0,3}> ?")


def fit(text: str, limit: int) -> str:
    """The text if it has at most ``limit`` bytes, else its beginning with a mark that it was cut."""
    if len(text.encode()) <= limit:
        return text
    room = limit - len(CUT_MARK.encode())
    return text[: _end_of_part(text, 0, room)] + CUT_MARK if room > 0 else ""


def fit_end(text: str, limit: int) -> str:
    """The end of the text, after a mark, if it has more than ``limit`` bytes: the newest part of a growing
    text."""
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    room = limit - len(CUT_MARK.encode())
    if room <= 0:
        return ""
    start = len(text) - len(encoded[-room:].decode(errors="ignore"))
    while start < len(text) and start > 0 and _belong_together(text[start - 1], text[start]):
        start += 1
    return CUT_MARK + text[start:]


def unlinked_end(markdown: str, limit: int) -> str:
    """Like ``fit_end``, for a model's text, without links (``unlinked``). Truncation may split code, so links
    are removed after it."""
    room = limit
    while (over := len((shown := unlinked(fit_end(markdown, room))).encode()) - limit) > 0:
        room -= over
    return shown


def folded(text: str) -> str:
    """The end of what an agent says of its progress, without links, as WeCom folds it away above an answer;
    empty for none.

    What would end the fold is written so that it does not.
    """
    if not text:
        return ""
    inside = _FOLD.sub("(", unlinked_end(text, FOLDED_BYTES))
    return f"<think>{inside}</think>\n"


def split(text: str, limit: int) -> list[str]:
    """The text in parts of at most ``limit`` bytes, each after its number (``1/3``, line feed) if several.

    Joined without their numbers they are the text again. Parts end with a line where that leaves them at
    least half full, else between characters. Raises ``ValueError`` for a limit without room for a character.
    """
    if len(text.encode()) <= limit:
        return [text]
    digits = 1
    while True:
        parts = _cut(text, limit - len(_number(10**digits - 1, 10**digits - 1)))
        if len(parts) < 10**digits:
            return [_number(index, len(parts)) + part for index, part in enumerate(parts, 1)]
        digits += 1


def split_markdown(text: str, limit: int) -> list[str]:
    """Like ``split``, for Markdown: a code block that continues in the next part is closed and opened
    again."""
    if len(text.encode()) <= limit:
        return [text]
    numbered = (part.partition("\n") for part in split(text, limit - _FENCE_ROOM))
    numbers, parts = zip(*((number, part) for number, _, part in numbered), strict=True)
    return [f"{number}\n{part}" for number, part in zip(numbers, _with_fences(parts), strict=True)]


def cut_markdown(text: str, limit: int) -> list[str]:
    """Like ``split_markdown``, without part numbers."""
    if len(text.encode()) <= limit:
        return [text]
    return _with_fences(_cut(text, limit - _FENCE_ROOM))


def strip_mention(text: str, bot_name: str | None) -> str:
    """A group's text without mentions of the bot at its beginning and its end, where they only say who is
    addressed. Those of other people stay, and so does everything where the bot's name, which may have spaces
    in it, is not known."""
    if bot_name is None:
        return text.strip()
    mention = rf"@{re.escape(bot_name)}"
    front = re.compile(rf"\s*{mention}(?:\s+|$|(?=[,.:;!?，。：；！？、]))")
    back = re.compile(rf"(?:^|(?<=\s)){mention}\s*$")
    while found := front.match(text):
        text = text[found.end() :]
    while found := back.search(text):
        text = text[: found.start()]
    return text.strip()


def to_plain(markdown: str) -> str:
    """Markdown as plain text, for clients that do not render it: without marks, with the addresses of
    links."""
    lines = []
    is_code = False
    for line in markdown.splitlines(keepends=True):
        if _FENCE.match(line):
            is_code = not is_code
        else:
            lines.append(line if is_code else _plain_line(line))
    return "".join(lines)


def _plain_line(line: str) -> str:
    text = _HEADING.sub("", _QUOTED.sub("", line))
    text = _IMAGE.sub(r"\1 \2", text)
    text = _LINK.sub(_spelled_out, text)
    text = _STRONG.sub(r"\2", text)
    return _INLINE_CODE.sub(r"\1", text)


def _spelled_out(link: re.Match[str]) -> str:
    label, address = link[1], link[2]
    return address if label == address else f"{label} ({address})"


def _cut(text: str, room: int) -> list[str]:
    parts = []
    start = 0
    while start < len(text):
        end = _end_of_part(text, start, room)
        if end == start:
            raise ValueError("the limit leaves no room for a character")
        line_end = text.rfind("\n", start, end) + 1
        if end < len(text) and line_end - start > (end - start) // 2:
            end = line_end
        parts.append(text[start:end])
        start = end
    return parts


def _end_of_part(text: str, start: int, room: int) -> int:
    """Where to end a part of at most ``room`` bytes: not inside a character, nor what people see as one."""
    # a character has at least one byte, so text beyond this cannot fit
    window = text[start : start + max(0, room)].encode()[: max(0, room)]
    end = furthest = start + len(window.decode(errors="ignore"))
    while start < end < len(text) and _belong_together(text[end - 1], text[end]):
        end -= 1
        # longer sequences are not real characters and may be cut
        if furthest - end > _LONGEST_CHARACTER:
            return furthest
    return end if end > start else furthest


def _belong_together(character: str, following: str) -> bool:
    return (
        _JOINER in (character, following)
        or unicodedata.category(following) in ("Mn", "Me", "Mc")
        or ord(following) in _SKIN_TONES
        or (character, following) == ("\r", "\n")
    )


def _with_fences(parts: Sequence[str]) -> list[str]:
    """Parts of one text, each with balanced code fences."""
    whole, opened = [], ""
    for part in parts:
        reopened, opened = opened, _open_fence(part, opened)
        end = "" if not opened else opened[:3] if part.endswith("\n") else f"\n{opened[:3]}"
        whole.append((f"{reopened}\n" if reopened else "") + part + end)
    return whole


def _open_fence(text: str, opened: str) -> str:
    """The opening line, shortened, of the code block in which a text ends; empty if it ends outside of code.
    ``opened`` is that in which it begins."""
    for line in text.splitlines():
        if not (fence := _FENCE.match(line)):
            continue
        mark = fence[0].strip()
        if not opened:
            info = line.strip()
            opened = info if len(info.encode()) <= _FENCE_ROOM // 2 else mark
        elif opened.startswith(mark) and not line.strip().strip(mark[0]):
            opened = ""
    return opened


def _number(index: int, count: int) -> str:
    return f"{index}/{count}\n"
