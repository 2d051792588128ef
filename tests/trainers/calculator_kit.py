"""Calculators that fail in every way, frames that know their number, a second interpreter."""

from __future__ import annotations

import venv
from pathlib import Path

import ase
import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io import write

MODULE = """
import ctypes, os, sys, time
import numpy as np
from ase.calculators.calculator import Calculator, PropertyNotImplementedError
from ase.calculators.emt import EMT

VERSION = 1

class Faulty(EMT):
    '''EMT; ``faults`` says what happens on which frame.'''
    def __init__(self, faults=None, **kwargs):
        super().__init__(**kwargs)
        self.faults, self.poisoned = faults or {}, False

    def calculate(self, atoms=None, properties=("energy",), system_changes=("positions",)):
        super().calculate(atoms, properties, system_changes)
        fault = self.faults.get(str(round(100 * atoms.positions[0, 0])))
        if self.poisoned:
            self.results["energy"] += 100
            self.results["free_energy"] += 100
        if fault is not None:
            getattr(self, fault)()

    def raises(self):
        self.poisoned = True
        raise ArithmeticError("the matrix\\nis singular")
    def nan_forces(self): self.results["forces"][3, 1] = np.nan
    def inf_energy(self): self.results["energy"] = self.results["free_energy"] = -np.inf
    def nan_stress(self): self.results["stress"] = np.full(6, np.nan)
    def overflow(self): self.results["forces"][0] = 1e200
    def short_forces(self): self.results["forces"] = self.results["forces"][:-1]
    def flat_forces(self): self.results["forces"] = self.results["forces"].ravel()
    def no_forces(self): del self.results["forces"]
    def none_forces(self): self.results["forces"] = None
    def words(self): self.results["energy"] = self.results["free_energy"] = "low"
    def two_energies(self): self.results["free_energy"] = np.zeros(2)
    def strange_stress(self): self.results["stress"] = np.zeros(9)
    def no_stress(self): del self.results["stress"]
    def full_stress(self):
        from ase.stress import voigt_6_to_full_3x3_stress
        self.results["stress"] = voigt_6_to_full_3x3_stress(self.results["stress"])
    def one_energy(self): self.results["free_energy"] = np.array([self.results["energy"]])
    def ends(self): os._exit(3)
    def leaves(self): sys.exit("enough")
    def segfaults(self): ctypes.string_at(0)
    def hangs(self): time.sleep(1000)
    def moves_atoms(self): self.atoms.positions += 1.0

class NoStress(EMT):
    implemented_properties = ["energy", "forces"]
    def calculate(self, *arguments):
        super().calculate(*arguments)
        del self.results["stress"]

class Bare:
    pass

class Entropic(Calculator):
    '''Tells the energy that belongs to the forces from another.'''
    implemented_properties = ["energy", "free_energy", "forces"]
    def calculate(self, atoms=None, properties=("energy",), system_changes=("positions",)):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": -1.0, "free_energy": -2.0, "forces": np.zeros((len(atoms), 3))}

def make_faulty(faults=None) -> Faulty:
    return Faulty(faults)

def make_anything(faults=None):
    raise SystemExit("this must not be called")

class Made(EMT):
    @classmethod
    def from_file(cls, path, others=()):
        '''Reads its file, so that it is there, and one of another model is not.'''
        made = cls()
        made.shift = float(open(path).read())
        return made
    def calculate(self, *arguments):
        super().calculate(*arguments)
        self.results["energy"] += self.shift
        self.results["free_energy"] += self.shift

class Picky(EMT):
    def __init__(self, cutoff):
        super().__init__()
        if cutoff < 1:
            raise ValueError("the cutoff is too small")

class Crashing(EMT):
    def __init__(self):
        os._exit(7)
"""


def write_module(folder: Path, name: str = "wild", text: str = MODULE) -> Path:
    """Write the module; whoever has the folder on PYTHONPATH can import it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(text)
    return folder


def numbered_frames(n: int) -> list[Atoms]:
    """Cells of four atoms; x of the first is a hundredth of the frame's number."""
    frames = []
    for number in range(n):
        atoms = bulk("Cu", a=3.65, cubic=True)
        atoms.rattle(0.05, seed=number)
        atoms.positions[0] = [0.01 * number, 0.0, 0.0]
        frames.append(atoms)
    return frames


def write_file(frames: list[Atoms], path: Path) -> list[Atoms]:
    """Write frames as a file that a trainer reads; return them as it will see them."""
    from tm23flows.trainers.frames import read_geometries

    write(path, frames, format="extxyz")
    return read_geometries(path)


def make_interpreter(folder: Path) -> Path:
    """Make a second interpreter with a calculator that this one has not, numpy and ASE."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    shared = {str(Path(one.__file__).parents[1]) for one in (np, ase)}
    (site / "shared.pth").write_text("\n".join(sorted(shared)))
    write_module(site, "elsewhere")
    about = site / "elsewhere_kit-4.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere-kit\nVersion: 4.2\n")
    (about / "top_level.txt").write_text("elsewhere\n")
    (about / "RECORD").write_text("elsewhere.py,,\n")
    return folder / "bin" / "python"
