"""Errors that adapters raise. A module of its own, so that the authorizer imports nothing else."""


class StoreUnavailable(Exception):
    """A table could not be reached, or the response was lost: the operation may or may not have taken
    effect."""


class QueueUnavailable(Exception):
    """The queue did not respond: the message may or may not have been sent, deleted, or made invisible."""


class PayloadUnavailable(Exception):
    """The payload store could not be reached, or the response was lost."""


class SealingUnavailable(Exception):
    """The KMS key could not be used: nothing was encrypted or decrypted."""


class SecretsUnavailable(Exception):
    """A secret could not be read, or its content is not valid."""


class DepartmentsUnavailable(Exception):
    """A user's departments could not be read; a retry may succeed."""


class DepartmentsRefused(Exception):
    """WeCom will not return a user's departments until an operator makes the change that the message
    describes."""
