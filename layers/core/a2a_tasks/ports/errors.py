"""Errors that adapters raise. A module of its own, so that the authorizer imports nothing else."""


class Unavailable(Exception):
    """A dependency did not respond, or not as it should: the fault is not this process's, and a retry may
    succeed."""


class StoreUnavailable(Unavailable):
    """A table could not be reached, or the response was lost: the operation may or may not have taken
    effect."""


class QueueUnavailable(Unavailable):
    """The queue did not respond: the message may or may not have been sent, deleted, or made invisible."""


class PayloadUnavailable(Unavailable):
    """The payload store could not be reached, or the response was lost."""


class SealingUnavailable(Unavailable):
    """The KMS key could not be used: nothing was encrypted or decrypted."""


class SecretsUnavailable(Unavailable):
    """A secret could not be read, or its content is not valid."""


class DepartmentsUnavailable(Unavailable):
    """A user's departments could not be read; a retry may succeed."""


class DepartmentsRefused(Exception):
    """WeCom will not return a user's departments until an operator makes the change that the message
    describes."""
