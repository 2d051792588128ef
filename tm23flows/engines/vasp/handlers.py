"""custodian's handlers that mend numerics and leave the physics alone.

Owns what may be changed while VASP runs: the algorithm, the mixing, the number of bands,
the files of the starting guess. ENCUT, SIGMA, k-points and whatever else the label depends
on are never touched, and neither is POSCAR: a run of molecular dynamics that has made steps
is stopped, and whoever started it goes on from its last one. All classes survive JSON,
because they travel inside Makers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from custodian.custodian import ErrorHandler, Validator
from custodian.utils import backup
from custodian.vasp.handlers import (
    VASP_BACKUP_FILES,
    FrozenJobErrorHandler,
    VaspErrorHandler,
)
from custodian.vasp.interpreter import VaspModder
from pymatgen.io.vasp import Incar

from tm23flows.engines.vasp.incar_tags import FREE_TAGS
from tm23flows.engines.vasp.places import await_file

NUMERICS = (
    "too_few_bands",
    "nbands_not_sufficient",
    "grad_not_orth",
    "pssyevx",
    "pdsyevx",
    "coef",
    "elf_kpar",
    "dfpt_ncore",
    "set_core_wf",
    "read_error",
    "spin_polarized_harris",
)
"""Errors whose correction by custodian changes numerics only. A list of what is allowed,
because one of what is not would open again with each of its releases."""

FROZEN_S = 3600.0
"""A run that writes nothing for so long hangs. One electronic step takes minutes at most."""

_INPUTS = ("INCAR", "KPOINTS", "POSCAR")
_OUTPUTS = ("vasp.out", "OSZICAR", "OUTCAR", "vasprun.xml")
MEGABYTE = 1 << 20

Correction = dict[str, Any]


def tm23_handlers() -> tuple[ErrorHandler, ...]:
    """Return the handlers of every run that does not bring its own.

    Returns
    -------
    New objects, for they count what they have done.
    """
    return (
        NumericsErrorHandler(),
        SubspaceErrorHandler(),
        MixingErrorHandler(),
        ConvergenceHandler(),
        NotANumberHandler(),
        SilenceHandler(),
    )


def output_fault(directory: str | Path) -> str | None:
    """Say what is missing in the output of a run that has ended.

    Parameters
    ----------
    directory
        Its folder.

    Returns
    -------
    A phrase with VASP's last words, or None if vasprun.xml has its end and nobody has put
    LABORT into STOPCAR: after that VASP ends its files as if the electrons had converged.
    """
    folder = Path(directory)
    end = tail(folder / "vasprun.xml", 4096)
    if b"</modeling>" in end:
        if was_aborted(folder):
            return "LABORT in STOPCAR has stopped it in the middle of a step"
        return None
    fault = "vasprun.xml ends early" if end else "VASP wrote no vasprun.xml"
    for name in ("std_err.txt", "vasp.out"):
        words = tail(folder / name, 2048).decode(errors="replace").split("\n")
        if last := next((line.strip() for line in reversed(words) if line.strip()), None):
            return f"{fault}; the last line of {name} is: {last[:200]}"
    return fault


def was_aborted(folder: Path) -> bool:
    """Say whether LABORT in STOPCAR has stopped a run, so that its last step is unfinished.

    Parameters
    ----------
    folder
        Its folder.

    Returns
    -------
    Whether VASP says so.
    """
    return b"hard stop encountered" in tail(folder / "vasp.out", MEGABYTE)


class CompleteOutputValidator(Validator):
    """Finds output that ends early; unlike custodian's it does not read the whole file."""

    def check(self, directory: str = "./") -> bool:
        """Say whether something is wrong."""
        await_file(Path(directory) / "vasprun.xml")
        return output_fault(directory) is not None


class NumericsErrorHandler(VaspErrorHandler):
    """custodian's corrections of numerical errors, checked to be no more than that."""

    def __init__(self, output_filename: str = "vasp.out") -> None:
        super().__init__(output_filename, errors_subset_to_catch=list(NUMERICS))

    def correct(self, directory: str = "./") -> Correction:
        """Let custodian correct; put back what it should not have touched and give up then."""
        folder = Path(directory)
        found = {"errors": sorted(self.errors), "actions": None}
        if not _may_start_again(folder):
            return found
        before = {name: tail(folder / name, None) for name in _INPUTS}
        try:
            found["actions"] = super().correct(directory)["actions"] or None
        except (TypeError, ValueError, AttributeError, LookupError, OSError):
            # Several corrections read an OUTCAR that may not have got so far.
            found["actions"] = None
        if _harmed(folder, before):
            for name, content in before.items():
                (folder / name).write_bytes(content)
            found["actions"] = None
        return found


