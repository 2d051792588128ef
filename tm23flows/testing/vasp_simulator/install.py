"""Installing the simulator: two executables, POTCAR files, and the settings that name them.

Owns what is written where. The executables start this interpreter.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from tm23flows.science.metals import METALS
from tm23flows.testing.vasp_simulator.potcar import SEMI_CORE, make_potcar
from tm23flows.testing.vasp_simulator.potential import fit

FUNCTIONALS = {"PBE": "POT_GGA_PAW_PBE", "PBE_54": "POT_GGA_PAW_PBE_54"}
"""Folders of pymatgen's layout that are filled."""

BUILDS = {"vasp_std": "std", "vasp_gam": "gam"}


def install_simulator(folder: Path) -> dict[str, str]:
    """Write the executables and the POTCAR files of all 27 metals.

    Parameters
    ----------
    folder
        Made if needed.

    Returns
    -------
    Environment variables that make the VASP engine, atomate2's settings aside, use them.
    """
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name, build in BUILDS.items():
        executable = folder / name
        executable.write_text(_script(build), encoding="utf-8")
        executable.chmod(0o755)
    potcars = folder / "potcars"
    _write_potcars(potcars)
    return {
        "TM23_VASP_CMD": str(folder / "vasp_std"),
        "TM23_VASP_GAMMA_CMD": str(folder / "vasp_gam"),
        "PMG_VASP_PSP_DIR": str(potcars),
    }


def _script(build: str) -> str:
    # a shell replaced by exec: the process that VASP's caller sees is the simulator itself;
    # -P keeps what lies in the run folder from being imported
    python = shlex.quote(sys.executable)
    root = shlex.quote(str(Path(__file__).resolve().parents[3]))
    return (
        "#!/bin/sh\n"
        f'OMP_NUM_THREADS=1 PYTHONPATH={root}"${{PYTHONPATH:+:$PYTHONPATH}}" '
        f"exec {python} -P -m tm23flows.testing.vasp_simulator run {build}\n"
    )


def _write_potcars(folder: Path) -> None:
    places = [folder / name for name in FUNCTIONALS.values()]
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    for symbol in METALS:
        gupta = fit(symbol)
        for variant in SEMI_CORE:
            text = make_potcar(symbol, variant, gupta)
            for place in places:
                (place / f"POTCAR.{symbol}{variant}").write_text(text, encoding="ascii")
