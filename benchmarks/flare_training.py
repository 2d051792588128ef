"""What a FLARE model costs in our loop and in FLARE's own.

Both get the same frames and the same sparse environments. FLARE's loop is the one of
its documentation: ``update_db`` for each frame, which factorises anew, then ``train``,
here with the method, the tolerance, the iterations and the bounds that we use; it is
given the environments that our first pass chose, so it need not look for them. Ours is
all that a training does but starting a process: both passes, every start of the search,
the files. The two take turns in one process with one thread, and the order alternates.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from flare.bffs.sgp import SGP_Wrapper, _C_flare
from flare.bffs.sgp.calculator import SGP_Calculator

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.base import get_engine
from tm23flows.trainers import flare
from tm23flows.trainers.flare_cost import CACHE_BYTES
from tm23flows.trainers.frames import write_frames

sys.path.insert(0, str(Path(flare.__file__).parent / "workers"))

from flare_frame import make_descriptor
from flare_model import FlareCalculator
from flare_optimise import NAMES
from flare_train import Training

TEMPERATURES_K = (300.0, 700.0, 1100.0)
EQUILIBRATION_STEPS, STRIDE = 200, 20
TESTS_PER_GROUP = 10
KBAR = -0.1 / 160.21766208  # into eV/A^3 with ASE's sign
SNAP_ORDER = [0, 1, 2, 4, 5, 3]
FLARE_ORDER = [0, 5, 4, 1, 3, 2]


def main() -> None:
    options = parse()
    groups = read_groups(options.data) if options.data else list(copper(options))
    each = options.frames // len(groups)
    frames = [atoms for group in groups for atoms in group[:each]]
    tests = [atoms for group in groups for atoms in group[each:][-TESTS_PER_GROUP:]]
    overrides = dict(word.split("=", 1) for word in options.set)
    settings = flare.FlareTrainer().hyperparameters(**overrides).model_dump()
    rows = []
    with tempfile.TemporaryDirectory(prefix="tm23-flare-") as folder:
        model = ours(frames, settings, Path(folder, "first"))[1]  # warms up, and chooses
        ways = {
            "ours": lambda: ours(frames, settings, Path(folder, "again"))[::2],
            "flare": lambda: theirs(frames, model),
        }
        for repeat in range(options.repeats):
            row = {}
            for way in sorted(ways, reverse=bool(repeat % 2)):
                clock = time.process_time()
                calculator, likelihood = ways[way]()
                row[way] = {"train_s": time.process_time() - clock, "log_likelihood": likelihood}
                row[way] |= errors(calculator, tests)
            rows.append(row)
            print(f"run {repeat + 1} of {options.repeats}: {row}", file=sys.stderr)
    report = {
        "benchmark": "flare_training",
        "frames": {"train": len(frames), "test": len(tests), "atoms": len(frames[0])},
        "environments": sum(map(len, model["sparse_indices"])),
        "settings": settings,
        "runs": rows,
    }
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=60, help="for training, of all groups")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="of the molecular dynamics")
    parser.add_argument(
        "--data", type=Path, help="JSON file of a SNAP set (energy in eV, stress in kbar): its runs"
    )
    parser.add_argument(
        "--set", nargs="*", default=["nmax=8", "lmax=3", "environments_per_frame=5"],
        metavar="NAME=VALUE", help="hyperparameters of FLARE",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="write everything to this file")
    return parser.parse_args()


def copper(options: argparse.Namespace) -> Iterator[list[Atoms]]:
    """Yield frames of EMT copper with a vacancy, 31 atoms, one group for each temperature."""
    engine = get_engine("emt", Path())
    n_steps = EQUILIBRATION_STEPS + STRIDE * (
        options.frames // len(TEMPERATURES_K) + TESTS_PER_GROUP
    )
    for number, temperature in enumerate(TEMPERATURES_K):
        atoms = bulk("Cu", "fcc", a=3.65, cubic=True).repeat((2, 2, 2))
        del atoms[0]
        dynamics = Dynamics(
            temperature_K=temperature,
            damping_fs=100.0,
            initial_temperature_factor=2.0,
            seed=options.seed + number,
        )
        group = []
        for step in engine.run_md(atoms, Recipe(engine="emt"), dynamics, n_steps):
            past = step.state.step - EQUILIBRATION_STEPS
            if past > 0 and past % STRIDE == 0:
                atoms.set_positions(step.state.positions)
                atoms.calc = EMT()
                values = (atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress())
                group.append(labelled(atoms, *values))
        yield group


def read_groups(path: Path) -> list[list[Atoms]]:
    """Read the molecular dynamics of a SNAP set, one group for each temperature."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as file:
        records = json.load(file)
    groups: dict[int, dict[int, Atoms]] = {}
    for record in records:
        name = (record.get("notes") or {}).get("Md")
        if name is None:
            continue
        temperature, number = map(int, name.split("-"))
        structure, outputs = record["structure"], record["outputs"]
        atoms = Atoms(
            [site["label"] for site in structure["sites"]],
            cell=structure["lattice"]["matrix"],
            scaled_positions=[site["abc"] for site in structure["sites"]],
            pbc=True,
        )
        stress = np.array(outputs["stress"], float)[SNAP_ORDER] * KBAR
        values = (outputs["energy"], np.array(outputs["forces"]), stress)
        groups.setdefault(temperature, {})[number] = labelled(atoms, *values)
    return [[group[i] for i in sorted(group)] for _, group in sorted(groups.items())]


