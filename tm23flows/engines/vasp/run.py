"""One VASP run in one folder, under custodian, from inputs to a report.

Owns the way of starting it. It takes what atomate2's ``run_vasp`` takes, but gives
custodian its own job (``process``), because ``run_vasp`` keeps its job to itself and nobody
could say what ran or end it. Does not read results (``outputs``) and does not judge whether
they are what was asked for (``check``).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atomate2 import SETTINGS
from atomate2.vasp.files import write_vasp_input_set
from atomate2.vasp.jobs.base import BaseVaspMaker
from custodian import Custodian
from custodian.custodian import CustodianError, ErrorHandler
from pymatgen.core import Structure
from pymatgen.io.vasp import Incar

from tm23flows.engines.base import Deadline, no_deadline
from tm23flows.engines.vasp.command import vasp_commands
from tm23flows.engines.vasp.deadline import STOP_S, DeadlineHandler
from tm23flows.engines.vasp.handlers import (
    CompleteOutputValidator,
    output_fault,
    tm23_handlers,
)
from tm23flows.engines.vasp.process import GroupVaspJob
from tm23flows.engines.vasp.run_settings import check_run_settings
from tm23flows.errors import InputError

CUSTODIAN_DEFAULTS: dict[str, Any] = {
    # The end of a short static is seen after a second. A signal of the scheduler reaches VASP at
    # the next look at its output, and SLURM kills half a minute after it.
    "polling_time_step": 1.0,
    "monitor_freq": 10,
    # A handler that fails must not leave VASP running alone; it is recorded.
    "skip_over_errors": True,
    # VASP built with some compilers ends good runs with an exit code; it is recorded.
    "terminate_on_nonzero_returncode": False,
}

_ABORTED = "stopped in the middle of a static, because this worker's time is over"


@dataclass(frozen=True)
class RunReport:
    """What happened in a run. ``error`` None does not yet mean that its outputs are good.

    Parameters
    ----------
    binary
        Name of the program that ran, such as ``vasp_gam``; empty if none did.
    build
        VASP's own first line, with version and kind (``gamma-only``, ``complex``).
    corrections
        What was changed on the way or has to be known, as short phrases.
    error
        Why it failed, as a phrase; None if it did not.
    stopped
        ``walltime`` if it was stopped because the worker's time is over. Molecular dynamics
        ends after a whole step, without an error; a static never ends well then.
    wall_s
        Seconds it took.
    """

    binary: str
    build: str
    corrections: tuple[str, ...]
    error: str | None
    stopped: str | None
    wall_s: float


def run_in(
    folder: Path,
    maker: BaseVaspMaker,
    structure: Structure,
    *,
    poscar_text: str | None = None,
    warm_from: Path | None = None,
    deadline: Deadline = no_deadline,
) -> RunReport:
    """Write inputs into an empty folder and run VASP there.

    Parameters
    ----------
    folder
        Where; it is made if it is not there.
    maker
        Its input set writes the files; its ``run_vasp_kwargs`` are those of atomate2's
        ``run_vasp``, without ``job_type`` and ``scratch_dir``.
    structure
        The atoms.
    poscar_text
        Written as POSCAR instead of the structure: the CONTCAR of a run to be continued.
    warm_from
        Folder of a run whose WAVECAR and CHGCAR are the starting guess, where they are.
    deadline
        Says when this worker's time is over, in seconds since 1970: VASP is stopped before.

    Returns
    -------
    The report; a run that fails is no exception.

    Raises
    ------
    InputError
        If the folder is not empty, or the Maker has settings that are not for this.
    MissingDependencyError
        If VASP or a dataset is not here.
    """
    kwargs = maker.run_vasp_kwargs
    check_run_settings(kwargs, maker.write_input_set_kwargs)
    deadline = _earlier(kwargs.get("wall_time"), deadline)
    standard, gamma = vasp_commands(kwargs.get("vasp_cmd"), kwargs.get("vasp_gamma_cmd"))
    _write_inputs(folder, maker, structure)
    if poscar_text is not None:
        (folder / "POSCAR").write_text(poscar_text, encoding="utf-8")
    if warm_from is not None:
        _copy_guess(warm_from, folder)
    handlers = deepcopy([*kwargs.get("handlers", tm23_handlers())])
    handlers.append(DeadlineHandler(deadline))
    if handlers[-1].check(str(folder)):
        return RunReport("", "", (), None, "walltime", 0.0)
    job_kwargs = {"auto_npar": False, **(kwargs.get("vasp_job_kwargs") or {})}
    job = GroupVaspJob(standard, gamma_vasp_cmd=gamma, **job_kwargs)
    return _run(folder, job, handlers, kwargs)


def _run(
    folder: Path, job: GroupVaspJob, handlers: list[ErrorHandler], kwargs: dict[str, Any]
) -> RunReport:
    custodian = Custodian(
        handlers,
        [job],
        validators=kwargs.get("validators") or [CompleteOutputValidator()],
        max_errors=kwargs.get("max_errors", SETTINGS.VASP_CUSTODIAN_MAX_ERRORS),
        **{
            **CUSTODIAN_DEFAULTS,
            **(kwargs.get("custodian_kwargs") or {}),
            "directory": str(folder),
        },
    )
    started = time.monotonic()
    failure: Exception | None = None
    try:
        custodian.run()
    except (CustodianError, OSError) as error:
        failure = error
    finally:
        # Also when this process is interrupted: custodian would leave VASP running.
        job.end_group()
    done = [one for entry in custodian.run_log for one in entry["corrections"]]
    stopped = any(isinstance(one["handler"], DeadlineHandler) for one in done)
    error = _reason(folder, job, done, failure)
    if error is None and stopped:
        aborted = any(getattr(one["handler"], "electronic_step_stop", False) for one in done)
        error = _ABORTED if aborted else output_fault(folder)
    return RunReport(
        binary=Path(job.launched[-1]).name if job.launched else "",
        build=_first_line(folder / "OUTCAR"),
        corrections=tuple(dict.fromkeys(_phrases(done, job, failed=error is not None))),
        error=error,
        stopped="walltime" if stopped else None,
        wall_s=time.monotonic() - started,
    )


def _earlier(wall_time: float | None, deadline: Deadline) -> Deadline:
    """Return which comes first, the deadline or the end of the time that the Maker gives a run."""
    if not wall_time:
        return deadline
    if wall_time <= STOP_S:
        raise InputError(
            f"With wall_time = {wall_time:g} s in run_vasp_kwargs no run would ever begin, for "
            f"VASP is stopped {STOP_S:g} s before its end; give more."
        )
    end = time.time() + wall_time
    return lambda: end if (other := deadline()) is None else min(end, other)


def _write_inputs(folder: Path, maker: BaseVaspMaker, structure: Structure) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if found := next(folder.iterdir(), None):
        raise InputError(f"VASP needs an empty folder, and {folder} has {found.name} in it.")
    # Nothing comes from an earlier run, and atomate2 would clean the current folder, not this.
    given = {**maker.write_input_set_kwargs, "from_prev": False, "clean_prev": False}
    generator = deepcopy(maker.input_set_generator)
    write_vasp_input_set(structure, generator, directory=folder, **given)


def _copy_guess(source: Path, folder: Path) -> None:
    incar = Incar.from_file(folder / "INCAR")
    if incar.get("ISTART") == 0:  # the user wants every run to start from nothing
        return
    for name in ("WAVECAR", "CHGCAR"):
        path = source / name
        if path.is_file() and path.stat().st_size:
            shutil.copyfile(path, folder / name)
    if (folder / "WAVECAR").exists():
        # VASP's default where there is a WAVECAR. It is said because handlers must know: at the
        # end of a run there always is one.
        incar["ISTART"] = 1
        if (folder / "CHGCAR").exists() and "ICHARG" not in incar:
            # The default, 0, does not read CHGCAR; 1 moves its density along with the atoms.
            incar["ICHARG"] = 1
        incar.write_file(folder / "INCAR")


def _reason(
    folder: Path, job: GroupVaspJob, done: list[dict[str, Any]], failure: Exception | None
) -> str | None:
    """Say in one phrase why a run failed, from what nobody could correct to what is missing."""
    given_up = [
        error
        for one in done
        if not one["actions"] and not one.get("skipped")
        for error in one["errors"]
        if not isinstance(one["handler"], DeadlineHandler)
    ]
    if not given_up and failure is None:
        return None
    phrases = list(dict.fromkeys(given_up))
    if isinstance(failure, OSError):
        phrases.append(f"{failure.strerror or failure}")
    elif not given_up:
        if "Max" in type(failure).__name__:
            phrases.append(f"still wrong after {len(done)} corrections")
        if job.exit_code:
            phrases.append(_ending(job.exit_code))
        phrases.append(output_fault(folder) or str(failure))
    return "; ".join(phrases)


def _ending(exit_code: int) -> str:
    return f"killed by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"


def _first_line(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return " ".join(file.readline(1000).decode(errors="replace").split())


def _phrases(done: list[dict[str, Any]], job: GroupVaspJob, *, failed: bool) -> Iterator[str]:
    for one in done:
        errors = ", ".join(one["errors"])
        if one.get("skipped"):
            yield f"{type(one['handler']).__name__} failed"
        elif one["actions"]:
            yield f"{errors}: {', '.join(_action(action) for action in one['actions'])}"
    if job.exit_code and not failed:
        yield f"{_ending(job.exit_code)}, but the output is complete"


def _action(action: dict[str, Any]) -> str:
    """Write an action of custodian as users write tags."""
    what = action["action"]
    if "_set" in what:
        return " ".join(f"{tag}={value}" for tag, value in what["_set"].items())
    if "_unset" in what:
        return " ".join(f"without {tag}" for tag in what["_unset"])
    if "_file_delete" in what:
        return f"without {action['file']}"
    return f"{action.get('file', action.get('dict'))} changed"
