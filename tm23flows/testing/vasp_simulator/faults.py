"""Faults that the simulator can be told to have.

Owns the reading of the plan and who is struck when. The plan is a JSON file named by the
environment variable ``VASP_SIMULATOR_PLAN``: one object or a list of them, each with

- ``do``: what stops a run: ``sigkill``, ``segv``, ``exit:N``, ``hang``, ``spawn_child`` (starts two
  children and hangs), ``enospc`` (real: the outputs go on to /dev/full); what spoils numbers:
  ``nan``, ``garbage`` (1e6 eV too much, stars for the first force), ``unconverged``, ``explode``
  (velocities times 30), ``permute`` (atoms in another order); ``no_output`` (exits with 0 and
  touches nothing), ``truncate:0.6`` (vasprun.xml is cut to this part of its bytes at the end, and
  the status is 0), ``message:TEXT`` (to standard output);
- ``and``: with ``message``, what else to do then;
- ``at_step``: the ionic step, a list of them, or ``"end"``: after all is written. A process that
  dies at step 5 has written 4 whole steps and the electronic part of the fifth; step 0 is before
  anything is read, when all outputs are empty. Default: step 1 for what stops a run, every step
  for what spoils numbers;
- ``times``: how many launches are struck, counted in a file beside the plan. Default: every one;
- ``silent_s``: with what hangs, how long ago the outputs seem to have been written. A test of a
  handler that waits for an hour of silence then need not wait;
- ``folder``: only launches in folders that match, such as ``*frame-3*``;
- ``step_s``: seconds that every ionic step takes, alone or beside ``do``.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

PLAN_VARIABLE = "VASP_SIMULATOR_PLAN"

SPOILERS = {"nan", "garbage", "unconverged"}
"""Faults that strike every step unless told otherwise."""


@dataclass
class Fault:
    """One fault of a plan."""

    do: str
    then: str | None
    steps: tuple[int, ...] | None
    at_end: bool
    times: int | None
    counter: Path
    silent_s: float = 0.0
    claimed: bool | None = field(default=None)

    @property
    def kind(self) -> str:
        """The word before the colon."""
        return self.do.partition(":")[0]

    @property
    def argument(self) -> str:
        """The word after the colon."""
        return self.do.partition(":")[2]

    def strikes(self) -> bool:
        """Whether this launch is one of those that are struck; counts it when first asked."""
        if self.claimed is None:
            self.claimed = self.times is None or self._count() <= self.times
        return self.claimed

    def _count(self) -> int:
        # one byte per launch, appended: launches side by side get different counts
        handle = os.open(self.counter, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, b".")
            return os.lseek(handle, 0, os.SEEK_CUR)
        finally:
            os.close(handle)


@dataclass(frozen=True)
class Plan:
    """All faults of a launch, and how long a step takes."""

    faults: tuple[Fault, ...] = ()
    step_s: float = 0.0

    def due(self, kind: str, step: int | None = None) -> Fault | None:
        """Return the fault of a kind that strikes now, if any.

        Parameters
        ----------
        kind
            Such as ``nan``.
        step
            Number of the ionic step; None outside of steps.

        Returns
        -------
        The fault.
        """
        for fault in self.faults:
            if fault.kind == kind and not fault.at_end and _is_at(fault, step) and fault.strikes():
                return fault
        return None

    def at_end(self) -> list[Fault]:
        """Return the faults that strike when all is written."""
        return [fault for fault in self.faults if fault.at_end and fault.strikes()]


def _is_at(fault: Fault, step: int | None) -> bool:
    if step is None:
        return True
    steps = fault.steps or (() if fault.kind in SPOILERS else (1,))
    return not steps or step in steps


def read_plan(environment: Mapping[str, str], folder: Path) -> Plan:
    """Read the plan of this launch.

    Parameters
    ----------
    environment
        With the name of the file, or without.
    folder
        Where the launch runs.

    Returns
    -------
    The plan; empty without a file.
    """
    name = environment.get(PLAN_VARIABLE)
    if not name or not Path(name).exists():
        return Plan()
    told = json.loads(Path(name).read_text(encoding="utf-8"))
    told = told if isinstance(told, list) else [told]
    mine = [
        (index, one)
        for index, one in enumerate(told)
        if fnmatch(str(folder), one.get("folder", "*"))
    ]
    faults = tuple(_fault(one, Path(f"{name}.{index}.count")) for index, one in mine if "do" in one)
    return Plan(faults, max((float(one.get("step_s", 0.0)) for _, one in mine), default=0.0))


def _fault(told: dict, counter: Path) -> Fault:
    at = told.get("at_step")
    ends = at == "end" or told["do"].startswith("truncate")
    steps = None if at in (None, "end") else tuple(at if isinstance(at, list) else [at])
    silent_s = float(told.get("silent_s", 0.0))
    return Fault(told["do"], told.get("and"), steps, ends, told.get("times"), counter, silent_s)


def stop_here(kind: str, argument: str, folder: Path, silent_s: float = 0.0) -> None:
    """Do what ends or freezes a process; return if the kind is none of these.

    Parameters
    ----------
    kind
        sigkill, segv, exit, hang or spawn_child.
    argument
        The exit status.
    folder
        Where the process writes.
    silent_s
        For how long a process that freezes seems to have written nothing.

    Raises
    ------
    SystemExit
        For exit.
    """
    if kind == "exit":
        raise SystemExit(int(argument))
    if kind in ("sigkill", "segv"):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), signal.SIGKILL if kind == "sigkill" else signal.SIGSEGV)
    if kind == "spawn_child":
        for _ in range(2):
            subprocess.Popen(["sleep", "3600"])
    if kind in ("hang", "spawn_child"):
        _look_silent(folder, silent_s)
        while True:
            time.sleep(3600)


def _look_silent(folder: Path, seconds: float) -> None:
    then = time.time() - seconds
    for name in WATCHED if seconds else ():
        with suppress(FileNotFoundError):
            os.utime(folder / name, (then, then))


WATCHED = ("vasp.out", "OUTCAR", "OSZICAR", "vasprun.xml", "XDATCAR", "CONTCAR")
"""What shows that a run is alive."""

STOPS = ("sigkill", "segv", "exit", "hang", "spawn_child")


def cut(file: Path, fraction: float) -> None:
    """Keep only the first part of a file.

    Parameters
    ----------
    file
        The file.
    fraction
        How much of it to keep.
    """
    os.truncate(file, int(file.stat().st_size * fraction))
