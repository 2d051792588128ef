"""How many bytes work leaves behind: in the database, and on the disk of the cluster.

Owns the sizes of what is stored. Arrays follow from the layouts of documents; what stands around
them was measured once and is measured again in every archive that has some of it. How large
the files of a program and of a model are only an archive can say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tm23flows.ops.cost.tasks import Task
from tm23flows.ops.cost.work import LABEL, PREDICTION, STEP
from tm23flows.store.blobs import BLOBS
from tm23flows.store.raw_outputs import COLLECTION as RAW_OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tm23flows.store.archive import Archive

VECTOR_BYTES = 24
"""Three numbers of an atom."""

SAMPLE = 50
"""So many documents of a collection are measured."""


@dataclass(frozen=True)
class Bytes:
    """Sizes of what is stored.

    Parameters
    ----------
    frame, label
        Of a document without the arrays that grow with the atoms, which are positions and
        numbers, and forces.
    step
        Of a step without positions, momenta and forces.
    segment
        Of the blob around the steps, with its part of the document.
    models
        Of the files and the document of a model, by trainer.
    raw
        On the disk for each step or label, by engine; engines that leave no files have none.
    """

    frame: float = 850.0
    label: float = 2000.0
    step: float = 150.0
    segment: float = 4000.0
    models: Mapping[str, float] = field(default_factory=dict)
    raw: Mapping[str, float] = field(default_factory=dict)

    def database_bytes(self, task: Task) -> float:
        """Return what a task adds to the database.

        Parameters
        ----------
        task
            The task.

        Returns
        -------
        Bytes; a model whose trainer was never run here adds nothing.
        """
        n = task.n_atoms or 0
        # a frame has the forces of its step as a label
        total = task.frames * (self.frame + self.label + n * (2 * VECTOR_BYTES + 8))
        for work in task.work:
            if work.kind.unit == STEP:
                total += work.units * (self.step + 3 * VECTOR_BYTES * n)
                total += self.segment * -(-work.units // task.segment_steps)
            elif work.kind.unit == LABEL:
                total += work.units * (self.label + VECTOR_BYTES * n)
            elif work.kind.unit == PREDICTION:
                total += work.units * 2 * (100 + VECTOR_BYTES * n)
            else:
                total += self.models.get(work.kind.program, 0.0)
        return total

    def raw_bytes(self, tasks: Iterable[Task]) -> float | None:
        """Return what tasks leave on the disk of the cluster.

        Parameters
        ----------
        tasks
            The tasks.

        Returns
        -------
        Bytes; None where VASP runs, and no pack of its files was measured yet.
        """
        total = 0.0
        for task in tasks:
            for work in task.work:
                known = self.raw.get(f"{work.kind}", None)
                if known is None and work.kind.program == "vasp":
                    return None
                total += (known or 0.0) * work.units
        return total


def measured_bytes(archive: Archive) -> Bytes:
    """Measure the sizes of what an archive has.

    Parameters
    ----------
    archive
        The archive.

    Returns
    -------
    Sizes; what it has none of is as measured elsewhere.
    """
    found: dict[str, Any] = {}
    for name, collection, per_atom in (
        ("frame", "frames", VECTOR_BYTES + 8),
        ("label", "labels", VECTOR_BYTES),
    ):
        if sizes := _document_bytes(archive, collection, per_atom):
            found[name] = sum(sizes) / len(sizes)
    return Bytes(**found, models=_models(archive), raw=_raw(archive))


def _document_bytes(archive: Archive, collection: str, per_atom: int) -> list[float]:
    import bson

    sizes = []
    for one in archive.database[collection].find({}).limit(SAMPLE):
        array = one["forces" if collection == "labels" else "positions"]
        sizes.append(float(len(bson.encode(one)) - per_atom * array["shape"][0]))
    return sizes


def _models(archive: Archive) -> dict[str, float]:
    import bson

    files = archive.database[BLOBS].files
    sizes: dict[str, list[int]] = {}
    for one in archive.database["models"].find({}).limit(SAMPLE):
        blobs = [file["blob"] for file in one["files"]]
        stored = sum(file["length"] for file in files.find({"_id": {"$in": blobs}}, {"length": 1}))
        sizes.setdefault(one["trainer"], []).append(stored + len(bson.encode(one)))
    return {trainer: sum(some) / len(some) for trainer, some in sizes.items()}


def _raw(archive: Archive) -> dict[str, float]:
    """Return bytes per step and label of VASP; a pack of labels has a folder for each."""
    size = {"label": 0, "step": 0}
    units = {"label": 0, "step": 0}
    packed = []
    for one in archive.database[RAW_OUTPUTS].find({"bytes": {"$ne": None}}):
        folders = {member["name"].partition("/")[0] for member in one["members"]}
        labels = sum(name.startswith("label-") for name in folders)
        if labels:
            size["label"] += one["bytes"]
            units["label"] += labels
        else:
            size["step"] += one["bytes"]
            packed.append(one["folder"])
    # not those that were imported, or have no pack yet
    wanted = {"recipe.engine": "vasp", "run_folder": {"$in": packed}}
    runs = archive.database["trajectories"].find(wanted, {"segments.last_step": 1})
    units["step"] = sum(run["segments"][-1]["last_step"] for run in runs if run["segments"])
    return {f"vasp {unit}": size[unit] / units[unit] for unit in size if size[unit] and units[unit]}
