"""Runs one worker script in a subprocess and brings its answer home.

Owns the life of that process: its interpreter, its threads, its log, its end with
ours, and the turning of its failures into errors for users. What is asked and
answered (the request and the result, both JSON files) belongs to the trainers;
the scripts live in ``workers`` and import nothing of this package, because the
interpreter that runs them may be another one.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from tm23flows.errors import (
    InputError,
    MissingDependencyError,
    OutOfTimeError,
    TrainingError,
)
from tm23flows.private import program_environment
from tm23flows.settings import get_settings
from tm23flows.stopping import catches_signals, stop_requested

_GRACE_S = 5.0
_LOOK_S = 1.0
_STOP = "stop"
_EXCEPTION = re.compile(r"[A-Za-z_.]*(Error|Exception|Interrupt)\b")
_SCRIPTS = Path(__file__).parent / "workers"
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


@dataclass(frozen=True)
class Worker:
    """One worker script, and what to say when its library is missing.

    Parameters
    ----------
    library
        Name of the library, for messages.
    script
        Its name in our folder of workers, or an absolute path.
    setting
        Setting that names the interpreter, ``trainer_python_<trainer>``. That of a
        trainer of another package is read from the variable of that name alone.
    fix
        How to install the library.
    interpreter
        The interpreter, where it is another one for each model; None for that of the setting.
    """

    library: str
    script: str
    setting: str
    fix: str
    interpreter: str | None = None

    @property
    def python(self) -> str:
        """The interpreter of the model or of the settings, or this one."""
        if self.interpreter is not None:
            return self.interpreter
        setting = getattr(get_settings(), self.setting, None)
        return setting or os.environ.get(f"TM23_{self.setting.upper()}") or sys.executable


def run_worker(
    worker: Worker,
    task: str,
    request: dict[str, Any],
    workdir: Path,
    look: Callable[[Path], bool] | None = None,
) -> dict[str, Any]:
    """Run a worker to its end.

    Parameters
    ----------
    worker
        The worker.
    task
        What it shall do, such as "train"; names its files in the folder.
    request
        What the task needs, as JSON values.
    workdir
        Folder for the request, the log and the result.
    look
        Called about once a second with the folder; True asks the worker to stop.

    Returns
    -------
    The answer of the worker.

    Raises
    ------
    InputError
        If the worker finds that the request makes no sense.
    MissingDependencyError
        If the interpreter or the library is not there.
    OutOfTimeError
        If the worker was asked to stop.
    TrainingError
        If the worker fails.
    """
    with started(worker, task, request, workdir) as running:
        with _ends_with_us(running.process):
            _wait(running.process, workdir, look)
        return bring_home(running)


@dataclass(frozen=True)
class Running:
    """A worker that was started, and where it will leave its words."""

    worker: Worker
    process: subprocess.Popen[bytes]
    log: Path
    result: Path


@contextmanager
def started(
    worker: Worker, task: str, request: dict[str, Any], workdir: Path, channel: int | None = None
) -> Iterator[Running]:
    """Start a worker, and end it when the block ends, however that happens.

    Parameters
    ----------
    worker
        The worker.
    task
        What it shall do; names its files in the folder.
    request
        What the task needs, as JSON values.
    workdir
        Folder for the request, the log and the result.
    channel
        File descriptor that the worker inherits; the request names it too.

    Yields
    ------
    The worker, running.

    Raises
    ------
    MissingDependencyError
        If the interpreter is not there.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    log, result = workdir / f"{task}.log", workdir / f"{task}_result.json"
    for old in (result, workdir / _STOP):
        old.unlink(missing_ok=True)
    order = workdir / f"{task}_request.json"
    words = {**request, "task": task, "result": str(result), "channel": channel}
    order.write_text(json.dumps(words, indent=1))
    command = [worker.python, str(_SCRIPTS / worker.script), str(order)]
    process = _start(worker, command, log, () if channel is None else (channel,))
    try:
        yield Running(worker, process, log, result)
    finally:
        _end(process)


