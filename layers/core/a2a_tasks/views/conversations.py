"""Conversations, as the REST API shows them."""

from typing import Any

from a2a_tasks.conversations.conversations import ConversationPage
from a2a_tasks.domain.task import iso8601


def conversation_view(page: ConversationPage) -> dict[str, Any]:
    """``{"sessionId", "messages": [{"role", "text", "taskId", "at"}], "nextCursor"?}``."""
    messages = [
        {"role": said.role, "text": said.text, "taskId": said.task_id, "at": iso8601(said.at)}
        for said in page.messages
    ]
    view = {"sessionId": page.context_id, "messages": messages}
    return view | ({"nextCursor": page.cursor} if page.cursor else {})
