"""The output files of a run, written step by step.

Owns the open files: all outputs of before are emptied first, everything is flushed at once, and
CONTCAR is replaced after every step. Knows no physics.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TextIO

from tm23flows.testing.vasp_simulator import bands, oszicar, outcar, projections, vasprun
from tm23flows.testing.vasp_simulator.electrons import Energies
from tm23flows.testing.vasp_simulator.inputs import Inputs, describe
from tm23flows.testing.vasp_simulator.poscar import Poscar, rows, write_poscar
from tm23flows.testing.vasp_simulator.vasprun import Step

STREAMS = ("vasprun.xml", "OUTCAR", "OSZICAR", "XDATCAR")


@dataclass
class Outputs:
    """The files of one run and what is needed to go on writing them."""

    folder: Path
    screen: TextIO
    files: dict[str, TextIO]
    started: float = field(default_factory=monotonic)
    last_energy: float = 0.0
    last_sigma0: float = 0.0

    @classmethod
    def open(cls, folder: Path, screen: TextIO) -> Outputs:
        """Empty the outputs of before and open them.

        Parameters
        ----------
        folder
            Where VASP was started.
        screen
            Standard output.

        Returns
        -------
        The files.
        """
        files = {name: (folder / name).open("w", encoding="ascii") for name in STREAMS}
        (folder / "CONTCAR").write_text("")
        return cls(folder, screen, files)

    def write(self, name: str, text: str) -> None:
        """Append to a file and flush it."""
        self.files[name].write(text)
        self.files[name].flush()

    def say(self, text: str) -> None:
        """Write a line to standard output."""
        self.screen.write(text + "\n")
        self.screen.flush()

    def fill_the_disk(self) -> None:
        """Let every further write fail as on a full disk; what is written stays."""
        full = os.open("/dev/full", os.O_WRONLY)
        for file in self.files.values():
            os.dup2(full, file.fileno())
        os.close(full)

    def begin(self, inputs: Inputs) -> None:
        """Write the heads of all files."""
        self.say(f" vasp.{vasprun.VERSION} (tm23flows testing, build {inputs.build})")
        if inputs.guess:
            self.say(" WAVECAR or CHGCAR of before is used")
        self.write("vasprun.xml", vasprun.head(inputs))
        self.write("OUTCAR", outcar.head(inputs))
        poscar = inputs.poscar
        frame = [poscar.title or "unknown", "   1.0", *rows(poscar.cell)]
        frame += [" ".join(poscar.symbols), " ".join(map(str, poscar.counts))]
        self.write("XDATCAR", "\n".join(frame) + "\n")

    def begin_step(self) -> None:
        """Open the block of an ionic step."""
        self.write("vasprun.xml", " <calculation>\n")
        self.write("OSZICAR", oszicar.HEADER)
        self.say(oszicar.HEADER.rstrip())
        self.last_energy = 0.0

    def electronic(self, step: int, k: int, energies: Energies, inputs: Inputs) -> None:
        """Write one electronic step."""
        change = energies.free - self.last_energy
        self.last_energy = energies.free
        line = oszicar.electronic_step(k, energies.free, change)
        seconds = monotonic() - self.started
        self.write("vasprun.xml", vasprun.electronic_step(energies))
        self.write("OUTCAR", outcar.electronic_step(step, k, energies, inputs, seconds))
        self.write("OSZICAR", line)
        self.say(line.rstrip())

    def end_step(self, step: Step, inputs: Inputs, seconds: float, *, converged: bool) -> None:
        """Write what follows the electronic loop."""
        cell = inputs.poscar.cell
        reason = "because EDIFF is reached" if converged else "EDIFF was not reached (unconverged)"
        self.write("OUTCAR", f"{'-' * 24} aborting loop {reason} {'-' * 40}\n\n")
        self.write("OUTCAR", outcar.step_end(step, cell))
        time = f"cpu time {seconds:11.4f}: real time {seconds:11.4f}"
        self.write("OUTCAR", f"     LOOP+:  {time}\n\n")
        change = step.energies.sigma0 - self.last_sigma0
        line = oszicar.step_end(step, change)
        self.last_sigma0 = step.energies.sigma0
        self.write("OSZICAR", line)
        self.say(line.rstrip())
        frame = [f"Direct configuration={step.number:6d}", *rows(step.fractional)]
        self.write("XDATCAR", "\n".join(frame) + "\n")
        is_last = step.number >= inputs.tags["NSW"]
        electronic = _electronic(inputs) if is_last else ""
        self.write("vasprun.xml", vasprun.step_end(step, cell) + electronic + vasprun.STEP_END)

    def contcar(self, poscar: Poscar) -> None:
        """Replace CONTCAR: the positions of the step just done, and the way on from there."""
        (self.folder / "CONTCAR").write_text(write_poscar(poscar), encoding="ascii")

    def end(self, inputs: Inputs, last: Poscar) -> None:
        """Write the ends of all files, wave functions and charge, and close them."""
        final = vasprun.structure("finalpos", last.cell, last.start, " ")
        self.write("vasprun.xml", "\n".join(final) + "\n" + vasprun.END)
        self.write("OUTCAR", outcar.tail(monotonic() - self.started))
        for file in self.files.values():
            file.close()
        still = Poscar(describe(last), last.cell, last.symbols, last.counts, last.fractional)
        if inputs.tags["LWAVE"]:
            (self.folder / "WAVECAR").write_text(write_poscar(still), encoding="ascii")
        if inputs.tags["LCHARG"]:
            text = write_poscar(still) + "\n   2   2   2\n" + " 1.0E+00" * 8 + "\n"
            (self.folder / "CHGCAR").write_text(text, encoding="ascii")


def _electronic(inputs: Inputs) -> str:
    """Write the states at the end of the last step."""
    if inputs.tags["LORBIT"] in projections.ORBITALS:
        return projections.block(inputs)
    return bands.block(inputs.mesh, inputs.tags["SIGMA"])