class _MessageHandler(ErrorHandler):
    """Looks for messages in VASP's standard output and starts again with other numerics."""

    errors: ClassVar[tuple[str, ...]] = ()

    def __init__(self, output_filename: str = "vasp.out") -> None:
        self.output_filename = output_filename

    def check(self, directory: str = "./") -> bool:
        """Say whether a message is there."""
        text = tail(Path(directory) / self.output_filename, None)
        return any(message.encode() in text for message in self._messages())

    def correct(self, directory: str = "./") -> Correction:
        """Take the next step that has not been tried, if the run may start again."""
        folder = Path(directory)
        actions = self.next_step(folder) if _may_start_again(folder) else None
        return _start_again(folder, "/".join(self.errors), actions)

    def next_step(self, folder: Path) -> list[Correction] | None:
        """Return custodian's actions, or None if there is nothing left to try."""
        raise NotImplementedError

    def _messages(self) -> Iterable[str]:
        for error in self.errors:
            yield from VaspErrorHandler.error_msgs[error]


class SubspaceErrorHandler(_MessageHandler):
    """EDDDAV, EDDIAG and ZHEEV: another algorithm and a fresh start.

    custodian's own corrections copy CONTCAR to POSCAR, and fail where OUTCAR does not yet say
    the number of electrons.
    """

    is_monitor = True
    errors = ("edddav", "eddiag", "zheev")

    def next_step(self, folder: Path) -> list[Correction] | None:
        """Go from Fast to Normal to All."""
        algorithm = str(_incar(folder).get("ALGO", "Normal"))[:1].upper()
        if algorithm == "A":
            return None
        better = "All" if algorithm == "N" else "Normal"
        return [_set({"ALGO": better}), *_fresh_start(folder)]


class MixingErrorHandler(_MessageHandler):
    """BRMIX, also where NELECT is set (custodian looks away there).

    VASP goes on after the message with simple mixing, and in charged cells often well. So
    it counts only if the run then ended early or without convergence.
    """

    errors = ("brmix",)

    def check(self, directory: str = "./") -> bool:
        """Say whether the message is there and the run went wrong."""
        if not super().check(directory):
            return False
        folder = Path(directory)
        return output_fault(folder) is not None or not _converged(folder)

    def next_step(self, folder: Path) -> list[Correction] | None:
        """Start fresh, then mix as Kerker did, then mix straight and slowly."""
        incar = _incar(folder)
        if _is_warm(folder):
            return _fresh_start(folder)
        if "IMIX" not in incar:
            return [_set({"IMIX": 1}), *_fresh_start(folder)]
        if "AMIX" not in incar:
            return [_set({"AMIX": 0.1, "BMIX": 0.0001}), *_fresh_start(folder)]
        return None


class ConvergenceHandler(ErrorHandler):
    """Electrons of a static that have not converged: what custodian tries, without its files.

    A step of molecular dynamics that has not converged is passed over later.
    """

    def check(self, directory: str = "./") -> bool:
        """Say whether a static has ended without convergence."""
        folder = Path(directory)
        return is_static(folder) and output_fault(folder) is None and not _converged(folder)

    def correct(self, directory: str = "./") -> Correction:
        """Start fresh with the stable algorithm, then with slow mixing."""
        folder = Path(directory)
        incar = _incar(folder)
        if str(incar.get("ALGO", "Normal"))[:1].upper() != "A" and "NELMDL" not in incar:
            changes = {"ALGO": "All", "ISEARCH": 1}
        elif "NELMDL" not in incar:
            changes = {"ALGO": "Normal", "NELMDL": -6, "BMIX": 0.001}
        else:
            changes = None
        actions = [_set(changes), *_fresh_start(folder)] if changes else None
        return _start_again(folder, "the electrons did not converge", actions)


