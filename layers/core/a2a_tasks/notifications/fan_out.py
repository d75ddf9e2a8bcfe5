"""Fan-out: one message per change and receiver, and one per waiting chat."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from a2a_tasks.domain.task import TERMINAL, Status
from a2a_tasks.domain.webhooks.push import Notification, StatusChange, notification_of
from a2a_tasks.ports.errors import StoreUnavailable
from a2a_tasks.ports.queues import TimedSender
from a2a_tasks.ports.telemetry import Telemetry
from a2a_tasks.ports.webhooks import PushConfigIds
from a2a_tasks.wecom.exchange import is_waiting
from a2a_tasks.wecom.ports import ChatDelivery, ExchangeReader

CHAT_STATUSES = TERMINAL | {Status.INPUT_REQUIRED}


@dataclass(frozen=True)
class Notifier:
    """Sends messages for changes. Changes may be delivered more than once; the messages are then repeated
    under the same ids."""

    configs: PushConfigIds
    sender: TimedSender[Notification]
    exchanges: ExchangeReader
    chat_deliveries: TimedSender[ChatDelivery]
    telemetry: Telemetry

    def notify(self, changes: Sequence[StatusChange | None]) -> int | None:
        """Send the messages of the changes, in order.

        Returns:
            Index of the first change whose messages may not all be sent, from which the changes must be
            delivered again. None if all are sent.
        """
        notifications: list[tuple[int, Notification]] = []
        chat_deliveries: list[tuple[int, ChatDelivery]] = []
        failed: list[int] = []
        for place, change in enumerate(changes):
            if change is None:
                continue
            try:
                notifications += [(place, found) for found in self._notifications(change)]
                chat_deliveries += [(place, found) for found in self._chat_deliveries(change)]
            except StoreUnavailable as error:
                self.telemetry.problem("receivers of notifications not read", change.task, reason=str(error))
                failed.append(place)
                break  # all from here on are delivered again, so later ones would be sent twice
        # those before a failure go out now; what is sent again with their changes has the same ids
        failed += self._send(self.sender, notifications, "notification", "NotificationsQueued")
        failed += self._send(self.chat_deliveries, chat_deliveries, "chat delivery", "WecomDeliveriesQueued")
        return min(failed, default=None)

    def _notifications(self, change: StatusChange) -> list[Notification]:
        ids = self.configs.ids(change.task.ref.task_id)
        return [notification_of(change, config_id) for config_id in ids]

    def _chat_deliveries(self, change: StatusChange) -> list[ChatDelivery]:
        task = change.task
        if task.status not in CHAT_STATUSES:
            return []
        delivery = ChatDelivery(task.ref, task.project_id, task.status, task.updated_at, task.correlation_id)
        # only who watches a task in a chat has an exchange. Also one whose end is written down counts: a
        # refresh may have died before it took the delivery
        exchanges = self.exchanges.of_task(task.ref.task_id) if task.live else []
        waiting = [exchange for exchange in exchanges if is_waiting(exchange)]
        return [
            *(replace(delivery, exchange_id=exchange.ref.exchange_id) for exchange in waiting),
            *(replace(delivery, group=connection_id) for connection_id in task.groups),
        ]

    def _send[T: (Notification, ChatDelivery)](
        self, sender: TimedSender[T], found: Sequence[tuple[int, T]], kind: str, metric: str
    ) -> list[int]:
        """Indexes of the changes whose messages may not be in the queue."""
        if not found:
            return []
        unsent = sender.send([content for _, content in found])
        # what is not certain to be queued counts as unsent, and so its change comes again
        reasons = {failed.content: failed.reason for failed in unsent}
        for content, reason in reasons.items():
            self.telemetry.problem(
                f"{kind} not queued",
                task_id=content.ref.task_id,
                correlation_id=content.correlation_id,
                reason=reason,
            )
        self.telemetry.count(metric, len(found) - len(unsent))
        return [place for place, content in found if content in reasons]
