"""How long the report takes for all metals of the article, and how large it is.

A made archive: 27 metals, each with labelled frames of three runs and the predictions of three
models, with errors that were drawn. Nothing in it is physics. The report is written from it as from
any other; the time of the whole command is compared with that of reading the same predictions and
labels, which no report could do without. Filling the archive is not timed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Energies, Label
from tm23flows.documents.model import Model, ModelFile
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Dynamics, Trajectory
from tm23flows.jobs.evaluation import evaluation_of
from tm23flows.report.page import write_report
from tm23flows.science.metals import METALS
from tm23flows.science.protocol import Regime, temperature_K
from tm23flows.store.archive import Archive
from tm23flows.store.datasets.names import name_dataset
from tm23flows.testing.database import local_database
from tm23flows.trainers.base import Predictions

TRAINERS = ("flare", "nequip", "allegro")
N_ATOMS = 31
BATCH = 1000


def fill(archive: Archive, metals: Sequence[str], n_frames: int, seed: int = 0) -> None:
    """Put a made benchmark into an archive.

    Parameters
    ----------
    archive
        An empty archive.
    metals
        Chemical symbols.
    n_frames
        Frames of each metal, a third at each temperature.
    seed
        Seed of all numbers.
    """
    rng = np.random.default_rng(seed)
    for place, element in enumerate(metals):
        labels = list(_labels(archive, element, n_frames, rng))
        dataset = Dataset(
            provenance=Provenance.now(),
            element=element,
            parts={"test": tuple(one.id for one in labels)},
            rule="full",
            query={},
        )
        archive.put(dataset)
        name_dataset(archive, f"{element}-made", dataset)
        for trainer in TRAINERS:
            error = (0.02 + 0.004 * place) * (1 + TRAINERS.index(trainer))
            _evaluate(archive, dataset, labels, trainer, error, rng)


def _labels(
    archive: Archive, element: str, n_frames: int, rng: np.random.Generator
) -> Iterator[Label]:
    recipe = Recipe(engine="emt", xc="none")
    cell = np.diag([9.0, 9.0, 9.0])
    structure = Structure(
        provenance=Provenance.now(),
        element=element,
        numbers=np.full(N_ATOMS, 29),
        cell=cell,
        positions=rng.random((N_ATOMS, 3)) * 9,
        phase="made",
        phase_source="drawn",
        basis="given",
        supercell_matrix=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        supercell_rule="given",
        min_length_A=None,
        min_image_distance_A=9.0,
        vacancy_index=None,
        vacancy_seed=None,
    )
    archive.put(structure)
    for regime in Regime:
        run = Trajectory(
            provenance=Provenance.now(),
            structure_id=structure.id,
            element=element,
            regime=str(regime),
            recipe=recipe,
            dynamics=Dynamics(temperature_K=temperature_K(element, regime)),
        )
        archive.put(run)
        waiting = []
        for number in range(n_frames // len(Regime)):
            waiting.append(_frame(structure, run, 1010 + 10 * number, rng))
            if len(waiting) == BATCH:
                yield from _keep(archive, waiting, recipe, rng)
                waiting = []
        if waiting:
            yield from _keep(archive, waiting, recipe, rng)


def _frame(structure: Structure, run: Trajectory, step: int, rng: np.random.Generator) -> Frame:
    return Frame(
        provenance=Provenance.now(),
        element=run.element,
        regime=run.regime,
        temperature_K=run.dynamics.temperature_K,
        trajectory_id=run.id,
        step=step,
        time_fs=5.0 * step,
        numbers=structure.numbers,
        cell=structure.cell,
        positions=structure.positions + 0.1 * rng.standard_normal((N_ATOMS, 3)),
    )


def _keep(
    archive: Archive, frames: list[Frame], recipe: Recipe, rng: np.random.Generator
) -> Iterator[Label]:
    labels = []
    for frame in frames:
        energy = -3.5 * N_ATOMS + 0.3 * rng.standard_normal()
        labels.append(
            Label(
                provenance=frame.provenance,
                frame_id=frame.id,
                recipe=recipe,
                recipe_id=recipe.id,
                element=frame.element,
                regime=frame.regime,
                temperature_K=frame.temperature_K,
                trajectory_id=frame.trajectory_id,
                step=frame.step,
                n_atoms=N_ATOMS,
                energies=Energies(free=energy, sigma0=energy, without_entropy=energy),
                forces=0.8 * rng.standard_normal((N_ATOMS, 3)),
                stress=0.02 * rng.standard_normal(6),
            )
        )
    archive.put(*frames)
    archive.put(*labels)
    yield from labels


def _evaluate(
    archive: Archive,
    dataset: Dataset,
    labels: list[Label],
    trainer: str,
    error: float,
    rng: np.random.Generator,
) -> Evaluation:
    model = Model(
        provenance=Provenance.now({trainer: "made"}),
        trainer=trainer,
        hyperparameters={"made": True},
        seed=0,
        dataset_id=dataset.id,
        part="test",
        files=(ModelFile(name="model.bin", blob=archive.blobs.put(trainer.encode())),),
        wall_s=100.0,
    )
    predictions = Predictions(
        energies=np.array([one.energies.free + error * rng.standard_normal() for one in labels]),
        forces=tuple(one.forces + error * rng.standard_normal((N_ATOMS, 3)) for one in labels),
        stresses=np.array([one.stress + 0.02 * error * rng.standard_normal(6) for one in labels]),
        uncertainties=None,
    )
    evaluation = evaluation_of(
        archive, model, dataset, "test", "mean-per-atom", labels, predictions
    )
    archive.put(model, evaluation)
    return evaluation


def read_everything(archive: Archive) -> int:
    """Read all blobs that tables are made from.

    Parameters
    ----------
    archive
        A filled archive.

    Returns
    -------
    Number of predicted forces.
    """
    found = 0
    stored = archive.database["evaluations"].find({}, {"_id": 1})
    for one in archive.get_many(Evaluation, [one["_id"] for one in stored]):
        found += len(archive.blobs.get_arrays(one.predictions)["forces"])
        archive.blobs.get_arrays(one.reference)
    return found


def main() -> None:
    """Fill an archive, write the report several times and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metals", type=int, default=len(METALS))
    parser.add_argument("--frames", type=int, default=3000, help="Frames of each metal.")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path, help="File for all numbers.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with local_database(folder / "db") as info:
            archive = Archive.open(info.uri, "tm23")
            fill(archive, list(METALS)[: asked.metals], asked.frames)
            rows = [_measure(archive, folder / "index.html") for _ in range(asked.repeat)]
    summary = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    found = {
        "benchmark": "report",
        "metals": asked.metals,
        "frames": asked.frames,
        "models": len(TRAINERS),
        "runs": rows,
        "summary": summary,
    }
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=1))
    print(f"{asked.metals} metals x {asked.frames} frames x {len(TRAINERS)} models, medians:")
    for key, value in summary.items():
        print(f"  {key.replace('_', ' ')}: {value:.3g}")


def _measure(archive: Archive, path: Path) -> dict[str, float]:
    start = time.perf_counter()
    n_forces = read_everything(archive)
    middle, cpu = time.perf_counter(), time.process_time()
    write_report(archive, path)
    end = time.perf_counter()
    return {
        "read_s": middle - start,
        "report_s": end - middle,
        "report_cpu_s": time.process_time() - cpu,
        "report_to_read": (end - middle) / (middle - start),
        "megabytes": path.stat().st_size / 1e6,
        "forces": n_forces,
    }


if __name__ == "__main__":
    main()
