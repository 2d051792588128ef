"""Running failed jobs again, many at once.

Owns the conditions that choose among failures, and the one write to each job. Conditions are
compared with what :mod:`tm23flows.ops.failures` read; nothing of them reaches the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tm23flows.errors import InputError
from tm23flows.ops.audit.secrets import known_secrets
from tm23flows.ops.failures import ERROR_CLASSES, Failure, without_secrets

if TYPE_CHECKING:
    from fireworks import LaunchPad

FIELDS = {
    "error": lambda one: one.reason,
    "class": lambda one: one.error_class,
    "metal": lambda one: one.element,
    "stage": lambda one: one.stage,
    "name": lambda one: one.name,
    "host": lambda one: one.host,
    "id": lambda one: str(one.fw_id),
}
"""What a condition may ask for."""

_WRITTEN = re.compile(r"\s*(?P<field>[a-z]+)\s*(?P<operator>~=|=)\s*(?P<value>.*?)\s*", re.DOTALL)

_UNREADABLE = (ImportError, AttributeError, LookupError, TypeError, ValueError)
"""What FireWorks raises where a stored job cannot be read."""


@dataclass(frozen=True)
class Condition:
    """A condition on a failure.

    Parameters
    ----------
    field
        One of :data:`FIELDS`.
    operator
        ``=`` is the same text, ``~=`` contains it, whatever the case of letters.
    value
        Plain text.
    """

    field: str
    operator: str
    value: str

    def holds(self, failure: Failure) -> bool:
        """Say whether it is true of a failure."""
        there = FIELDS[self.field](failure)
        if self.operator == "=":
            return there == self.value
        return self.value.casefold() in there.casefold()


@dataclass(frozen=True)
class Rerun:
    """What became of a job that was to run again.

    Parameters
    ----------
    failure
        The job, as it was found.
    problem
        Why it could not be put back; None if it was.
    already
        Whether it was not failed any more: put back with a job that it depends on, or by somebody
        else. Nothing was done then.
    """

    failure: Failure
    problem: str | None = None
    already: bool = False


def read_condition(text: str) -> Condition:
    """Read a condition as people write it.

    Parameters
    ----------
    text
        Such as ``class=database`` or ``error~=no bands``.

    Returns
    -------
    The condition.

    Raises
    ------
    InputError
        If it is none, asks for what there is not, or for nothing.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None or match["field"] not in FIELDS:
        raise InputError(
            f"'{text}' is no condition; write {' or '.join(FIELDS)}, then = or ~=, then a text, "
            "such as 'class=database' or 'error~=no bands'."
        )
    field, operator, value = match.group("field", "operator", "value")
    if not value:
        raise InputError(f"The condition '{text}' names no text to look for; write it after the =.")
    if (field, operator) == ("class", "=") and value not in ERROR_CLASSES:
        raise InputError(
            f"There is no class of errors '{value}'; choose one of {', '.join(ERROR_CLASSES)}."
        )
    return Condition(field, operator, value)


def select(failures: Iterable[Failure], conditions: Sequence[Condition]) -> list[Failure]:
    """Choose the failures of which all conditions are true.

    Parameters
    ----------
    failures
        Failures.
    conditions
        Conditions; none chooses all.

    Returns
    -------
    The failures, in the same order.
    """
    return [one for one in failures if all(each.holds(one) for each in conditions)]


def rerun(launchpad: LaunchPad, failure: Failure) -> Rerun:
    """Put a failed job back, and what depends on it.

    A workflow that somebody else has locked is not waited for.

    Parameters
    ----------
    launchpad
        The launchpad.
    failure
        The job.

    Returns
    -------
    What became of it. A job that runs already, or is done, is left alone.
    """
    from fireworks.core.launchpad import LockedWorkflowError, WFLock
    from fireworks.utilities.exceptions import FWSerializationError

    try:
        with WFLock(launchpad, failure.fw_id, expire_secs=0, kill=False):
            # Under the lock: somebody else may have been as quick.
            found = launchpad.fireworks.find_one({"fw_id": failure.fw_id}, {"state": 1})
            if found is None or found["state"] != "FIZZLED":
                return Rerun(failure, already=True)
            workflow = launchpad.get_wf_by_fw_id_lzyfw(failure.fw_id)
            # FireWorks' own rerun_fw takes the lock itself, and waits for it for minutes.
            launchpad._update_wf(workflow, workflow.rerun_fw(failure.fw_id))  # noqa: SLF001
    except LockedWorkflowError:
        return Rerun(
            failure,
            "its workflow is locked: a worker is writing to it, or died doing so; try again in a "
            "minute, then run 'tm23 recover'",
        )
    except (FWSerializationError, *_UNREADABLE) as error:
        said = without_secrets(str(error), known_secrets())
        return Rerun(failure, f"it cannot be read ({type(error).__name__}: {said})")
    return Rerun(failure)
