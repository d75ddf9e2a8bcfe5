"""Expected errors of commands."""


class Fault(Exception):
    """The command could not do what was asked: a sentence for a person that names the fix. Exit code 2."""