class NotANumberHandler(ErrorHandler):
    """NaN or overflown numbers in energies, forces or stress: they never get better."""

    is_monitor = True

    def check(self, directory: str = "./") -> bool:
        """Look through what was written last, and through the whole of a static run."""
        folder = Path(directory)
        size = None if is_static(folder) else MEGABYTE
        energies = tail(folder / "OSZICAR", size)
        if re.search(rb"(?i)\bnan\b|F=[^\n]*\*\*\*[^\n]*E0=|E0=\s*\*\*\*", energies):
            return True
        text = tail(folder / "vasprun.xml", size)
        if not any(bad in text for bad in (b"NaN", b"nan", b"NAN", b"***")):
            return False
        return bool(re.search(rb'(?i)<(?:v|i name="e_\w+")>[^<]*(?:\bnan\b|\*\*\*)', text))

    def correct(self, directory: str = "./") -> Correction:
        """Start fresh if the run began with files of another one, else give up."""
        folder = Path(directory)
        may = _may_start_again(folder) and _is_warm(folder)
        return _start_again(folder, "not a number", _fresh_start(folder) if may else None)


class SilenceHandler(FrozenJobErrorHandler):
    """No output for a long time: the run is ended and, if it has no steps, tried once more."""

    def __init__(self, output_filename: str = "vasp.out", timeout: float = FROZEN_S) -> None:
        super().__init__(output_filename, timeout)

    def check(self, directory: str = "./") -> bool:
        """Say whether all files of the output are older than the timeout."""
        paths = [Path(directory) / name for name in {*_OUTPUTS, self.output_filename}]
        written = [path.stat().st_mtime for path in paths if path.is_file()]
        return bool(written) and time.time() - max(written) > self.timeout

    def correct(self, directory: str = "./") -> Correction:
        """Start again once, from nothing."""
        folder = Path(directory)
        first = _incar(folder).get("ISTART") != 0
        may = first and _may_start_again(folder)
        what = f"no output for {self.timeout:g} s"
        return _start_again(folder, what, _fresh_start(folder) if may else None)


def tail(path: Path, size: int | None) -> bytes:
    """Read the end of a file.

    Parameters
    ----------
    path
        The file.
    size
        Bytes to read; None for all of it.

    Returns
    -------
    The bytes; none where there is no file.
    """
    try:
        with path.open("rb") as file:
            if size is not None:
                file.seek(max(0, path.stat().st_size - size))
            return file.read()
    except FileNotFoundError:
        return b""


def _incar(folder: Path) -> Incar:
    return Incar.from_file(folder / "INCAR")


def is_static(folder: Path) -> bool:
    """Say whether a run moves no atoms.

    Parameters
    ----------
    folder
        Its folder.

    Returns
    -------
    Whether its INCAR says so.
    """
    return not _incar(folder).get("NSW", 0)


def _may_start_again(folder: Path) -> bool:
    """Whether a new start loses nothing: a static run, or one that has no complete step."""
    return is_static(folder) or b"F=" not in tail(folder / "OSZICAR", None)


def _is_warm(folder: Path) -> bool:
    """Whether the run began with files of another one; then ``run`` has said ISTART=1."""
    return _incar(folder).get("ISTART") == 1


def _converged(folder: Path) -> bool:
    """Whether the last electronic loop needed fewer iterations than it had."""
    found = re.findall(rb"^\s*[A-Z]{3}:\s+(\d+)", tail(folder / "OSZICAR", MEGABYTE), re.MULTILINE)
    return bool(found) and int(found[-1]) < _incar(folder).get("NELM", 60)


def _set(tags: dict[str, Any]) -> Correction:
    return {"dict": "INCAR", "action": {"_set": tags}}


def _fresh_start(folder: Path) -> list[Correction]:
    """Return the actions that forget the starting guess; a fixed density is left to the user."""
    delete = {"_file_delete": {"mode": "actual"}}
    if _incar(folder).get("ICHARG", 0) >= 10:
        return [_set({"ISTART": 0}), {"file": "WAVECAR", "action": delete}]
    files = [{"file": name, "action": delete} for name in ("WAVECAR", "CHGCAR")]
    return [_set({"ISTART": 0, "ICHARG": 2}), *files]


def _start_again(folder: Path, error: str, actions: list[Correction] | None) -> Correction:
    """Keep the files of the attempt and apply the actions, if there are any."""
    if actions:
        backup(VASP_BACKUP_FILES, directory=str(folder))
        VaspModder(directory=str(folder)).apply_actions(actions)
    return {"errors": [error], "actions": actions}


def _harmed(folder: Path, before: dict[str, bytes]) -> bool:
    if any(tail(folder / name, None) != before[name] for name in ("KPOINTS", "POSCAR")):
        return True
    old = Incar.from_str(before["INCAR"].decode())
    new = _incar(folder)
    return any(old.get(tag) != new.get(tag) for tag in {*old, *new} - FREE_TAGS)
