"""Kill points: faults before and after public functions, for tests of ours and of users.

Owns what happens at them. The code under test knows nothing of it: functions are wrapped from
outside, in this process by :func:`injected`, in a worker by the command that
:func:`command_with_faults` returns.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import runpy
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tm23flows.errors import InputError

PLAN_VARIABLE = "FAULT_PLAN"
"""Variable with a plan for a worker: a list of faults in JSON."""

LOST_ACKNOWLEDGEMENT = "pymongo.errors:AutoReconnect"


class Fault(BaseModel):
    """What goes wrong, where and when.

    Parameters
    ----------
    at
        ``module:function`` or ``module:Class.method``, all of them public.
    when
        before or after the function. A function that yields is over when it has yielded all;
        before it is when the first is asked for.
    do
        sigkill, sigterm and sigstop go to this process; raise, sleep; ack_lost is an answer of
        the database that gets lost: the function is done, and AutoReconnect is raised.
    call
        At which call in this process, from 1 on; 0 for each.
    item
        After so many items of a function that yields, when the next is asked for, in place of
        its end.
    seconds
        How long to sleep, in s.
    error
        ``module:Class`` of what is raised.
    once
        A file that is made when this happens. Where it is there, nothing happens: so the worker
        that comes after a killed one may go on with the same plan.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: str = Field(pattern=r"^[A-Za-z][\w.]*:[A-Za-z]\w*(\.[A-Za-z]\w*)?$")
    when: Literal["before", "after"] = "before"
    do: Literal["sigkill", "sigterm", "sigstop", "raise", "sleep", "ack_lost"] = "sigkill"
    call: int = Field(1, ge=0)
    item: int | None = Field(None, ge=1)
    seconds: float = Field(0.0, ge=0)
    error: str = LOST_ACKNOWLEDGEMENT
    once: Path | None = None

    @property
    def is_before(self) -> bool:
        """Whether nothing of the call is done yet."""
        return self.when == "before" and self.do != "ack_lost" and self.item is None


def read_plan(text: str) -> list[Fault]:
    """Read faults from JSON.

    Parameters
    ----------
    text
        A list of objects with the fields of :class:`Fault`.

    Returns
    -------
    The faults.

    Raises
    ------
    InputError
        If it is no such list.
    """
    try:
        return TypeAdapter(list[Fault]).validate_json(text)
    except ValidationError as error:
        raise InputError(f"This is no plan of faults: {error}") from error


@contextmanager
def injected(*faults: Fault) -> Iterator[list[Fault]]:
    """Let faults happen in this process while the block lasts.

    Parameters
    ----------
    *faults
        The faults; several may be at one function.

    Yields
    ------
    Those that have happened, in order; it grows.

    Raises
    ------
    InputError
        If one is at something that is no function.
    """
    happened: list[Fault] = []
    places = dict.fromkeys(fault.at for fault in faults)
    with ExitStack() as stack:
        for place in places:
            here = [fault for fault in faults if fault.at == place]
            stack.enter_context(_wrapped(place, _Trigger(here, happened)))
        yield happened


def command_with_faults(faults: Iterable[Fault], *command: str) -> tuple[list[str], dict[str, str]]:
    """Return how to start a program of Python as a process in which faults happen.

    Parameters
    ----------
    faults
        The faults.
    *command
        Name or path of a script of Python, such as ``rlaunch``, and its arguments.

    Returns
    -------
    The command, and the variables that it needs besides those of this process.
    """
    plan = json.dumps([fault.model_dump(mode="json") for fault in faults])
    return [sys.executable, "-m", "tm23flows.testing.faults", *command], {PLAN_VARIABLE: plan}


def main(arguments: list[str]) -> None:
    """Run a script of Python in this process, with the faults of the plan in the environment.

    Parameters
    ----------
    arguments
        Name or path of the script, and its arguments.

    Raises
    ------
    InputError
        If there is no such script, or the plan is none.
    """
    named = arguments[0] if arguments else ""
    beside = Path(sys.executable).parent / named
    script = beside if beside.is_file() else shutil.which(named)
    if script is None:
        raise InputError(f"There is no program {' '.join(arguments)!r} to run with faults.")
    sys.argv = [str(script), *arguments[1:]]
    with injected(*read_plan(os.environ.get(PLAN_VARIABLE, "[]"))):
        runpy.run_path(str(script), run_name="__main__")


class _Trigger:
    """Counts the calls of one function, and lets its faults happen."""

    def __init__(self, faults: list[Fault], happened: list[Fault]) -> None:
        self._faults, self._happened = faults, happened
        self._calls, self._lock = 0, threading.Lock()

    def count(self) -> int:
        with self._lock:
            self._calls += 1
            return self._calls

    def before(self, call: int) -> None:
        self._happen(call, lambda fault: fault.is_before)

    def after(self, call: int) -> None:
        self._happen(call, lambda fault: not fault.is_before and fault.item is None)

    def item(self, call: int, number: int) -> None:
        self._happen(call, lambda fault: fault.item == number)

    def _happen(self, call: int, is_here: Callable[[Fault], bool]) -> None:
        for fault in self._faults:
            if fault.call in {0, call} and is_here(fault) and _is_first(fault):
                self._happened.append(fault)
                _do(fault)


def _is_first(fault: Fault) -> bool:
    if fault.once is None:
        return True
    try:
        fault.once.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _do(fault: Fault) -> None:
    if fault.do in {"sigkill", "sigterm", "sigstop"}:
        os.kill(os.getpid(), getattr(signal, fault.do.upper()))
    elif fault.do == "sleep":
        time.sleep(fault.seconds)
    else:
        error = LOST_ACKNOWLEDGEMENT if fault.do == "ack_lost" else fault.error
        raise _find(error)[2](f"a fault at {fault.at}")


@contextmanager
def _wrapped(place: str, trigger: _Trigger) -> Iterator[None]:
    owner, name, found = _find(place)
    stored = inspect.getattr_static(owner, name)
    kind = type(stored) if isinstance(stored, (staticmethod, classmethod)) else None
    function = stored.__func__ if kind else found
    if not inspect.isfunction(function):
        raise InputError(f"There is no function at {place}, so nothing can go wrong there.")
    wrapper = _with_faults(function, trigger)
    inherited = isinstance(owner, type) and name not in vars(owner)
    setattr(owner, name, kind(wrapper) if kind else wrapper)
    _replace_everywhere(function, wrapper)
    try:
        yield
    finally:
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, stored)
        _replace_everywhere(wrapper, function)


def _with_faults(function: Callable[..., Any], trigger: _Trigger) -> Callable[..., Any]:
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
            call = trigger.count()
            trigger.before(call)
            for number, one in enumerate(function(*args, **kwargs), 1):
                yield one
                trigger.item(call, number)
            trigger.after(call)

        return stream

    @functools.wraps(function)
    def once(*args: Any, **kwargs: Any) -> Any:
        call = trigger.count()
        trigger.before(call)
        done = function(*args, **kwargs)
        trigger.after(call)
        return done

    return once


def _replace_everywhere(old: Callable[..., Any], new: Callable[..., Any]) -> None:
    """Replace a function in every module that has imported it by name."""
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if value is old:
                setattr(module, name, new)


def _find(place: str) -> tuple[Any, str, Any]:
    """Return what holds a name of ``module:a.b``, the name, and what it means."""
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    try:
        owner = functools.reduce(getattr, owners, importlib.import_module(module))
        return owner, name, getattr(owner, name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"There is nothing at {place}: {error}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
