"""Steps of a vasprun.xml by a real XML parser: correct for every layout, but slow.

Owns the reading of a step from its elements. The scanner is measured against it in the
tests, and turns to it for whatever it does not recognise.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tm23flows.engines.vasp.header import (
    RunHeader,
    keep_section,
    make_header,
    parse_elements,
    rows,
)
from tm23flows.engines.vasp.steps import (
    VaspStep,
    ase_stress,
    energies,
    has_converged,
    motion,
    number,
)
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from lxml.etree import _Element


def parse_steps(path: Path, wanted: range) -> Iterator[VaspStep]:
    """Read steps of a file from its beginning.

    Parameters
    ----------
    path
        A vasprun.xml, plain or compressed.
    wanted
        Numbers of the steps, 1-based.

    Yields
    ------
    The complete steps among them. A file that was cut ends with its last complete step.

    Raises
    ------
    InputError
        If this is no vasprun.xml, or it is damaged.
    """
    found, header, count = {}, None, 0
    for event, element in parse_elements(path, ("calculation",)):
        if element.tag != "calculation":
            if event == "end":
                keep_section(found, element)
            continue
        if event == "start":
            header = header or make_header(found, path.name)
            count += 1
            if count >= wanted.stop:
                return
            continue
        if count in wanted:
            yield step_of(element, count, header, path.name)
        _forget(element)


def parse_block(block: bytes, count: int, header: RunHeader, name: str) -> VaspStep:
    """Read one step from the bytes between its tags.

    Parameters
    ----------
    block
        From ``<calculation>`` to ``</calculation>``, both included.
    count
        Number of the step.
    header
        Of the file.
    name
        Of the file, for messages.

    Returns
    -------
    The step.

    Raises
    ------
    InputError
        If the bytes are damaged.
    """
    from lxml.etree import XMLParser, XMLSyntaxError, fromstring

    parser = XMLParser(encoding="ISO-8859-1", resolve_entities=False, no_network=True)
    try:
        element = fromstring(block, parser)
    except XMLSyntaxError as error:
        raise InputError(f"Step {count} of {name} is damaged: {error.msg}.") from error
    return step_of(element, count, header, name)


def step_of(calculation: _Element, count: int, header: RunHeader, name: str) -> VaspStep:
    """Read one step from its element.

    Parameters
    ----------
    calculation
        The element.
    count
        Number of the step.
    header
        Of the file.
    name
        Of the file, for messages.

    Returns
    -------
    The step.

    Raises
    ------
    InputError
        If geometry, forces or energy are not there, or do not have the shape of the run.
    """
    electronic = calculation.findall("scstep")
    ionic = _energies(calculation)
    arrays = {
        "cell": rows(calculation.find("structure/crystal/varray[@name='basis']")),
        "fractional": rows(calculation.find("structure/varray[@name='positions']")),
        "forces": rows(calculation.find("varray[@name='forces']")),
    }
    stress = rows(calculation.find("varray[@name='stress']"))
    n_atoms = len(header.symbols)
    for what, array in arrays.items():
        wanted = 3 if what == "cell" else n_atoms
        if len(array) != wanted:
            raise InputError(
                f"Step {count} of {name} is damaged: {what} has {len(array)} rows, not {wanted}."
            )
    if "e_fr_energy" not in ionic:
        raise InputError(f"Step {count} of {name} has no free energy.")
    return VaspStep(
        number=count,
        stress=ase_stress(stress) if len(stress) == 3 else None,
        n_scf=len(electronic),
        converged=has_converged(len(electronic), header.n_scf_max),
        **arrays,
        **energies(ionic, _energies(electronic[-1]) if electronic else {}),
        **motion(ionic),
    )


def _energies(parent: _Element) -> dict[str, float]:
    blocks = parent.findall("energy")
    return {i.get("name", ""): number(i.text or "") for i in blocks[-1]} if blocks else {}


def _forget(element: _Element) -> None:
    """Give the memory of a finished step back."""
    element.clear()
    while (before := element.getprevious()) is not None and before.tag == "calculation":
        element.getparent().remove(before)