def labelled(atoms: Atoms, energy: float, forces: np.ndarray, stress: np.ndarray) -> Atoms:
    kept = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    kept.calc = SinglePointCalculator(kept, energy=energy, forces=forces, stress=stress)
    return kept


def ours(
    frames: list[Atoms], settings: dict[str, Any], folder: Path
) -> tuple[FlareCalculator, dict[str, Any], float]:
    """Train in our loop: calculator, content of model.json, logarithm of the likelihood."""
    folder.mkdir(exist_ok=True)
    write_frames(folder / "training.npz", frames, labels=True)
    training = Training(
        {
            "frames": str(folder / "training.npz"),
            "folder": str(folder),
            "sizes": [len(frames)],
            "settings": settings,
            "bounds": flare.BOUNDS,
            "noise_fraction": flare.NOISE_FRACTION,
            "cache_bytes": CACHE_BYTES,
            "seed": 0,
            "resume": [],
            "checkpoint_s": 1e9,
            "predicted_s": {"select": 1.0, "add": 1.0, "search": 1.0},
        }
    )
    training.run()
    training.write(len(frames), folder / "model")
    model = json.loads((folder / "model" / "model.json").read_text())
    first = training.state.models[len(frames)]["history"][0]
    model["first"] = {name: first[name] for name in NAMES}
    likelihood = training.summary(len(frames))["log_likelihood"]
    return FlareCalculator(folder / "model"), model, likelihood


def theirs(frames: list[Atoms], model: dict[str, Any]) -> tuple[SGP_Calculator, float]:
    """Train in FLARE's loop, from the same environments and the same first values."""
    settings, first, n_atoms = model["settings"], model["first"], len(frames[0])
    kernel = _C_flare.NormalizedDotProduct(first["sigma"], settings["power"])
    descriptor = make_descriptor(settings, len(model["elements"]))
    bounds = [flare.BOUNDS[name] for name in NAMES]
    bounds[1] = tuple(n_atoms * value for value in bounds[1])
    with contextlib.redirect_stdout(io.StringIO()):
        process = SGP_Wrapper(
            [kernel],
            [descriptor],
            settings["cutoff_A"],
            first["noise_energy"] * n_atoms,
            first["noise_force"],
            first["noise_stress"],
            {z: i for i, z in enumerate(model["elements"])},
            single_atom_energies=dict(enumerate(model["atom_energies"])),
            variance_type="local",
            max_iterations=settings["max_iterations"],
            opt_method="L-BFGS-B",
            bounds=bounds,
        )
        process.keep_alive = kernel, descriptor  # FLARE holds bare pointers to both
        for atoms, sparse in zip(frames, model["sparse_indices"], strict=True):
            process.update_db(
                atoms,
                atoms.get_forces(),
                custom_range=sparse,
                energy=atoms.get_potential_energy(),
                stress=-atoms.get_stress()[FLARE_ORDER],
                mode="specific",
            )
        process.train()
    return SGP_Calculator(process), float(process.likelihood)


def errors(calculator: Calculator, tests: list[Atoms]) -> dict[str, float]:
    """Return errors in percent of the mean absolute label, and the CPU of a prediction."""
    found: dict[str, list[np.ndarray]] = {"energy": [], "forces": [], "stress": []}
    calculator.calculate(tests[0], ["energy", "forces", "stress"])
    clock = time.process_time()
    for atoms in tests:
        calculator.calculate(atoms, ["energy", "forces", "stress"])
        for key, rows in found.items():
            rows.append(np.array(calculator.results[key], float))
    predict_s = (time.process_time() - clock) / len(tests)
    labels = {key: np.array([atoms.calc.results[key] for atoms in tests]) for key in found}
    off = {key: np.abs(np.array(rows) - labels[key]).mean() for key, rows in found.items()}
    return {
        "force_percent": float(100 * off["forces"] / np.abs(labels["forces"]).mean()),
        "stress_percent": float(100 * off["stress"] / np.abs(labels["stress"]).mean()),
        "energy_meV_per_atom": float(1000 * off["energy"] / len(tests[0])),
        "predict_ms": 1000 * predict_s,
    }


def show(report: dict[str, Any]) -> None:
    about = report["frames"]
    print(
        f"{about['train']} frames of {about['atoms']} atoms, {report['environments']} sparse "
        f"environments, {about['test']} test frames; medians of {len(report['runs'])} runs"
    )
    print(f"{'':<24}{'ours':>10}{'FLARE':>10}{'FLARE/ours':>12}")
    for key in report["runs"][0]["ours"]:
        mine, other = (median(row[way][key] for row in report["runs"]) for way in ("ours", "flare"))
        print(f"{key:<24}{mine:>10.3g}{other:>10.3g}{other / mine:>12.2f}")


if __name__ == "__main__":
    main()
