"""Errors that a user can act on.

Owns the exception types whose message is one sentence with a next step. The
command line prints exactly that message and ends with the class's exit code;
anything else that escapes is a defect of the package and shows its traceback.
"""

from __future__ import annotations


class TM23Error(Exception):
    """Base of every error that carries a message for the user."""

    exit_code = 2


class InputError(TM23Error, ValueError):
    """What was asked for makes no sense, such as an unknown element."""


class TooFewFramesError(InputError):
    """A split wants more frames than there are; more may come."""


class MissingDependencyError(TM23Error):
    """A program or library that this task needs is not installed."""


class DatabaseError(TM23Error):
    """The database cannot be reached, opened or trusted."""


class ResultsKeptError(DatabaseError):
    """The database was away for too long; the results wait in the outbox."""


class StaleClaimError(TM23Error):
    """Another worker does this task by now: what this one has must not be written."""


class NotFoundError(TM23Error, LookupError):
    """A document that was named is not in the archive."""


class DecodeRefusedError(DatabaseError):
    """A document names something to import that is not on the allow-list."""


class PhysicsError(TM23Error):
    """A calculation ended, and its result must not be used as a label."""


class OutOfTimeError(TM23Error):
    """The time of this worker is over; what is done is kept, the rest is for the next one."""


class DiskFullError(TM23Error):
    """The disk is full: nothing more can be computed on this machine."""


class TrainingError(TM23Error):
    """A trainer ended without a usable model.

    Parameters
    ----------
    message
        The sentence.
    reason
        ``diverged``, ``out_of_memory``, ``killed`` or ``failed``.
    """

    def __init__(self, message: str, reason: str = "failed") -> None:
        super().__init__(message)
        self.reason = reason
