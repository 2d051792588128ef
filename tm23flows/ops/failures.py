"""Failed jobs of a launchpad, each with the class of its error.

Owns the classes and how an error gets one, from what FireWorks stored of it. It reads the
launchpad's own collections and changes nothing; running failed jobs again is
:mod:`tm23flows.ops.rerun`. No secret leaves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tm23flows.ops.audit.secrets import is_secret, known_secrets
from tm23flows.ops.moments import moment
from tm23flows.ops.tags import element_of, stage_of
from tm23flows.store.batches import batched
from tm23flows.store.connect import without_password

if TYPE_CHECKING:
    from pymongo.database import Database

ERROR_CLASSES = {
    "database": "the database did not answer, or the connection to it was lost",
    "disk_full": "the disk was full, or a quota was used up",
    "walltime": "the time of the worker was over",
    "memory": "there was not enough memory",
    "physics": "a calculation ended without a result that can be used",
    "input": "what was asked for makes no sense, or a program or document that it needs is missing",
    "training": "a trainer ended without a usable model",
    "decode": "the job, or what it read, names something that cannot be imported",
    "stale": "another worker had taken the job over before this one was done",
    "lost": "no launch said why: the worker was killed",
    "other": "none of these",
}
"""What each class means. The words do not change: people write them into scripts."""

PASSING = frozenset({"database", "disk_full", "walltime", "stale", "lost"})
"""Classes that say nothing against the job itself: run again, it may well be done."""

_BY_NAME = {
    "database": {
        "AutoReconnect", "ConnectionFailure", "ConnectionRefusedError", "ConnectionResetError",
        "CursorNotFound", "ExecutionTimeout", "LockedWorkflowError", "NetworkTimeout",
        "NotPrimaryError", "ResultsKeptError", "ServerSelectionTimeoutError",
        "WaitQueueTimeoutError", "WTimeoutError",
    },
    "disk_full": {"DiskFullError"},
    "walltime": {"OutOfTimeError"},
    "memory": {"MemoryError", "_ArrayMemoryError", "OutOfMemoryError"},
    "physics": {"PhysicsError"},
    "input": {"InputError", "MissingDependencyError", "NotFoundError", "TooFewFramesError"},
    "decode": {"DecodeRefusedError", "FWSerializationError"},
    "stale": {"StaleClaimError"},
    "training": {"TrainingError"},
}  # fmt: skip

_BY_MESSAGE = {
    "disk_full": r"\[Errno (28|27|122)\]|no space left on device|disk quota exceeded",
    "memory": r"out of memory|not enough memory|cannot allocate memory|\[Errno 12\]",
}
"""What the message of an error of any type may say; of a training too."""

_OF_DATABASE_ERROR = {
    "database": r"does not answer|no database is running|stopped answering",
    "stale": r"^another worker",
}
"""What our own error of the database may say; what else it says is of no class."""

_NOT_FOUND = {"ImportError", "ModuleNotFoundError", "AttributeError", "KeyError", "TypeError"}
_DECODING = re.compile(r'File "[^"]*(monty/json|fireworks/utilities/fw_serializers)\.py"')
_STILL_A_DICT = re.compile(
    r"""File "[^"]*jobflow/(managers/fireworks|core/job)\.py".*\n(?!.*File ")(.*\n)*?"""
    r""".*Error: 'dict' object (has no attribute|is not callable)"""
)
"""monty leaves a class that it does not find a dictionary, and jobflow then cannot run it."""

_TRACEBACK = "Traceback (most recent call last):"
_DIRECT_CAUSE = "The above exception was the direct cause of the following exception:"
_SAID = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: ?(?P<message>.*))?$")
_LONGEST = 300
_MORE_LINES = 2

_WITHHELD = "(not shown, because it holds a secret)"
LOST = "lost, or killed without a word"

_JOB = {"fw_id": 1, "name": 1, "spec.tm23": 1, "spec._category": 1, "launches": 1,
        "archived_launches": 1, "updated_on": 1,
        "spec._exception_details._stacktrace": 1}  # fmt: skip
_LAUNCH = {"launch_id": 1, "fw_id": 1, "state": 1, "host": 1, "launch_dir": 1, "time_end": 1,
           "action.stored_data._exception._stacktrace": 1}  # fmt: skip


class Said(NamedTuple):
    """The error that ended a job, as its stack trace tells it."""

    type: str
    message: str


@dataclass(frozen=True)
class Failure:
    """A failed job.

    Parameters
    ----------
    fw_id
        Number of the Firework.
    name
        Its name.
    element
        Chemical symbol, or what a study of several calls itself; empty where a job has none.
    stage
        Its category.
    error_class
        One of :data:`ERROR_CLASSES`.
    exception
        Type of the error; empty where nothing was said.
    message
        What it said, in one line without secrets.
    host
        Machine of the last attempt.
    folder
        Folder of the last attempt on that machine.
    when
        When the last attempt ended, UTC.
    attempts
        How often it was begun.
    """

    fw_id: int
    name: str
    element: str
    stage: str
    error_class: str
    exception: str
    message: str
    host: str
    folder: str
    when: datetime | None
    attempts: int

    @property
    def reason(self) -> str:
        """Type and message in one line."""
        return ": ".join(word for word in (self.exception, self.message) if word)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "when": self.when and self.when.isoformat()}


def list_failures(launchpad: Database) -> list[Failure]:
    """List the jobs that failed and were not run again.

    Parameters
    ----------
    launchpad
        The launchpad's database.

    Returns
    -------
    Failures by rising number.
    """
    jobs = sorted(launchpad["fireworks"].find({"state": "FIZZLED"}, _JOB), key=_number)
    secrets = known_secrets()
    found = []
    for some in batched(jobs):
        launches = _last_launches(launchpad, some)
        found += [_failure(job, launches.get(job["fw_id"], {}), secrets) for job in some]
    return found


def classify(stacktrace: str) -> str:
    """Put an error into a class.

    Parameters
    ----------
    stacktrace
        As Python formats it, causes first.

    Returns
    -------
    A key of :data:`ERROR_CLASSES`. An error of no class has that of its direct cause.
    """
    blocks = stacktrace.split(_TRACEBACK)[1:]
    while blocks:
        block = blocks.pop()
        found = _class_of(said(block), block)
        if found != "other" or not blocks or _DIRECT_CAUSE not in blocks[-1]:
            return found
    return "lost" if not stacktrace.strip() else _class_of(said(stacktrace), stacktrace)


def said(stacktrace: str) -> Said:
    """Read the error off the end of a stack trace.

    Parameters
    ----------
    stacktrace
        As Python formats it; the last error of it counts.

    Returns
    -------
    Type with its module, and the message in one line; both empty if there is no error.
    """
    text = stacktrace.rpartition(_TRACEBACK)[2].partition(f"\n{_DIRECT_CAUSE}")[0]
    lines = text.strip("\n").splitlines()
    for place, line in enumerate(lines):
        if match := _SAID.match(line):
            rest = [one.strip() for one in lines[place + 1 :] if one.strip()][:_MORE_LINES]
            return Said(match["type"], " ".join([match["message"] or "", *rest]).strip())
    return Said("", " ".join(lines[-1].split()) if lines else "")


def without_secrets(text: str, known: Iterable[str]) -> str:
    """Blank secrets out of a text of a worker.

    Parameters
    ----------
    text
        The text.
    known
        Secrets to look for, besides what looks like one.

    Returns
    -------
    The text, or a word in its place where a secret cannot be cut out.
    """
    safe = without_password(text)
    for one in known:
        safe = safe.replace(one, "***")
    return _WITHHELD if is_secret(safe) else safe


def _class_of(error: Said, block: str) -> str:
    name = error.type.rpartition(".")[2]
    found = next((found for found, names in _BY_NAME.items() if name in names), "other")
    if found not in ("other", "training"):
        return found
    for wider, words in _BY_MESSAGE.items():
        if re.search(words, error.message, re.IGNORECASE):
            return wider
    for wider, words in _OF_DATABASE_ERROR.items():
        if name == "DatabaseError" and re.search(words, error.message, re.IGNORECASE):
            return wider
    if name in _NOT_FOUND and (_DECODING.search(block) or _STILL_A_DICT.search(block)):
        return "decode"
    return found


def _last_launches(launchpad: Database, jobs: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return the newest launch of each job."""
    newest = [max(job["launches"]) for job in jobs if job.get("launches")]
    found = launchpad["launches"].find({"launch_id": {"$in": newest}}, _LAUNCH)
    return {one["fw_id"]: one for one in found}


