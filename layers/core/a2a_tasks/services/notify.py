"""Tell the queue of notifications what has become of tasks: one message a change and receiver."""

from collections.abc import Sequence
from dataclasses import dataclass

from a2a_tasks.domain.push import StatusChange, notification_of
from a2a_tasks.ports.faults import StoreUnavailable
from a2a_tasks.ports.push import NotificationSender, PushConfigIds
from a2a_tasks.ports.telemetry import Telemetry


@dataclass(frozen=True)
class Notifier:
    """Changes may come more than once, and notifications are then sent more than once, under the same ids."""

    configs: PushConfigIds
    sender: NotificationSender
    telemetry: Telemetry

    def notify(self, changes: Sequence[StatusChange | None]) -> int | None:
        """Send what is to be told of the changes, in their order (None: of nothing).

        The place of the first change that is not certainly told, from which on all must come again; None
        where there is no such change.
        """
        places, notifications, first = [], [], None
        for place, change in enumerate(changes):
            if change is None:
                continue
            try:
                ids = self.configs.ids(change.task.ref.task_id)
            except StoreUnavailable as error:
                self.telemetry.problem("receivers not read", change.task, reason=str(error))
                first = place
                break
            notifications += [notification_of(change, config_id) for config_id in ids]
            places += [place] * len(ids)
        unsent = self.sender.send(notifications)
        for failed in unsent:
            self.telemetry.problem(
                "notification not queued",
                task_id=failed.notification.ref.task_id,
                correlation_id=failed.notification.correlation_id,
                reason=failed.reason,
            )
        self.telemetry.count("NotificationsQueued", len(notifications) - len(unsent))
        failed_places = [places[notifications.index(failed.notification)] for failed in unsent]
        return min([*failed_places, *([] if first is None else [first])], default=None)