def bring_home(running: Running, *, name_log: bool = True) -> dict[str, Any]:
    """Wait for the end of a worker and read its answer.

    Parameters
    ----------
    running
        The worker.
    name_log
        Whether errors say where the log is; not where they are stored and the log is not.

    Returns
    -------
    The answer.

    Raises
    ------
    TM23Error
        What ``run_worker`` raises, with the reason that the worker gives.
    TrainingError
        If the worker ended without an answer.
    """
    status = running.process.wait()
    worker, log, result = running.worker, running.log, running.result
    where = f" The log is {log}." if name_log else ""
    answer = json.loads(result.read_text()) if result.is_file() else {}
    if "error" in answer:
        raise _error(worker, answer["error"], where)
    if status != 0 or not answer:
        raise TrainingError(
            f"{worker.library} failed: {_reason(status, log)}{where}",
            reason="killed" if status < 0 else "failed",
        )
    return answer


def _start(
    worker: Worker, command: list[str], log: Path, channels: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    # A worker loads files of models and runs foreign libraries: it is not told where databases
    # are, nor how to open them.
    environment = program_environment()
    environment.pop("PYTHONSAFEPATH", None)
    environment |= dict.fromkeys(_ONE_THREAD, "1")
    # scripts of other packages import worker_io too
    inherited = [environment["PYTHONPATH"]] if environment.get("PYTHONPATH") else []
    environment["PYTHONPATH"] = os.pathsep.join([str(_SCRIPTS), *inherited])
    with log.open("w") as stream:
        try:
            return subprocess.Popen(
                command,
                cwd=log.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=channels,
            )
        except OSError as error:
            raise MissingDependencyError(
                f"The interpreter {command[0]} for {worker.library} cannot be run "
                f"({error.strerror}): correct the setting TM23_{worker.setting.upper()}."
            ) from error


def _wait(
    process: subprocess.Popen[bytes], workdir: Path, look: Callable[[Path], bool] | None
) -> None:
    while look is not None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_LOOK_S)
        if look(workdir):
            (workdir / _STOP).touch()
        if process.poll() is not None:
            return
    while process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_LOOK_S)
        if stop_requested():
            _end(process)
            raise OutOfTimeError("This process was told to stop; run this again elsewhere.")


@contextmanager
def _ends_with_us(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Take the worker's process group down when this process is told to end.

    Ctrl-C arrives as an exception and needs no handler; only the main thread may
    have one. A death that leaves no time for this is noticed by the worker itself. Where
    signals are requests to stop already, the worker is asked like everything else.
    """
    previous = signal.getsignal(signal.SIGTERM)
    main = threading.current_thread() is threading.main_thread()
    if not main or catches_signals() or previous in {signal.SIG_IGN, None}:
        yield
        return
    signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        yield
    except _TerminatedError:
        _end(process)
        signal.signal(signal.SIGTERM, previous)
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, previous)


class _TerminatedError(BaseException):
    """SIGTERM, as an exception that no handler of errors catches."""


def _raise_terminated(_signum: int, _frame: FrameType | None) -> None:
    raise _TerminatedError


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    for signum in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signum)
            process.wait(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            process.wait()
        return


def _error(worker: Worker, error: dict[str, str], where: str) -> Exception:
    kind, message = error["kind"], error["message"]
    if kind == "library":
        return MissingDependencyError(
            f"{worker.library} cannot be used by {worker.python} ({message}): {worker.fix}, or "
            f"name an interpreter that has it in TM23_{worker.setting.upper()}."
        )
    if kind == "unsupported":
        return MissingDependencyError(message)
    if kind == "input":
        return InputError(message)
    if kind == "stopped":
        return OutOfTimeError(message)
    return TrainingError(f"{message}{where}", reason=kind)


def _reason(status: int, log: Path) -> str:
    if status < 0:
        said = f"the worker was ended by signal {-status} ({signal.strsignal(-status)})"
        killed = -status == signal.SIGKILL
        return f"{said}; too little memory is the usual cause." if killed else f"{said}."
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if _EXCEPTION.match(line)]
    last = (errors or lines or [f"exit status {status}"])[-1]
    return last[:300].rstrip(".") + "."
