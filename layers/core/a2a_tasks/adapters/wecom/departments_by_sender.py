"""People's departments, asked by the sender."""

from dataclasses import dataclass

from a2a_tasks.adapters.wecom.sender_function import SenderFunction
from a2a_tasks.ports.errors import DepartmentsRefused, DepartmentsUnavailable
from a2a_tasks.wecom.connection import Connection


@dataclass(frozen=True)
class DepartmentsBySender:
    """``DepartmentReader``."""

    sender: SenderFunction

    def departments(self, connection: Connection, user_id: str) -> frozenset[int]:
        question = {"departmentsOf": {"connectionId": connection.connection_id, "userId": user_id}}
        match self.sender.ask(question, DepartmentsUnavailable):
            case {"departments": [*numbers]}:
                return frozenset(int(number) for number in numbers)
            case {"refused": str(words)}:
                raise DepartmentsRefused(words)
            case {"unavailable": str(reason)}:
                raise DepartmentsUnavailable(reason)
        raise DepartmentsUnavailable("the sender's answer is none")