def _failure(job: Mapping[str, Any], launch: Mapping[str, Any], secrets: Iterable[str]) -> Failure:
    action = launch.get("action") or {}
    exception = (action.get("stored_data") or {}).get("_exception") or {}
    stacktrace = str(exception.get("_stacktrace") or _before_launch(job))
    error = said(stacktrace)
    message = without_secrets(error.message, secrets)[:_LONGEST] if stacktrace else LOST
    return Failure(
        fw_id=job["fw_id"],
        name=without_secrets(job["name"], secrets),
        element=element_of(job),
        stage=stage_of(job),
        error_class=classify(stacktrace),
        exception=error.type,
        message=message,
        host=launch.get("host") or "",
        folder=launch.get("launch_dir") or "",
        when=moment(launch.get("time_end") or job.get("updated_on")),
        attempts=len(job.get("launches") or ()) + len(job.get("archived_launches") or ()),
    )


def _before_launch(job: Mapping[str, Any]) -> str:
    """Return what FireWorks noted where it could not even read a job."""
    if job.get("launches"):
        return ""
    details = (job.get("spec") or {}).get("_exception_details") or {}
    return str(details.get("_stacktrace") or "") if isinstance(details, Mapping) else ""


def _number(job: Mapping[str, Any]) -> int:
    return job["fw_id"]
