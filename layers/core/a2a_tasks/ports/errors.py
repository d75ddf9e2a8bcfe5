"""What adapters raise. In a module of its own, so that the authorizer loads nothing else."""


class StoreUnavailable(Exception):
    """A table could not be asked, or its answer was lost: nothing is known of the effect."""


class QueueUnavailable(Exception):
    """The queue did not answer: the message may or may not have been sent, hidden or deleted."""


class PayloadUnavailable(Exception):
    """The payload store did not answer."""


class SealingUnavailable(Exception):
    """The key could not be used: nothing was encrypted or decrypted."""


class SecretsUnavailable(Exception):
    """A secret could not be read, or is not what it should be."""


class DepartmentsUnavailable(Exception):
    """Somebody's departments could not be read. It may work in a moment."""


class DepartmentsRefused(Exception):
    """WeCom does not tell somebody's departments until an operator has changed what the text says."""
