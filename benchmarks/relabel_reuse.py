"""What a warm batch of labels saves against one cold calculation per frame.

Frames are taken from molecular dynamics some steps apart, as the flow takes them.
Each frame is labelled twice with the same engine and recipe: by the one calculator
of a batch, which starts from the frame before, and by a new calculator. The two
take turns, frame by frame, in one run, and the order within a turn alternates.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from ase.build import bulk

from tm23flows.documents.recipe import Recipe, parse_kmesh
from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.base import Engine, Failure, Result, get_engine

if TYPE_CHECKING:
    from ase import Atoms

LATTICE_CONSTANT_A = 3.61
EQUILIBRATION_STEPS = 24
MONKHORST_PACK_SHIFT = (0.25, 0.25, 0.25)


def main() -> None:
    options = parse()
    frames = sample_frames(options)
    with tempfile.TemporaryDirectory(prefix="tm23-relabel-") as folder:
        # Two engines, so that neither writes into the other's text output.
        engines = [get_engine(options.engine, Path(folder, name)) for name in ("warm", "cold")]
        shift = MONKHORST_PACK_SHIFT if options.shifted else (0.0, 0.0, 0.0)
        recipe = engines[0].complete(
            Recipe(
                engine=options.engine,
                cutoff_eV=options.cutoff,
                kmesh=parse_kmesh(options.kmesh),
                kmesh_offset=shift,
                sigma_eV=options.sigma,
            ),
            ["Cu"],
        )
        rows = list(label_both_ways(frames, recipe, *engines))
        report = {
            "benchmark": "relabel_reuse",
            "settings": {name: value for name, value in vars(options).items() if name != "json"},
            "inputs": engines[0].inputs(recipe),
            "versions": engines[0].versions(),
            "frames": rows,
            "summary": summarise(rows),
        }
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="gpaw", help="gpaw or emt")
    parser.add_argument("--frames", type=int, default=6, help="length of the batch, at least 2")
    parser.add_argument("--stride", type=int, default=3, help="steps of 5 fs between frames")
    parser.add_argument("--temperature", type=float, default=1020.0, help="of the dynamics, in K")
    parser.add_argument("--seed", type=int, default=0, help="of the initial velocities")
    parser.add_argument("--size", type=int, default=2, help="multiples of the primitive vectors")
    parser.add_argument("--cutoff", type=float, default=350.0, help="plane waves, in eV")
    parser.add_argument("--kmesh", default="3x3x3")
    parser.add_argument("--shifted", action="store_true", help="shift the mesh off Gamma by 1/4")
    parser.add_argument("--sigma", type=float, default=0.2, help="smearing width in eV")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    options = parser.parse_args()
    if options.frames < 2:
        parser.error("a batch of fewer than 2 frames has nothing to reuse")
    return options


def sample_frames(options: argparse.Namespace) -> list[Atoms]:
    """Take frames from a run of copper with one vacancy; EMT is good enough to move atoms."""
    atoms = bulk("Cu", "fcc", a=LATTICE_CONSTANT_A) * ((options.size,) * 3)
    del atoms[0]
    dynamics = Dynamics(
        temperature_K=options.temperature,
        damping_fs=100.0,
        initial_temperature_factor=2.0,
        seed=options.seed,
    )
    n_steps = EQUILIBRATION_STEPS + options.stride * options.frames
    frames = []
    for step in get_engine("emt", Path()).run_md(atoms, Recipe(engine="emt"), dynamics, n_steps):
        past = step.state.step - EQUILIBRATION_STEPS
        if past > 0 and past % options.stride == 0:
            frame = atoms.copy()
            frame.set_positions(step.state.positions)
            frames.append(frame)
    return frames


def label_both_ways(
    frames: list[Atoms], recipe: Recipe, warm: Engine, cold: Engine
) -> Iterator[dict[str, Any]]:
    """Yield one row per frame."""
    batch = warm.label(iter(frames), recipe)
    for number, frame in enumerate(frames):
        ways = {"warm": batch, "cold": cold.label([frame], recipe)}
        order = ("warm", "cold") if number % 2 == 0 else ("cold", "warm")
        results, row = {}, {"frame": number}
        for way in order:
            clock = time.process_time()
            results[way] = next(ways[way])
            row[f"{way}_cpu_s"] = time.process_time() - clock
        row |= compare(results["warm"], results["cold"])
        print(
            f"frame {number + 1}/{len(frames)}: iterations {row['warm_iterations']} warm, "
            f"{row['cold_iterations']} cold; CPU {row['warm_cpu_s']:.2f} s, "
            f"{row['cold_cpu_s']:.2f} s",
            file=sys.stderr,
        )
        yield row


def compare(warm: Result | Failure, cold: Result | Failure) -> dict[str, Any]:
    for one in (warm, cold):
        if isinstance(one, Failure):
            sys.exit(f"a frame could not be labelled: {one.reason}")
    return {
        "warm_iterations": warm.effort.scf_iterations,
        "cold_iterations": cold.effort.scf_iterations,
        "force_difference_eV_per_A": float(np.abs(warm.forces - cold.forces).max()),
        "energy_difference_eV": abs(warm.energies.free - cold.energies.free),
    }


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare the whole batch, and the batch without its first frame, which is cold itself."""
    summary: dict[str, Any] = {
        "largest_force_difference_eV_per_A": max(r["force_difference_eV_per_A"] for r in rows),
        "largest_energy_difference_eV": max(r["energy_difference_eV"] for r in rows),
    }
    for part, chosen in (("batch", rows), ("after_first", rows[1:])):
        for quantity in ("iterations", "cpu_s"):
            warm = [row[f"warm_{quantity}"] for row in chosen]
            cold = [row[f"cold_{quantity}"] for row in chosen]
            known = None not in warm
            summary[f"{part}_{quantity}"] = {
                "warm_median": median(warm) if known else None,
                "cold_median": median(cold) if known else None,
                "ratio": sum(warm) / sum(cold) if known else None,
            }
    return summary


def show(report: dict[str, Any]) -> None:
    summary = report["summary"]
    print(f"{'per label':<34}{'warm':>9}{'cold':>9}{'ratio':>9}")
    for part, name in (("batch", "whole batch"), ("after_first", "without first frame")):
        for quantity, unit in (("iterations", "iterations"), ("cpu_s", "CPU s")):
            one = summary[f"{part}_{quantity}"]
            if one["ratio"] is not None:
                values = f"{one['warm_median']:9.3g}{one['cold_median']:9.3g}{one['ratio']:9.2f}"
                print(f"{name + ', ' + unit:<34}{values}")
    print("(medians; the ratio is one of sums)")
    print(
        f"largest difference warm - cold: forces "
        f"{summary['largest_force_difference_eV_per_A']:.4f} eV/A, free energy "
        f"{summary['largest_energy_difference_eV']:.1e} eV"
    )


if __name__ == "__main__":
    main()
