"""Removes links from a model's text: content that the model has read may have injected them, to lead users
somewhere or to leak data in addresses. Users see the address as text and can decide."""

import re

# All repetitions are bounded, so that a line of unclosed marks does not take quadratic time.
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\(\s{0,3}<?([^()\s<>]{1,2000})>?[^()\n]{0,300}\)")
_ADDRESS = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]{0,20}://|\bwww\.)[^\s<>()\[\]`\"\uff08\uff09\u3002\uff0c]{1,2000}"
)
_TAG = re.compile(r"<(?=/?(?:a|img)\b)", re.IGNORECASE)
_FENCE = re.compile(r" {0,3}```(?P<info>[^`\n]*)\n?")
_BREAK = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
"""Characters that are line ends for Python but not for every client, or the other way round."""
_CODE = re.compile(r"((?<!`)`[^`\n]{1,2000}`(?!`))")


def unlinked(markdown: str) -> str:
    """The same Markdown with every link and image as its label and its address, and every address as code,
    which chats do not make links of. All lines end with a line feed."""
    lines = []
    is_code = False
    for line in _BREAK.sub("\n", markdown).splitlines(keepends=True):
        fence = _FENCE.fullmatch(line)
        if fence and (not is_code or not fence["info"].strip()):
            is_code = not is_code
            lines.append(line)
        else:
            lines.append(line if is_code else _without_links(line))
    return "".join(lines)


def broken(text: str) -> str:
    """The same text with marks in every address (``https[:]//example[.]com/``), for clients that make links
    of plain text too."""
    return _ADDRESS.sub(lambda found: found[0].replace("://", "[:]//").replace(".", "[.]"), text)


def _without_links(line: str) -> str:
    shown = "".join(p if p.startswith("`") else _shown(p) for p in _split(line))
    return shown.replace("``", "` `")  # an address next to code would merge with its mark


def _split(line: str) -> list[str]:
    """Split into code and other text, without leftover code marks that could pair with added ones."""
    pieces = _CODE.split(line)
    return [piece if index % 2 else piece.replace("`", "'") for index, piece in enumerate(pieces)]


def _shown(text: str) -> str:
    text = _LINK.sub(_spelled_out, _TAG.sub("(", text)).replace("](", "] (")
    # addresses of links have become code by now
    return "".join(p if p.startswith("`") else _ADDRESS.sub(r"`\g<0>`", p) for p in _split(text))


def _spelled_out(link: re.Match[str]) -> str:
    label, address = link[1].replace("`", "'"), link[2].replace("`", "%60")
    return f"`{address}`" if label in ("", address) else f"{label} (`{address}`)"
