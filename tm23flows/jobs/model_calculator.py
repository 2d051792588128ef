"""A stored model as a calculator of ASE, inside a job.

Owns the way from the id of a model to its calculator: the files come out of the archive, checked,
into a folder that is gone afterwards. What serves the numbers is in
:mod:`tm23flows.trainers.calculator`; what is done with them is the business of each job.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tm23flows.documents.model import Model
from tm23flows.store.exchange.models import write_model_file
from tm23flows.trainers.calculator import model_calculator

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

    from tm23flows.store.archive import Archive


@contextmanager
def stored_model(archive: Archive, model_id: str) -> Iterator[Calculator]:
    """Serve a stored model as a calculator while the block lasts.

    Parameters
    ----------
    archive
        The archive.
    model_id
        The model.

    Yields
    ------
    Its calculator: energies in eV, forces in eV/A, stress in eV/A^3 with the sign and the order
    of ASE. Several atoms objects may use it, one after the other.

    Raises
    ------
    NotFoundError
        If the model or one of its files is not in the archive.
    InputError
        If its trainer is unknown or cannot serve; from a calculation, if the atoms are not
        periodic or of an element that the model does not know.
    MissingDependencyError
        If the library of its trainer is not installed.
    TrainingError
        If the worker cannot load it, or fails in a calculation.
    """
    model = archive.get(Model, model_id)
    with tempfile.TemporaryDirectory(prefix="tm23-model-") as scratch:
        folder = Path(scratch)
        for one in model.files:
            write_model_file(archive, one, folder / "model")
        with model_calculator(model.trainer, folder / "model", folder / "work") as calculator:
            yield calculator
