"""The installed simulator, folders to run it in, and what its outputs say."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tm23flows.science.metals import metal
from tm23flows.science.prototypes import build_primitive
from tm23flows.testing.vasp_simulator import install_simulator
from tm23flows.testing.vasp_simulator.poscar import Poscar, write_poscar

STATIC = {"ENCUT": 400, "ISMEAR": 1, "SIGMA": 0.2, "EDIFF": 1e-6, "ISYM": 0}
MD = (
    STATIC
    | {"IBRION": 0, "MDALGO": 2, "SMASS": 0, "POTIM": 5, "NSW": 6, "TEBEG": 600, "TEEND": 600}
    | {"LWAVE": ".FALSE.", "LCHARG": ".FALSE."}
)


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Environment variables of a simulator that is installed once."""
    return install_simulator(tmp_path_factory.mktemp("simulator"))


@pytest.fixture
def prepare(installed, tmp_path):
    """A function that writes the inputs of a run into a new folder."""

    def prepare(name="run", symbol="Cu", mesh="Gamma\n1 1 1\n", repeat=2, base=MD, **tags):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "POSCAR").write_text(write_poscar(vacancy(symbol, repeat)))
        (folder / "KPOINTS").write_text(f"mesh\n0\n{mesh}")
        write_incar(folder, {**base, **tags})
        potcars = Path(installed["PMG_VASP_PSP_DIR"]) / "POT_GGA_PAW_PBE_54"
        shutil.copy(potcars / f"POTCAR.{metal(symbol).potcar_title}", folder / "POTCAR")
        return folder

    return prepare


@pytest.fixture
def launch(installed, tmp_path):
    """A function that runs the simulator to its end, with a plan of faults if wanted."""

    def launch(folder, build="std", plan=None, timeout=300):
        environment = {**os.environ}
        if plan is not None:
            environment["VASP_SIMULATOR_PLAN"] = str(tmp_path / "plan.json")
            (tmp_path / "plan.json").write_text(json.dumps(plan))
        key = {"std": "TM23_VASP_CMD", "gam": "TM23_VASP_GAMMA_CMD"}[build]
        return subprocess.run(
            [installed[key]],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return launch


@pytest.fixture
def run(prepare, launch):
    """A function that prepares and runs, and refuses a run that failed."""

    def run(name="run", build="std", plan=None, **inputs):
        folder = prepare(name, **inputs)
        done = launch(folder, build, plan)
        assert done.returncode == 0, done.stdout + done.stderr
        return folder

    return run


def vacancy(symbol, repeat=2):
    """Primitive cells repeated, with one atom missing; one whole cell if not repeated."""
    atoms = build_primitive(metal(symbol)).repeat(repeat)
    if repeat > 1:
        del atoms[0]
    fractional = atoms.get_scaled_positions()
    return Poscar("crystal", np.array(atoms.cell), (symbol,), (len(atoms),), fractional)


def write_incar(folder, tags):
    lines = [f"{name} = {value}" for name, value in tags.items()]
    (folder / "INCAR").write_text("\n".join(lines) + "\n")


def frames(folder):
    """What a whole vasprun.xml says of every step, read independently of the package."""
    root = ET.parse(folder / "vasprun.xml").getroot()
    return [frame(block) for block in root.iter("calculation")]


def frame(block):
    def varray(name):
        rows = block.find(f".//varray[@name='{name}']")
        return np.array([[float(x) for x in row.text.split()] for row in rows])

    values = {i.get("name"): float(i.text) for i in block.find("energy")}
    return SimpleNamespace(
        fractional=varray("positions"),
        forces=varray("forces"),
        stress=varray("stress"),
        energy=values["e_fr_energy"],
        values=values,
        n_scf=len(block.findall("scstep")),
    )


@pytest.fixture
def read():
    """The function that reads a vasprun.xml."""
    return frames
