"""A stored model as a calculator of ASE, computed by its own worker.

Owns our end: the model is checked, its worker is started in its own interpreter, and
every calculation is a message to it and one back. Nothing of a trainer's library is
imported into this process. ASE's own SocketIOCalculator is not used: it cannot change
the elements (atoms that turn from copper to gold keep the energy of copper, without
an error), leaves its socket in /tmp when this process is killed, and does not bring
home why a calculation failed.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from tm23flows.errors import InputError, TrainingError
from tm23flows.trainers.base import get_trainer
from tm23flows.trainers.frames import (
    check_elements,
    check_geometry,
    read_predictions,
    write_frames,
)
from tm23flows.trainers.prediction import open_model
from tm23flows.trainers.worker import Running, Worker, bring_home, started


@contextmanager
def model_calculator(trainer_name: str, model_dir: Path, workdir: Path) -> Iterator[Calculator]:
    """Serve a model as a calculator while the block lasts.

    Entering takes as long as the trainer needs to load the model. Several atoms
    objects may share the calculator, as long as they are used one after the other
    (``allow_shared_calculator=True`` of ASE's NEB).

    Parameters
    ----------
    trainer_name
        The trainer of the model.
    model_dir
        Folder with the files of the model.
    workdir
        Folder for the log of the worker.

    Yields
    ------
    A calculator of energy and free energy (the same: eV, in the convention of the
    training labels), forces (eV/A) and stress (eV/A^3, ASE's sign and order); its
    results have ``uncertainties`` (atoms,) too where the trainer has them. Any number
    of atoms and any cell will do.

    Raises
    ------
    InputError
        If there is no such trainer or it cannot serve; from a calculation, if the atoms
        are not periodic or of an element that the model does not know.
    MissingDependencyError
        If the trainer's library is not installed.
    TrainingError
        If a file of the model is missing or was changed, or the worker fails.
    """
    trainer: Any = get_trainer(trainer_name)
    if not hasattr(trainer, "worker"):
        raise InputError(f"Models of the trainer '{trainer_name}' cannot be served: predict files.")
    if hasattr(trainer, "opened"):
        worker, model = trainer.opened(model_dir)
    else:
        worker, model = trainer.worker, open_model(trainer.files, model_dir)
    with conversation(worker, model.request, workdir) as (running, connection):
        calculator = ServedCalculator(running, connection, model.elements)
        calculator.wait()
        yield calculator


@contextmanager
def conversation(
    worker: Worker, request: dict[str, Any], workdir: Path
) -> Iterator[tuple[Running, Connection]]:
    """Start the task ``serve`` of a worker, and end it with the block.

    Parameters
    ----------
    worker
        The worker.
    request
        What it needs to load the model.
    workdir
        Folder for its log.

    Yields
    ------
    The worker, and our end of the line to it. Its first message says that it is ready; after
    that it answers every message with one.

    Raises
    ------
    MissingDependencyError
        If the interpreter is not there.
    """
    ours, theirs = socket.socketpair()
    with (
        Connection(ours.detach()) as connection,
        theirs,
        started(worker, "serve", request, workdir.resolve(), theirs.fileno()) as running,
    ):
        theirs.close()
        try:
            yield running, connection
        finally:
            connection.close()


class ServedCalculator(Calculator):
    """A calculator whose numbers come from a worker (made by ``model_calculator``)."""

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def __init__(
        self, running: Running, connection: Connection, elements: list[int] | None
    ) -> None:
        super().__init__()
        self._running, self._connection, self._elements = running, connection, elements

    def wait(self) -> None:
        """Wait until the worker has loaded the model.

        Raises
        ------
        TM23Error
            If it cannot, with its reason.
        """
        self._exchange(None)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Calculate everything there is of the atoms (see ASE's ``Calculator.calculate``).

        Parameters
        ----------
        atoms
            The atoms; None takes those of the last calculation.
        properties
            What is wanted; all of it is computed anyway.
        system_changes
            What has changed; not used.

        Raises
        ------
        InputError
            If they are not periodic, not finite, or of an unknown element.
        TrainingError
            If the worker fails, or has ended.
        """
        super().calculate(atoms, properties, system_changes)
        frames = [self.atoms]
        check_geometry(self.atoms, "This atoms object")
        check_elements(frames, self._elements)
        message = io.BytesIO()
        write_frames(message, frames, labels=False)
        found = read_predictions(io.BytesIO(self._exchange(message.getvalue())), frames)
        if found.failures:
            raise TrainingError(f"The calculator failed: {found.failures[0]}", reason="failed")
        energy = float(found.energies[0])
        self.results = {"energy": energy, "free_energy": energy, "forces": found.forces[0]}
        if found.stresses is not None:
            self.results["stress"] = found.stresses[0]
        if found.uncertainties is not None:
            self.results["uncertainties"] = found.uncertainties[0]

    def _exchange(self, message: bytes | None) -> bytes:
        if self._connection.closed:
            raise TrainingError(
                "The worker of this calculator has ended: use it inside its with block, "
                "and make a new one after an interruption."
            )
        try:
            if message is not None:
                self._connection.send_bytes(message)
            return self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            self._connection.close()
            # studies store the reason, and the folder of the log is gone by then
            bring_home(self._running, name_log=False)
            raise TrainingError("The worker of this calculator ended without a word.") from error
        except BaseException:
            # an answer that comes later must not be taken for that of other atoms
            self._connection.close()
            raise
