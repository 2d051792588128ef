"""Steps of a vaspout.h5, which VASP 6 writes where it is built with HDF5.

Owns the layout of that file: ``/intermediate/ion_dynamics`` with one entry per step, and
what is beside it. NOT VERIFIED on a file of VASP: the names are those that py4vasp and
pymatgen read, and the tests read files that they write themselves. Where a vasprun.xml of
the same run is there, read that one.

What it does not hold: the electronic steps of each ionic step. Their number is -1, and a
step counts as converged only if the file says so (``electronic_step_converged``, 0 for
yes); files without that have no step that may become a label. Runs of molecular dynamics
write F and the energies of the motion but not always the other two energies, which are nan.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tm23flows.engines.vasp.header import RunHeader
from tm23flows.engines.vasp.steps import VaspStep, ase_stress, motion
from tm23flows.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from h5py import File

DYNAMICS = "intermediate/ion_dynamics"
_ENERGIES = {
    "e_fr_energy": ("free energy TOTEN", "ion-electron TOTEN"),
    "e_wo_entrp": ("energy without entropy",),
    "e_0_energy": ("energy(sigma->0)",),
    "kinetic": ("kinetic energy EKIN",),
    "nosepot": ("nose potential ES",),
    "nosekinetic": ("nose kinetic EPS",),
}
_STYLES = {"g": "Gamma", "m": "Monkhorst-Pack"}


def read_h5_steps(path: Path, wanted: range) -> Iterator[VaspStep]:
    """Read steps of a vaspout.h5.

    Parameters
    ----------
    path
        The file.
    wanted
        Numbers of the steps, 1-based.

    Yields
    ------
    The steps among them that have all of geometry, forces and energy.

    Raises
    ------
    InputError
        If the file cannot be read.
    MissingDependencyError
        If h5py is not installed.
    """
    with _open(path) as file:
        if DYNAMICS not in file:
            return
        group = file[DYNAMICS]
        names = [" ".join(_text(tag).split()) for tag in group["energies_tags"][()]]
        done = group.get("electronic_step_converged")
        stress = group.get("stress")
        scale = float(file["results/positions/scale"][()]) if "results/positions" in file else 1.0
        arrays = ("lattice_vectors", "position_ions", "forces", "energies")
        complete = min(len(group[name]) for name in arrays)
        for number in range(wanted.start, min(wanted.stop, complete + 1), wanted.step):
            row = number - 1
            values = _by_name(dict(zip(names, map(float, group["energies"][row]), strict=True)))
            yield VaspStep(
                number=number,
                cell=scale * group["lattice_vectors"][row],
                fractional=group["position_ions"][row],
                forces=group["forces"][row],
                stress=None if stress is None else ase_stress(stress[row]),
                energy_free=values.get("e_fr_energy", nan),
                energy_sigma0=values.get("e_0_energy", nan),
                energy_without_entropy=values.get("e_wo_entrp", nan),
                n_scf=-1,
                converged=done is not None and len(done) > row and int(done[row]) == 0,
                **motion(values),
            )


def read_h5_header(path: Path) -> RunHeader:
    """Read what a run was asked to do.

    Parameters
    ----------
    path
        A vaspout.h5.

    Returns
    -------
    The header. It has only the settings that the user gave, without VASP's defaults.

    Raises
    ------
    InputError
        If the file cannot be read or lacks what is needed.
    MissingDependencyError
        If h5py is not installed.
    """
    from ase.data import atomic_numbers

    with _open(path) as file:
        incar = {name: _value(item[()]) for name, item in file["input/incar"].items()}
        poscar = file["input/poscar"]
        counts = [int(n) for n in np.atleast_1d(poscar["number_ion_types"][()])]
        types = [_text(tag).split("_")[0] for tag in np.atleast_1d(poscar["ion_types"][()])]
        symbols = tuple(t for t, n in zip(types, counts, strict=True) for _ in range(n))
        mesh, style, shift = _mesh(file)
        titles, valences = _datasets(file)
        neutral = sum(map(math.prod, zip(counts, valences, strict=False)), 0.0) or nan
        return RunHeader(
            version=".".join(str(_value(file[f"version/{part}"][()])) for part in _VERSION),
            incar=incar,
            parameters=incar,
            kmesh=mesh,
            kmesh_style=style,
            kmesh_shift=shift,
            kpoints=np.empty((0, 3)),
            symbols=symbols,
            potcar_titles=dict(zip(types, titles, strict=False)),
            neutral_electrons=neutral,
            numbers=np.array([atomic_numbers[symbol] for symbol in symbols]),
            cell=float(poscar["scale"][()]) * poscar["lattice_vectors"][()],
            fractional=poscar["position_ions"][()],
        )


_VERSION = ("major", "minor", "patch")


@contextmanager
def _open(path: Path) -> Iterator[File]:
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError(
            f"{path.name} is read with h5py, which is not installed; "
            "install it, or give the vasprun.xml of the run."
        ) from error
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path.name} is no readable vaspout.h5: {reason}.") from error


def _by_name(values: dict[str, float]) -> dict[str, float]:
    return {
        ours: values[name] for ours, names in _ENERGIES.items() for name in names if name in values
    }


def _mesh(
    file: File,
) -> tuple[tuple[int, int, int] | None, str, tuple[float, float, float] | None]:
    group = file.get("input/kpoints", {})
    names = ("nkpx", "nkpy", "nkpz")
    mode = _text(group["mode"][()]).strip().lower()[:1] if "mode" in group else ""
    if mode not in _STYLES or not all(name in group for name in names):
        return None, "list", None
    n1, n2, n3 = (int(group[name][()]) for name in names)
    given = [float(x) for x in group["shift"][()]] if "shift" in group else [0.0] * 3
    own = [0.5 if mode == "m" and n % 2 == 0 else 0.0 for n in (n1, n2, n3)]
    x, y, z = ((a + b) % 1 / n for a, b, n in zip(given, own, (n1, n2, n3), strict=True))
    return (n1, n2, n3), _STYLES[mode], (x, y, z)


def _datasets(file: File) -> tuple[list[str], list[float]]:
    """Return titles and valence electrons of the datasets, where the file has their text."""
    item = file.get("input/potcar/content")
    text = "" if item is None else _text(item[()])
    titles = re.findall(r"TITEL\s*=\s*(.+?)\s*$", text, re.MULTILINE)
    return titles, [float(x) for x in re.findall(r"ZVAL\s*=\s*([\d.]+)", text)]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode().strip()
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
