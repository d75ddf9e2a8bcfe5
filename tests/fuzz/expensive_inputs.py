"""Large inputs that a small rule makes, for each parser: what costs most for its size."""

from collections.abc import Callable, Iterator

VALUE = "VALUE"
CHARACTERS = 150_000
"""Of the expensive value, about, so that what is free anyway hides nothing."""
MOST_MEMORY = frozenset({"objects in objects", "fields", "parts", "text that takes four bytes a letter"})
"""The JSON values that cost most of all for their size; to count allocations takes four times as long."""


def many(item: str) -> str:
    count = CHARACTERS // (len(item) + 1)
    return f"[{','.join([item] * count)}]"


def fields(value: str) -> str:
    count = CHARACTERS // (len(value) + 9)
    return "{" + ",".join(f'"{n:05}":{value}' for n in range(count)) + "}"


def nested(opened: str, closed: str, levels: int, inside: str = "") -> str:
    return opened * levels + inside + closed * levels


JSON_VALUES: dict[str, str] = {
    "numbers": many("0"),
    "floats": many("1e5"),
    "one-letter texts": many('"a"'),
    "empty lists": many("[]"),
    "empty objects": many("{}"),
    "small objects": many('{"":0}'),
    "objects in objects": many('{"a":{}}'),
    "parts": many('{"text":"x"}'),
    "old parts": many('{"kind":"text","text":"x"}'),
    "files": many('{"raw":""}'),
    "fields": fields("0"),
    "objects in fields": fields("{}"),
    "deep lists": nested("[", "]", CHARACTERS // 2),
    "deep objects": nested('{"a":', "}", CHARACTERS // 6, "0"),
    "as deep as is taken": nested("[", "]", 24, many("{}")[1:-1]),
    "never closed": "[" * CHARACTERS,
    "text": f'"{"x" * CHARACTERS}"',
    "text that takes four bytes a letter": f'"{"x" * CHARACTERS}🙂"',
    "escapes": '"' + "\\n" * (CHARACTERS // 2) + '"',
    "surrogate pairs": '"' + "\\ud83d\\ude42" * (CHARACTERS // 12) + '"',
    "backslashes, never closed": '"' + '\\"' * (CHARACTERS // 2),
    "quotes": '"' * CHARACTERS,
    "blanks": " " * CHARACTERS + "0",
    "digits": "1" * 4_000,
    "too many digits": "1" * CHARACTERS,
}

XML_VALUES: dict[str, str] = {
    "elements": "<a/>" * (CHARACTERS // 4),
    "texts": "<a>b</a>" * (CHARACTERS // 8),
    "deep": nested("<a>", "</a>", CHARACTERS // 7),
    "never closed": "<a>" * (CHARACTERS // 3),
    "attributes": "<a " + " ".join(f'a{n}=""' for n in range(CHARACTERS // 9)) + "/>",
    "long name": f"<{'a' * CHARACTERS}/>",
    "text": f"<Content>{'x' * CHARACTERS}</Content>",
    "text that takes four bytes a letter": f"<Content>{'x' * CHARACTERS}🙂</Content>",
    "CDATA": "<Content>" + "<![CDATA[x]]>" * (CHARACTERS // 13) + "</Content>",
    "references": "<Content>" + "&#65;" * (CHARACTERS // 5) + "</Content>",
    "comments": "<!---->" * (CHARACTERS // 7),
    "processing instructions": "<?a?>" * (CHARACTERS // 5),
}

TEXTS: dict[str, str] = {
    "letters": "a" * CHARACTERS,
    "digits": "1" * CHARACTERS,
    "other digits": "١" * (CHARACTERS // 2),
    "base64": "QUFB" * (CHARACTERS // 4),
    "padding": "=" * CHARACTERS,
    "a long address": "https://" + "a." * (CHARACTERS // 2) + "com",
    "short address with a long port": "https://a.example:" + "4" * 1_900,
}

JSON_FRAMES: dict[str, tuple[str, ...]] = {
    "rest_task": (
        VALUE,
        '{"message":VALUE}',
        '{"message":"x","notify":VALUE}',
        '{"message":"x","context":{"a":VALUE}}',
    ),
    "rest_tasks": ('{"tasks":VALUE}', '{"tasks":[{"message":"x","context":VALUE}]}'),
    "rest_push": ('{"url":VALUE}', '{"url":"https://a.example","authentication":VALUE}'),
    "a2a_json_rpc": tuple(
        '{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":' + params + "}"
        for params in (
            VALUE,
            '{"message":{"messageId":"m","role":"ROLE_USER","parts":VALUE}}',
            '{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"x"},{"data":VALUE}]}}',
            '{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":VALUE}],"metadata":{"a":VALUE}}}',
        )
    ),
    "a2a_http_json": (
        '{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"x"}]},"configuration":VALUE}',
        '{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"data":VALUE}],"extensions":VALUE}}',
    ),
    "a2a_0_3": tuple(
        '{"jsonrpc":"2.0","id":1,"method":"message/send","params":' + params + "}"
        for params in (
            '{"message":{"messageId":"m","role":"user","parts":VALUE}}',
            '{"message":{"messageId":"m","role":"user","parts":[{"kind":"data","data":{"a":VALUE}}]}}',
        )
    ),
    "wecom_bot_envelope": (VALUE, '{"encrypt":VALUE}'),
    "wecom_bot_message": (
        '{"msgid":"m","aibotid":"b","from":{"userid":"u"},"msgtype":"text","text":{"content":VALUE}}',
        '{"msgid":"m","aibotid":"b","from":{"userid":"u"},"msgtype":"mixed","mixed":{"msg_item":VALUE}}',
    ),
}
XML_FRAMES: dict[str, tuple[str, ...]] = {
    "wecom_app_envelope": ("<xml>VALUE</xml>", VALUE, "<xml><Encrypt>QUFB</Encrypt>VALUE</xml>"),
    "wecom_app_message": (
        "<xml><ToUserName>c</ToUserName><FromUserName>u</FromUserName><CreateTime>1790000000</CreateTime>"
        "<MsgType>text</MsgType><MsgId>1</MsgId><AgentID>1000002</AgentID>VALUE</xml>",
    ),
}
TEXT_PARSERS = ("wecom_ciphertext", "page_token", "key", "push_url")


def expensive_inputs(*, everywhere: bool) -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """A parser's name, the input's name, and what makes it; for each parser at its last place alone, which is
    where most is done with it, or ``everywhere``."""
    for frames, values in ((JSON_FRAMES, JSON_VALUES), (XML_FRAMES, XML_VALUES)):
        for parser, places in frames.items():
            for number, place in enumerate(places if everywhere else places[-1:]):
                for name, value in values.items():
                    yield parser, f"{name} at {number}", _made(place, value)
    for parser in TEXT_PARSERS:
        for name, value in TEXTS.items():
            yield parser, name, _made(VALUE, value)


def _made(place: str, value: str) -> Callable[[], bytes]:
    return lambda: place.replace(VALUE, value).encode()
