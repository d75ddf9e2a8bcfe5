"""What goes wrong for the operator's command."""


class Fault(Exception):
    """The command could not do what was asked: a sentence for a person that names the fix. Exit code 2."""
