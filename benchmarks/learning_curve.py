"""What FLARE's learning curve costs, against its largest point alone.

Frames of copper at 1.25 times its melting temperature are made with EMT and sampled as the
article samples its own: 5 fs a step, every tenth step. Three ways take turns in one run, each in
processes of its own:

curve    one model is grown through all sizes, as the flow of learning curves does it
largest  the largest size is trained alone
single   every size is trained alone, the largest one too; once, because it takes long

Costs are processor seconds of the workers from start to end, with their imports. The largest
model of the curve must be the one that was trained alone, and so must the others.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.md.langevin import Langevin

from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.power_law import bootstrap_power_law, fit_power_law
from tm23flows.trainers.base import Predictions, TrainResult
from tm23flows.trainers.flare import FlareTrainer

LATTICE_CONSTANT_A = 3.61
TEMPERATURE_K = 1697.0
TIMESTEP_FS, STRIDE, DISCARD = 5.0, 10, 200
AIM = 1.2
SEED = 0


def main() -> None:
    options = parse()
    sizes = sorted(set(options.sizes))
    frames = make_frames(options.size, sizes[-1] + options.test)
    with tempfile.TemporaryDirectory(prefix="tm23-learning-curve-") as name:
        folder = Path(name)
        runs, results = train_in_turns(folder, frames[: sizes[-1]], sizes, options)
        report = {
            "benchmark": "learning_curve",
            "settings": {key: value for key, value in vars(options).items() if key != "json"},
            "atoms": len(frames[0]),
            "runs": runs,
            "same": compare(folder, results, frames[-options.test :], sizes),
        }
    report["summary"] = summarise(runs)
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[20, 60, 100, 140, 180],
        help="numbers of training frames; the article's are 100 300 500 700 900",
    )  # fmt: skip
    parser.add_argument("--test", type=int, default=40, help="number of test frames")
    parser.add_argument("--size", type=int, default=2, help="multiples of the cubic cell")
    parser.add_argument("--repeats", type=int, default=3, help="turns of curve and largest")
    parser.add_argument("--no-single", action="store_true", help="do not train each size alone")
    parser.add_argument(
        "--set", nargs="*", default=["environments_per_frame=1"], metavar="KEY=VALUE",
        help="hyperparameters that differ from FLARE's defaults here",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="write everything to this file")
    return parser.parse_args()


def make_frames(size: int, count: int) -> list[Atoms]:
    """Sample hot copper with a vacancy, with energies, forces and stresses of EMT."""
    atoms = bulk("Cu", "fcc", a=LATTICE_CONSTANT_A, cubic=True).repeat((size,) * 3)
    del atoms[0]
    atoms.calc = EMT()
    random = np.random.default_rng(SEED)
    motion = Langevin(
        atoms,
        TIMESTEP_FS * units.fs,
        temperature_K=TEMPERATURE_K,
        friction=0.02 / units.fs,
        rng=random,
        fixcm=False,
    )
    motion.run(DISCARD)
    frames = []
    for _ in range(count):
        motion.run(STRIDE)
        frame = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
        frame.calc = SinglePointCalculator(
            frame,
            energy=atoms.get_potential_energy(),
            forces=atoms.get_forces(),
            stress=atoms.get_stress(),
        )
        frames.append(frame)
    return frames


def train_in_turns(
    folder: Path, frames: Sequence[Atoms], sizes: Sequence[int], options: argparse.Namespace
) -> tuple[list[dict[str, Any]], dict[str, dict[int, TrainResult]]]:
    """Train all ways; return costs, and the last results by way and size."""
    trainer = FlareTrainer()
    settings = trainer.hyperparameters(**dict(one.split("=", 1) for one in options.set))
    for n in sizes:
        (folder / f"data-{n}").mkdir()
        write(folder / f"data-{n}" / "train.xyz", frames[:n], format="extxyz")
    data = folder / f"data-{sizes[-1]}"
    rows, results = [], {}

    def run(way: str, turn: int, do: Callable[[Path], dict[int, TrainResult]]) -> None:
        cost, done = measure(lambda: do(folder / f"{way}-{turn}"))
        rows.append({"way": way, "turn": turn, **cost, "elapsed_s": worker_seconds(done)})
        results[way] = done
        print(f"{way} {turn + 1}: {cost['cpu_s']:.1f} s of CPU", file=sys.stderr)

    def curve(work: Path) -> dict[int, TrainResult]:
        return trainer.train_sizes(data, settings, work, SEED, sizes)

    def largest(work: Path) -> dict[int, TrainResult]:
        return {sizes[-1]: trainer.train(data, settings, work, SEED)}

    def single(work: Path) -> dict[int, TrainResult]:
        return {
            n: trainer.train(folder / f"data-{n}", settings, work / str(n), SEED) for n in sizes
        }

    for turn in range(options.repeats):
        ways = [("curve", curve), ("largest", largest)]
        for way, do in ways if turn % 2 == 0 else reversed(ways):
            run(way, turn, do)
    if not options.no_single:
        run("single", 0, single)
    return rows, results


def measure(
    do: Callable[[], dict[int, TrainResult]],
) -> tuple[dict[str, float], dict[int, TrainResult]]:
    """Return processor time of the workers, wall time, and what came out."""
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = do()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": cpu_s, "wall_s": time.perf_counter() - clock}, done


def worker_seconds(done: dict[int, TrainResult]) -> list[float]:
    """Return how long each model took as its worker says, without imports."""
    return [float(one.summary["elapsed_s"]) for one in done.values()]


def compare(
    folder: Path,
    results: dict[str, dict[int, TrainResult]],
    test: Sequence[Atoms],
    sizes: Sequence[int],
) -> dict[str, Any]:
    """Compare grown models with those that were trained alone, and fit the curve."""
    write(folder / "test.xyz", test, format="extxyz")
    alone = results.get("single", results["largest"])
    grown = {n: predict(folder, f"curve-{n}", results["curve"][n]) for n in sizes}
    rows = []
    for n, one in alone.items():
        other = predict(folder, f"alone-{n}", one)
        names = ("sigma", "noise_energy", "noise_force", "noise_stress")
        rows.append(
            {
                "n_train": n,
                "energy_eV": float(np.abs(grown[n].energies - other.energies).max()),
                "force_eV_per_A": float(np.abs(forces(grown[n]) - forces(other)).max()),
                "hyperparameters": max(
                    abs(float(results["curve"][n].summary[key]) / float(one.summary[key]) - 1)
                    for key in names
                ),
            }
        )
    errors = [
        [
            float(np.abs(a - b.get_forces()).mean())
            for a, b in zip(grown[n].forces, test, strict=True)
        ]
        for n in sizes
    ]
    return {"models": rows, "curve": law(sizes, errors)}


def predict(folder: Path, name: str, result: TrainResult) -> Predictions:
    model = folder / f"model-{name}"
    model.mkdir()
    for called, path in result.files.items():
        (model / called).write_bytes(path.read_bytes())
    return FlareTrainer().predict(model, folder / "test.xyz", folder / f"predict-{name}")


def forces(found: Predictions) -> np.ndarray:
    return np.concatenate(found.forces)


def law(sizes: Sequence[int], errors: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Fit the force errors of the curve."""
    means = [float(np.mean(one)) for one in errors]
    found: dict[str, Any] = {"sizes": list(sizes), "force_mae_eV_per_A": means}
    if len(sizes) > 1:
        fit = fit_power_law(sizes, means)
        n = len(errors[0])
        interval = bootstrap_power_law(sizes, errors, np.ones(n), [0] * n, Bootstrap())
        found |= {
            "exponent": fit.exponent,
            "r_squared": fit.r_squared,
            "interval": interval and list(interval.exponent),
        }
    return found


