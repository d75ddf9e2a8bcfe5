"""Secrets from an operator: one line each on stdin, or typed without echo on a terminal. Never arguments."""

import re
import sys
from getpass import getpass
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import typer

from a2actl.terminal.fault import Fault

MAX_LINE = 2_000
OwnKeys = Annotated[
    bool,
    typer.Option("--own-keys", help="Read Token and EncodingAESKey from stdin instead of generating them."),
]
_TOKEN = re.compile(r"[A-Za-z0-9]{3,32}")
_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")
_CORP_SECRET = re.compile(r"[A-Za-z0-9_-]{16,128}")
_WEBHOOK_KEY = re.compile(r"[A-Za-z0-9_-]{8,128}")


def read_lines(*names: str) -> list[str]:
    """One secret for each name. Raises ``Fault``, which never repeats the input."""
    if sys.stdin.isatty():
        return [getpass(f"{name}: ").strip() for name in names]
    try:
        text = sys.stdin.read(MAX_LINE * len(names) + 1)
    except UnicodeError:
        text = ""
    lines = [line.strip() for line in text.splitlines()]
    while lines and not lines[-1]:
        del lines[-1]
    if len(lines) != len(names) or len(text) > MAX_LINE * len(names):
        raise Fault(f"Expected on stdin, one line each: {', then '.join(names)}; got {len(lines)} lines.")
    return lines


def token(line: str) -> str:
    """Raises ``Fault`` for an invalid Token."""
    if not _TOKEN.fullmatch(line):
        raise Fault("The Token must be 3 to 32 letters and digits, as WeCom's console shows it.")
    return line


def aes_key(line: str) -> str:
    """Raises ``Fault`` for an invalid EncodingAESKey."""
    if not _AES_KEY.fullmatch(line):
        raise Fault("The EncodingAESKey must be 43 letters and digits, as WeCom's console shows it.")
    return line


def corp_secret(line: str) -> str:
    """Raises ``Fault`` for an invalid Secret of an application."""
    if not _CORP_SECRET.fullmatch(line):
        raise Fault("This is not the Secret of an application; WeCom's console shows it: 应用管理 → Secret.")
    return line


def webhook_key(line: str) -> str:
    """The key, from itself or from the URL that WeCom shows. Raises ``Fault``."""
    keys = parse_qs(urlsplit(line).query).get("key", []) if line.startswith("https://") else [line]
    if len(keys) != 1 or not _WEBHOOK_KEY.fullmatch(keys[0]):
        raise Fault("This is neither the Webhook URL of a group robot nor the key in it (…send?key=KEY).")
    return keys[0]
