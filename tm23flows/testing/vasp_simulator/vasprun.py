"""The text of vasprun.xml, block by block.

Owns the layout, which is VASP 6's. Numbers have more digits than VASP writes (16 decimals in
positions, 12 elsewhere), so that runs can be compared to 1e-10.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import isinf, isnan
from time import gmtime, strftime

import numpy as np

from tm23flows.testing.vasp_simulator.electrons import Energies
from tm23flows.testing.vasp_simulator.inputs import Inputs
from tm23flows.testing.vasp_simulator.kpoints import points
from tm23flows.testing.vasp_simulator.motion import Kinetics
from tm23flows.testing.vasp_simulator.tags import GROUPS, Value

VERSION = "6.4.3-simulator"
KBAR = 1602.1766208
"""1 eV/A^3 in kB."""

STEP_END = " </calculation>\n"
END = "</modeling>\n"


@dataclass(frozen=True)
class Step:
    """One finished ionic step: geometry, forces in eV/A, stress (3, 3) in eV/A^3, energies.

    The stress has ASE's sign; ``kinetics`` are those of molecular dynamics.
    """

    number: int
    fractional: np.ndarray
    forces: np.ndarray
    stress: np.ndarray
    energies: Energies
    kinetics: Kinetics | None


def number(value: float, decimals: int = 12, width: int = 22) -> str:
    """Write a number as Fortran does.

    Parameters
    ----------
    value
        Infinity stands for what does not fit into its field.
    decimals, width
        Of the field.

    Returns
    -------
    The text: stars for infinity, ``NaN`` for no number.
    """
    if isinf(value):
        return " " + "*" * (width - 1)
    return f"{'NaN':>{width}}" if isnan(value) else f"{value:{width}.{decimals}f}"


def _varray(name: str, array: np.ndarray, indent: str, decimals: int = 12) -> list[str]:
    rows = [
        f"{indent} <v>{''.join(number(x, decimals, decimals + 10) for x in row)} </v>"
        for row in array
    ]
    return [f'{indent}<varray name="{name}" >', *rows, f"{indent}</varray>"]


def _tag(name: str, value: Value) -> str:
    if isinstance(value, bool):
        return f'<i type="logical" name="{name}"> {"T" if value else "F"}  </i>'
    if isinstance(value, int):
        return f'<i type="int" name="{name}">{value:6d}</i>'
    if isinstance(value, str):
        return f'<i type="string" name="{name}">{escape(value, quote=False)}</i>'
    if isinstance(value, list):
        return f'<v name="{name}">{"".join(number(x, 8, 16) for x in value)}</v>'
    return f'<i name="{name}">{value:16.8f}</i>'


def structure(name: str | None, cell: np.ndarray, fractional: np.ndarray, indent: str) -> list[str]:
    """Write a structure.

    Parameters
    ----------
    name
        initialpos, finalpos or None inside a calculation.
    cell, fractional
        Rows are vectors in angstrom, and positions in their units.
    indent
        Spaces before each line.

    Returns
    -------
    Lines.
    """
    title = f' name="{name}" ' if name else ""
    volume = abs(float(np.linalg.det(cell)))
    return [
        f"{indent}<structure{title}>",
        f"{indent} <crystal>",
        *_varray("basis", cell, indent + "  ", 16),
        f'{indent}  <i name="volume">{number(volume)} </i>',
        *_varray("rec_basis", np.linalg.inv(cell).T, indent + "  "),
        f"{indent} </crystal>",
        *_varray("positions", fractional, indent + " ", 16),
        f"{indent}</structure>",
    ]


def head(inputs: Inputs) -> str:
    """Write everything before the first step.

    Parameters
    ----------
    inputs
        The problem.

    Returns
    -------
    The text, up to and with the initial positions.
    """
    kind = "gamma-only" if inputs.build == "gam" else "complex"
    generator = {
        "program": "vasp ",
        "version": VERSION + "  ",
        "subversion": f"simulator (tm23flows testing, build {inputs.build}) {kind} serial",
        "platform": "simulator",
        "date": strftime("%Y %m %d", gmtime()),
        "time": strftime("%H:%M:%S", gmtime()),
    }
    named = [f'  <i name="{k}" type="string">{v}</i>' for k, v in generator.items()]
    lines = ['<?xml version="1.0" encoding="ISO-8859-1"?>', "<modeling>", " <generator>", *named]
    lines += [" </generator>", " <incar>"]
    lines += ["  " + _tag(name, value) for name, value in inputs.given.items()]
    lines += [" </incar>", *_kpoints(inputs), *_parameters(inputs), *_atoms(inputs)]
    poscar = inputs.poscar
    lines += structure("initialpos", poscar.cell, poscar.start, " ")
    return "\n".join(lines) + "\n"


def _kpoints(inputs: Inputs) -> list[str]:
    where, weights = points(inputs.mesh)
    divisions = "".join(f"{n:9d}" for n in inputs.mesh.divisions)
    mesh = np.array(inputs.mesh.divisions)
    vectors = [
        f'   <v name="{name}">{"".join(number(x, 8, 16) for x in row)} </v>'
        for name, row in (
            ("usershift", inputs.mesh.shift),
            *((f"genvec{i + 1}", row) for i, row in enumerate(np.diag(1 / mesh))),
            ("shift", (0.0, 0.0, 0.0)),
        )
    ]
    return [
        " <kpoints>",
        f'  <generation param="{inputs.mesh.style}">',
        f'   <v type="int" name="divisions">{divisions} </v>',
        *vectors,
        "  </generation>",
        *_varray("kpointlist", where, "  ", 8),
        *_varray("weights", weights[:, None], "  ", 8),
        " </kpoints>",
    ]


def _parameters(inputs: Inputs) -> list[str]:
    """List all tags; the separators inside "electronic" are nested as in VASP."""
    lines = [" <parameters>"]
    inner = [name for name in GROUPS if name.startswith("electronic ")]
    for group in (name for name in GROUPS if name not in inner):
        lines += _separator(inputs, group, "  ", inner if group == "electronic" else [])
    return [*lines, " </parameters>"]


def _separator(inputs: Inputs, group: str, indent: str, inner: list[str]) -> list[str]:
    # the choice of algorithm is in the INCAR only, <parameters> has IALGO
    tags = [name for name in GROUPS[group] if name != "ALGO"]
    lines = [f"{indent} {_tag(name, inputs.reported[name])}" for name in tags]
    for name in inner:
        lines += _separator(inputs, name, indent + " ", [])
    return [f'{indent}<separator name="{group}" >', *lines, f"{indent}</separator>"]


def _atoms(inputs: Inputs) -> list[str]:
    blocks = list(zip(inputs.potcars, inputs.poscar.counts, strict=True))
    atoms = [
        f"    <rc><c>{potcar.element:2s}</c><c>{kind:4d}</c></rc>"
        for kind, (potcar, count) in enumerate(blocks, start=1)
        for _ in range(count)
    ]
    types = [
        f"    <rc><c>{count:4d}</c><c>{potcar.element:2s}</c><c>{potcar.mass_u:16.8f}</c>"
        f"<c>{potcar.valence:16.8f}</c><c>  {potcar.title:<40}</c></rc>"
        for potcar, count in blocks
    ]
    return [
        " <atominfo>",
        f"  <atoms>{len(atoms):8d} </atoms>",
        f"  <types>{len(types):8d} </types>",
        '  <array name="atoms" >',
        '   <dimension dim="1">ion</dimension>',
        '   <field type="string">element</field>',
        '   <field type="int">atomtype</field>',
        *["   <set>", *atoms, "   </set>", "  </array>"],
        '  <array name="atomtypes" >',
        '   <dimension dim="1">type</dimension>',
        '   <field type="int">atomspertype</field>',
        '   <field type="string">element</field>',
        "   <field>mass</field>",
        "   <field>valence</field>",
        '   <field type="string">pseudopotential</field>',
        *["   <set>", *types, "   </set>", "  </array>", " </atominfo>"],
    ]


def _energies(energies: Energies, indent: str) -> list[str]:
    return [
        f'{indent} <i name="e_fr_energy">{number(energies.free)} </i>',
        f'{indent} <i name="e_wo_entrp">{number(energies.without_entropy)} </i>',
        f'{indent} <i name="e_0_energy">{number(energies.sigma0)} </i>',
    ]


def electronic_step(energies: Energies) -> str:
    """Write one step of the electronic loop.

    Parameters
    ----------
    energies
        What it found.

    Returns
    -------
    The text.
    """
    return "\n".join(
        [
            "  <scstep>",
            '   <time name="dav">    0.00    0.00</time>',
            '   <time name="total">    0.00    0.00</time>',
            *["   <energy>", *_energies(energies, "   "), "   </energy>", "  </scstep>\n"],
        ]
    )


def step_end(step: Step, cell: np.ndarray) -> str:
    """Write what follows the electronic loop.

    Parameters
    ----------
    step
        What was found; its stress turns into VASP's sign and kB.
    cell
        Rows are the vectors, in angstrom.

    Returns
    -------
    The text, without the end of the calculation.
    """
    moving, kinetics = [], step.kinetics
    if kinetics:
        values = {
            "kinetic": kinetics.kinetic,
            "lattice kinetic": 0.0,
            "nosepot": kinetics.thermostat_potential,
            "nosekinetic": kinetics.thermostat_kinetic,
            "total": kinetics.total(step.energies.free),
        }
        moving = [f'   <i name="{name}">{number(value)} </i>' for name, value in values.items()]
    lines = [
        *structure(None, cell, step.fractional, "  "),
        *_varray("forces", step.forces, "  "),
        *_varray("stress", -KBAR * step.stress, "  "),
        *["  <energy>", *_energies(step.energies, "  "), *moving, "  </energy>"],
        '  <time name="totalsc">    0.00    0.00</time>',
    ]
    return "\n".join(lines) + "\n"
