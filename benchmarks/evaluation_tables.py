"""What the error tables cost: stored predictions of many frames, with intervals.

Labels and predictions of one evaluation, correlated in time in three runs, lie in an archive as
jobs write them. Two ways take turns in one run:

sums    what the report does: both blobs are read, errors are summed over each frame once, and
        draws of frames are sums of these sums
arrays  each draw takes the components of its frames together and measures them anew; a few draws
        are timed and the rest is a multiple of that

The numbers of both must be the same for the frames as they are. CPU seconds of this process.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.model import Model
from tm23flows.report.benchmark.arrays import read_benchmark
from tm23flows.report.benchmark.error_rows import error_rows
from tm23flows.report.benchmark.errors import error_tables
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.metrics import mae, percent_error, rmse
from tm23flows.store.archive import Archive
from tm23flows.store.predictions import read_predictions
from tm23flows.testing.database import local_database

REGIMES = ("cold", "warm", "melt")
AIM_S = 10.0
SEED = 0


def main() -> None:
    options = parse()
    with (
        tempfile.TemporaryDirectory(prefix="tm23-tables-") as name,
        local_database(Path(name) / "db") as server,
    ):
        archive = Archive.open(server.uri, "tables")
        evaluation = store_evaluation(archive, options.frames, options.atoms)
        report = {
            "benchmark": "evaluation_tables",
            "settings": {key: value for key, value in vars(options).items() if key != "json"},
            **compare(archive, evaluation, options),
        }
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=10_000, help="frames of three runs")
    parser.add_argument("--atoms", type=int, default=50, help="atoms of a frame")
    parser.add_argument("--samples", type=int, default=1000, help="draws of the bootstrap")
    parser.add_argument("--arrays", type=int, default=5, help="draws that the second way is given")
    parser.add_argument("--repeats", type=int, default=3, help="turns")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    return parser.parse_args()


def store_evaluation(archive: Archive, n_frames: int, n_atoms: int) -> Evaluation:
    """Store labels and predictions as the job of an evaluation does."""
    random = np.random.default_rng(SEED)
    shape = n_frames * n_atoms, 3
    regimes = np.sort(np.arange(n_frames) % len(REGIMES))
    forces = random.normal(0, 0.7, shape)
    scale = np.repeat(np.exp(0.3 * correlated(random, n_frames)), n_atoms)[:, None]
    labels = {
        "label_id": np.array([f"{i:064x}" for i in range(n_frames)]),
        "n_atoms": np.full(n_frames, n_atoms),
        "energy": -3.0 * n_atoms + random.normal(size=n_frames),
        "forces": forces,
        "stress": random.normal(0, 0.05, (n_frames, 6)),
        "regime": np.array(REGIMES)[regimes],
        "run": np.array(REGIMES)[regimes],
        "step": np.arange(n_frames),
    }
    predictions = {
        "label_id": labels["label_id"],
        "n_atoms": labels["n_atoms"],
        "energy": labels["energy"] + 0.1 * random.normal(size=n_frames),
        "forces": forces + 0.05 * scale * random.normal(size=shape),
        "stress": labels["stress"] + 0.002 * random.normal(size=(n_frames, 6)),
    }
    dataset = Dataset(
        provenance=Provenance.now(), element="Cu", parts={"test": labels["label_id"].tolist()},
        rule="full", query={},
    )  # fmt: skip
    model = Model(
        provenance=Provenance.now(), trainer="flare", hyperparameters={}, seed=0,
        dataset_id=dataset.id, files=(), wall_s=0.0,
    )  # fmt: skip
    evaluation = Evaluation(
        provenance=Provenance.now(),
        model_id=model.id,
        dataset_id=dataset.id,
        energy_reference="mean-per-atom",
        predictions=archive.blobs.put_arrays(**predictions),
        reference=archive.blobs.put_arrays(**labels),
        errors=(),
    )
    archive.put(dataset, model, evaluation)
    return evaluation


def correlated(random: np.random.Generator, n: int, rho: float = 0.8) -> np.ndarray:
    values = random.standard_normal(n)
    for place in range(1, n):
        values[place] = rho * values[place - 1] + np.sqrt(1 - rho**2) * values[place]
    return values


def compare(archive: Archive, evaluation: Evaluation, options: argparse.Namespace) -> dict:
    bootstrap = Bootstrap(resamples=options.samples)
    ways: dict[str, Callable[[], dict[str, float]]] = {
        "sums": lambda: by_sums(archive, bootstrap),
        "arrays": lambda: by_arrays(archive, evaluation, options.samples, options.arrays),
    }
    runs, numbers = [], {}
    for turn in range(options.repeats):
        for way, measure in ways.items():
            cpu, wall = time.process_time(), time.perf_counter()
            found = measure()
            row = {
                "way": way, "turn": turn, "wall_s": time.perf_counter() - wall,
                "cpu_s": found.pop("cpu_s", time.process_time() - cpu),
            }  # fmt: skip
            numbers[way] = found
            runs.append(row)
    cost = {way: median(row["cpu_s"] for row in runs if row["way"] == way) for way in ways}
    wall = median(row["wall_s"] for row in runs if row["way"] == "sums")
    return {
        "runs": runs,
        "numbers": numbers,
        "summary": {
            "cpu_s": cost,
            "arrays_to_sums": cost["arrays"] / cost["sums"],
            "sums_wall_s": wall,
            "aim_s": AIM_S,
            "largest_difference": max(
                abs(numbers["sums"][name] - value) for name, value in numbers["arrays"].items()
            ),
        },
    }


def by_sums(archive: Archive, bootstrap: Bootstrap) -> dict[str, float]:
    """Make all rows and tables, as the report does."""
    evaluated = read_benchmark(archive, bootstrap=bootstrap)
    error_tables(evaluated)
    row = next(
        row
        for row in error_rows(evaluated)
        if row["quantity"] == "force" and row["temperature"] == "all"
    )
    return {name: row[name] for name in ("mae", "rmse", "percent")}


def by_arrays(
    archive: Archive, evaluation: Evaluation, samples: int, draws: int
) -> dict[str, float]:
    """Measure the force components of each draw of all frames and of each temperature."""
    start = time.process_time()
    frames = read_predictions(archive, evaluation)
    shape = (len(frames.label_ids), -1, 3)
    predicted = frames.predicted.forces_eV_per_A.reshape(shape)
    labelled = frames.reference.forces_eV_per_A.reshape(shape)
    reading, random = time.process_time() - start, np.random.default_rng(SEED)
    groups = [np.arange(shape[0])]
    groups += [np.flatnonzero(np.array(frames.groups) == one) for one in REGIMES]
    start = time.process_time()
    for _ in range(draws):
        for group in groups:
            chosen = random.choice(group, len(group))
            numbers_of(predicted[chosen], labelled[chosen])
    once = (time.process_time() - start) / draws
    return {**numbers_of(predicted, labelled), "cpu_s": reading + samples * once}


def numbers_of(predicted: np.ndarray, labelled: np.ndarray) -> dict[str, float]:
    return {
        "mae": 1000 * mae(predicted, labelled),
        "rmse": 1000 * rmse(predicted, labelled),
        "percent": percent_error(predicted, labelled) or 0.0,
    }


def show(report: dict[str, Any]) -> None:
    summary, settings = report["summary"], report["settings"]
    print(f"{settings['frames']} frames, {settings['samples']} draws, medians in s of CPU:")
    for way, cost in summary["cpu_s"].items():
        print(f"{way:<8}{cost:10.2f}")
    print(f"arrays / sums: {summary['arrays_to_sums']:.0f}")
    print(f"sums, on the clock: {summary['sums_wall_s']:.2f} s; aim {AIM_S:g} s")
    print(f"largest difference of an error: {summary['largest_difference']:.1e} meV/A or %")


if __name__ == "__main__":
    main()