def summarise(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Take medians, and the ratio of each turn."""
    by_way: dict[str, list[float]] = {}
    for row in runs:
        by_way.setdefault(row["way"], []).append(row["cpu_s"])
    turns = {(row["way"], row["turn"]): row["cpu_s"] for row in runs}
    ratios = [turns["curve", turn] / turns["largest", turn] for turn in range(len(by_way["curve"]))]
    summary: dict[str, Any] = {f"{way}_cpu_s": median(cost) for way, cost in by_way.items()}
    summary |= {"curve_to_largest": median(ratios), "ratios": ratios, "aim": AIM}
    if "single" in by_way:
        summary["single_to_largest"] = summary["single_cpu_s"] / summary["largest_cpu_s"]
    return summary


def show(report: dict[str, Any]) -> None:
    summary, same = report["summary"], report["same"]
    for way in ("curve", "largest", "single"):
        if f"{way}_cpu_s" in summary:
            print(f"{way:<10}{summary[f'{way}_cpu_s']:10.1f} s of CPU")
    ratios = ", ".join(f"{one:.3f}" for one in summary["ratios"])
    print(f"curve / largest: {summary['curve_to_largest']:.3f} ({ratios}); aim {AIM}")
    if "single_to_largest" in summary:
        print(f"single / largest: {summary['single_to_largest']:.2f}")
    print("grown against alone, largest differences:")
    for row in same["models"]:
        print(
            f"{row['n_train']:6d} frames: {row['energy_eV']:.1e} eV, {row['force_eV_per_A']:.1e} "
            f"eV/A, hyperparameters {row['hyperparameters']:.1e}"
        )
    print(f"curve: {json.dumps(same['curve'])}")


if __name__ == "__main__":
    main()
