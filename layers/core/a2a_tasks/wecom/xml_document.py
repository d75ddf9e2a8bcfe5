"""XML from outside, and XML that is sent out."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from a2a_tasks.wecom.refusal import CallbackRefused, Reason


def parse_xml(document: bytes) -> Element:
    """The root. Raises ``CallbackRefused``, also for a document type: its entities could grow endlessly."""
    try:
        root: Element = fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise CallbackRefused(Reason.XML) from None
    return root


def cdata(text: str) -> str:
    """Text as a CDATA section, in two where it has the end of one in it."""
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
