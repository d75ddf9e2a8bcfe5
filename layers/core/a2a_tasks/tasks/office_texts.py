"""Office files in messages, as the text that the model is shown instead of them."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from a2a_tasks.ports.documents import DocumentParser, DocumentUnreadable
from a2a_tasks.ports.payloads import PayloadCorrupt, PayloadStore
from a2a_tasks.tasks import payload
from a2a_tasks.tasks.content import OfficeFile, may_be_office_file, office_file_of

MAX_CHARACTERS = 300_000
"""Limit for all Office files of a message together. It leaves room for the rest of a conversation in a
context window of 200,000 tokens."""
CUT = "\n\n(The file goes on; only its first {limit:,} characters are shown.)"
UNREADABLE = "(The file {name} cannot be shown: it {problem}.)"


@dataclass(frozen=True)
class OfficeTexts:
    """Extracts the text of Office files. The text of a file is extracted once and stored with its task,
    because requests to the model must repeat earlier ones byte for byte, across processes and releases.

    All methods raise ``PayloadUnavailable``.
    """

    parser: DocumentParser
    payloads: PayloadStore

    def has_files(self, document: Mapping[str, Any]) -> bool:
        """Whether its ``parts`` may have Office files (a quick check)."""
        return any(may_be_office_file(part) for part in document.get("parts") or ())

    def readable(self, task_id: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """A task's input or answer with each Office file in its ``parts`` replaced by a text file of the same
        name, or by a text that says why it cannot be shown."""
        parts: Sequence[Mapping[str, Any]] = document.get("parts") or ()
        files = {number: file for number, part in enumerate(parts) if (file := office_file_of(part))}
        if not files:
            return dict(document)
        limit = MAX_CHARACTERS // len(files)
        shown = [
            self._shown(task_id, part, files[number], limit) if number in files else part
            for number, part in enumerate(parts)
        ]
        return {**document, "parts": shown}

    def _shown(
        self, task_id: str, part: Mapping[str, Any], file: OfficeFile, limit: int
    ) -> Mapping[str, Any]:
        read = self._read(task_id, file, limit)
        if "problem" in read:
            name = str(part.get("filename") or "").strip()
            return {
                "text": UNREADABLE.format(name=json.dumps(name, ensure_ascii=False), problem=read["problem"])
            }
        raw = base64.b64encode(read["text"].encode()).decode()
        named = {"filename": part["filename"]} if part.get("filename") else {}
        return {"raw": raw, "mediaType": "text/plain; charset=utf-8", **named}

    def _read(self, task_id: str, file: OfficeFile, limit: int) -> dict[str, str]:
        """``{"text"}`` or ``{"problem"}``, as stored."""
        digest = hashlib.sha256(file.content).hexdigest()[: payload.DIGEST]
        key = f"tasks/{task_id}/text-{digest}-{limit}.json"
        try:
            stored: dict[str, str] = json.loads(self.payloads.get(key))
        except PayloadCorrupt:
            # not stored yet: this file of this task was never read
            stored = self._parsed(file, limit)
            self.payloads.put(key, json.dumps(stored, ensure_ascii=False).encode())
        return stored

    def _parsed(self, file: OfficeFile, limit: int) -> dict[str, str]:
        try:
            text = self.parser.text(file.kind, file.content, limit + 1)
        except DocumentUnreadable as error:
            # stored like a text, so that later turns see the same
            return {"problem": str(error)}
        if not text.strip():
            return {"problem": "has no text in it"}
        return {"text": text if len(text) <= limit else text[:limit] + CUT.format(limit=limit)}
