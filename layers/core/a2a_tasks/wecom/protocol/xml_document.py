"""Parses untrusted XML, and writes XML."""

from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from a2a_tasks.wecom.protocol.refusal import CallbackRefused, RefusalReason

MAX_DEPTH = 32
MAX_ELEMENTS = 10_000
"""Limit of elements and attributes. A message has a few dozen, a clicked card a few hundred."""


class _Builder(TreeBuilder):
    """Stops at the limits while parsing, because an element takes fifty times the memory of its text."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._elements = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        self._elements += 1 + len(attrs)
        # checked during parsing, before the memory is used
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise CallbackRefused(RefusalReason.XML)
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def parse_xml(document: bytes) -> Element:
    """The root element. Raises ``CallbackRefused``, also for a document type, whose entities could expand
    without limit."""
    parser = DefusedXMLParser(target=_Builder(), forbid_dtd=True)
    try:
        parser.feed(document)
        root: Element = parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise CallbackRefused(RefusalReason.XML) from None
    return root


def cdata(text: str) -> str:
    """Text as a CDATA section, in two where it has the end of one in it."""
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
