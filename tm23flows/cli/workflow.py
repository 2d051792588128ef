"""The words by which ``tm23 build``, ``run`` and ``plan`` are told what to do.

Owns those options and the way from them to a flow, so that all three commands mean the same
by the same words. Files and the Materials Project are read
here, once: workers need neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tm23flows.cli.all_metals import ALL, named_metals
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from jobflow import Flow

    from tm23flows.documents.structure import Crystal
    from tm23flows.flows.structure import StructureMaker

Metals = Annotated[
    list[str],
    typer.Argument(help="Chemical symbols, such as Cu Ti, or 'all' for the 27 metals of TM23."),
]
Scale = Annotated[str, typer.Option(help="demo (minutes) or paper (TM23's own protocol).")]
Engine = Annotated[str, typer.Option(help="vasp or gpaw (real DFT), or emt (not DFT, for tests).")]
Phase = Annotated[
    str | None,
    typer.Option(
        help="Another phase than the metal's own: fcc, bcc, hcp, omega, rhombohedral or "
        "alpha-Mn, at the volume per atom of its own."
    ),
]
StructureFile = Annotated[
    Path | None,
    typer.Option(
        "--structure",
        help="File of the perfect unit cell of one metal (POSCAR, cif, extxyz and what else ASE "
        "or pymatgen reads). It is repeated as it is, and one atom is taken out. Workers do "
        "not need the file.",
    ),
]
MaterialId = Annotated[
    str | None,
    typer.Option(
        "--mp-id", help="Phase by its id in the Materials Project, such as mp-30; see --mp."
    ),
]
MaterialsProject = Annotated[
    bool,
    typer.Option(
        "--mp",
        help="Of the observed phases in the Materials Project the lowest above the hull, as in "
        "the article. Needs mp-api and a key in MP_API_KEY.",
    ),
]
Supercell = Annotated[
    str | None,
    typer.Option(
        metavar="AxBxC",
        help="Multiples of the unit cell, such as 3x3x2; left out, the smallest with 7 A between "
        "an atom and its images (paper), or one of about 8 sites (demo).",
    ),
]


@dataclass(frozen=True)
class Cell:
    """What was said about the structure.

    Parameters
    ----------
    phase
        Name of a phase.
    file
        File of a unit cell.
    material_id
        Id in the Materials Project.
    from_project
        Whether the Materials Project shall choose.
    supercell
        Multiples of the unit cell, as three numbers with ``x`` between them.
    """

    phase: str | None = None
    file: Path | None = None
    material_id: str | None = None
    from_project: bool = False
    supercell: str | None = None

    def check(self, metals: list[str]) -> None:
        """Refuse words that contradict each other.

        Parameters
        ----------
        metals
            What the cells are for.

        Raises
        ------
        InputError
            With one sentence that says what to leave out.
        """
        said = {
            "--phase": self.phase is not None,
            "--structure": self.file is not None,
            "--mp-id": self.material_id is not None,
            "--mp": self.from_project,
        }
        words = [name for name, given in said.items() if given]
        if len(words) > 1:
            raise InputError(f"{' and '.join(words)} contradict each other: choose one of them.")
        if len(metals) > 1 and words and words[0] in ("--structure", "--mp-id"):
            raise InputError(f"{words[0]} is for one metal, not for {', '.join(metals)}.")

    def maker(self, metal: str) -> StructureMaker:
        """Return what makes the structure of a metal.

        Parameters
        ----------
        metal
            Chemical symbol.

        Returns
        -------
        The Maker.

        Raises
        ------
        InputError
            If there is no such cell.
        """
        from tm23flows.flows.structure import StructureMaker

        crystal = self._crystal(metal)
        if crystal is not None:
            typer.echo(f"{metal}: {crystal.phase}; {crystal.source}", err=True)
        fields: dict[str, Any] = {"phase": self.phase, "supercell": _multiples(self.supercell)}
        if crystal is not None:
            fields["crystal"] = crystal.model_dump(mode="json")
        if self.file is not None:
            fields["basis"] = "given"
        return StructureMaker(**fields)

    def _crystal(self, metal: str) -> Crystal | None:
        if self.file is not None:
            from tm23flows.ops.structure_sources import read_crystal

            return read_crystal(self.file, metal)
        if self.material_id is not None or self.from_project:
            from tm23flows.ops.materials_project import fetch_crystal

            return fetch_crystal(metal, self.material_id)
        return None


def make_flow(metals: list[str], scale: str, engine: str, cell: Cell) -> Flow:
    """Wire the road of some metals.

    Parameters
    ----------
    metals
        Chemical symbols, or ``all``.
    scale
        ``demo`` or ``paper``.
    engine
        Name of the engine.
    cell
        What was said about the structure.

    Returns
    -------
    The flow.

    Raises
    ------
    InputError
        With one sentence about what cannot be made.
    """
    from tm23flows.flows.scales import make_tm23

    name = ALL if ALL in metals else "-".join(metals)
    metals = named_metals(metals)
    cell.check(metals)
    check_metals(metals, scale, engine)
    flows = [make_tm23(one, scale, engine, cell.maker(one)).make(one) for one in metals]
    if len(flows) == 1:
        return flows[0]
    from jobflow import Flow as JobflowFlow

    return JobflowFlow(flows, name=f"{name} {scale}")


def check_metals(metals: list[str], scale: str, engine: str) -> None:
    """Refuse wrong names before anyone is asked for a cell.

    Parameters
    ----------
    metals
        Chemical symbols.
    scale
        ``demo`` or ``paper``.
    engine
        Name of the engine.

    Raises
    ------
    InputError
        If a metal is named twice, or a name is of nothing.
    """
    from tm23flows.flows.scales import make_tm23

    if repeated := sorted({one for one in metals if metals.count(one) > 1}):
        raise InputError(f"{', '.join(repeated)} is named more than once.")
    for one in metals:
        make_tm23(one, scale, engine)


def _multiples(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"A supercell is three numbers above zero such as 3x3x2, not '{text}'.")
    return int(parts[0]), int(parts[1]), int(parts[2])
