"""Exit codes and the error behind "the operator must act"; prints nothing itself."""

EXIT_OPERATOR = 2
"""Somebody must put something right first: one clear line was printed, restarting does not help."""

EXIT_SCHEMA_BEHIND = 75
"""The database's schema is older than the program: `migrate`, then start again."""


class OperatorError(Exception):
    """The hub cannot go on until its operator acts; the text is the one line they are shown."""
