"""What sharing one calculator saves in a sweep of smearing widths.

The same frames are labelled at several SIGMA in three ways: by one calculator that every
label starts from (``shared``, what a label job of several recipes does), by one calculator
for each width, warm from frame to frame (``separate``, what one label job for each width
does), and by a new calculator for every label (``cold``). The ways take turns, frame by
frame, in one run, and the order within a turn changes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from ase.build import bulk

from tm23flows.documents.recipe import Recipe, parse_kmesh
from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.base import Failure, Result, get_engine

if TYPE_CHECKING:
    from ase import Atoms

EQUILIBRATION_STEPS = 24
MONKHORST_PACK_SHIFT = (0.25, 0.25, 0.25)
WAYS = ("shared", "separate", "cold")
AIM = 0.6


def main() -> None:
    options = parse()
    frames = sample_frames(options)
    with tempfile.TemporaryDirectory(prefix="tm23-sigma-") as folder:
        rows = list(label_all_ways(frames, options, Path(folder)))
        engine = get_engine(options.engine, Path(folder, "inputs"))
        report = {
            "benchmark": "sigma_sweep",
            "settings": {name: value for name, value in vars(options).items() if name != "json"},
            "inputs": [engine.inputs(one) for one in recipes(options, engine)],
            "versions": engine.versions(),
            "frames": rows,
            "summary": summarise(rows),
        }
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="gpaw", help="gpaw or emt")
    parser.add_argument("--metal", default="Cu")
    parser.add_argument("--sigma", type=float, nargs="+", default=[0.2, 1.0, 2.0], help="in eV")
    parser.add_argument("--frames", type=int, default=4, help="length of the batch, at least 2")
    parser.add_argument("--stride", type=int, default=10, help="steps of 5 fs between frames")
    parser.add_argument("--temperature", type=float, default=1020.0, help="of the dynamics, in K")
    parser.add_argument("--seed", type=int, default=0, help="of the initial velocities")
    parser.add_argument("--size", type=int, default=2, help="multiples of the primitive vectors")
    parser.add_argument("--cutoff", type=float, default=350.0, help="plane waves, in eV")
    parser.add_argument("--kmesh", default="2x2x2")
    parser.add_argument("--centred", action="store_true", help="no shift of the mesh by 1/4")
    parser.add_argument("--nbands", default="200%", help="of all widths; sharing needs one number")
    parser.add_argument(
        "--own-bands",
        action="store_true",
        help="what shares nothing takes the engine's number of bands for its width",
    )
    parser.add_argument("--json", type=Path, help="write everything to this file")
    options = parser.parse_args()
    if options.frames < 2:
        parser.error("a batch of fewer than 2 frames has nothing to reuse between frames")
    if len(options.sigma) < 2:
        parser.error("one width is no sweep")
    return options


def sample_frames(options: argparse.Namespace) -> list[Atoms]:
    """Take frames from a run of copper with one vacancy, scaled to the volume of the metal.

    Effective-medium theory is good enough to move atoms.
    """
    atoms = bulk("Cu", "fcc", a=3.61) * ((options.size,) * 3)
    del atoms[0]
    dynamics = Dynamics(
        temperature_K=options.temperature,
        damping_fs=100.0,
        initial_temperature_factor=2.0,
        seed=options.seed,
    )
    n_steps = EQUILIBRATION_STEPS + options.stride * options.frames
    scale = (volume_per_atom(bulk(options.metal)) / volume_per_atom(bulk("Cu"))) ** (1 / 3)
    frames = []
    for step in get_engine("emt", Path()).run_md(atoms, Recipe(engine="emt"), dynamics, n_steps):
        past = step.state.step - EQUILIBRATION_STEPS
        if past > 0 and past % options.stride == 0:
            frame = atoms.copy()
            frame.set_positions(step.state.positions)
            frame.symbols[:] = options.metal
            frame.set_cell(frame.cell.array * scale, scale_atoms=True)
            frames.append(frame)
    return frames


def volume_per_atom(atoms: Atoms) -> float:
    return atoms.get_volume() / len(atoms)


def recipes(options: argparse.Namespace, engine: Any, *, own_bands: bool = False) -> list[Recipe]:
    shift = (0.0, 0.0, 0.0) if options.centred else MONKHORST_PACK_SHIFT
    gpaw = options.engine == "gpaw" and not own_bands
    return [
        engine.complete(
            Recipe(
                engine=options.engine,
                cutoff_eV=options.cutoff,
                kmesh=parse_kmesh(options.kmesh),
                kmesh_offset=shift,
                sigma_eV=sigma,
                options={"nbands": options.nbands} if gpaw else {},
            ),
            [options.metal],
        )
        for sigma in options.sigma
    ]


def label_all_ways(
    frames: list[Atoms], options: argparse.Namespace, folder: Path
) -> Iterator[dict[str, Any]]:
    """Yield one row per frame."""
    ways = {
        "shared": shared(frames, options, folder),
        "separate": separate(frames, options, folder),
        "cold": cold(options, folder),
    }
    for number, frame in enumerate(frames):
        row: dict[str, Any] = {"frame": number}
        results = {}
        turn = number % len(WAYS)
        for way in (*WAYS[turn:], *WAYS[:turn]):
            clock = time.process_time()
            results[way] = [sound(one) for one in ways[way](frame)]
            row[f"{way}_cpu_s"] = time.process_time() - clock
            row[f"{way}_iterations"] = [one.effort.scf_iterations for one in results[way]]
        for way in WAYS[:2]:
            row[f"{way}_force_difference_eV_per_A"] = largest_difference(
                results[way], results["cold"]
            )
        print(
            f"frame {number + 1}/{len(frames)}: "
            + "; ".join(f"{w} {row[f'{w}_iterations']}, {row[f'{w}_cpu_s']:.1f} s" for w in WAYS),
            file=sys.stderr,
        )
        yield row


def shared(
    frames: list[Atoms], options: argparse.Namespace, folder: Path
) -> Callable[[Atoms], list[Result | Failure]]:
    """One engine with a stream for each width, read in turns."""
    engine = get_engine(options.engine, folder / "shared")
    streams = [engine.label(iter(frames), one) for one in recipes(options, engine)]
    return lambda _: [next(stream) for stream in streams]


def separate(
    frames: list[Atoms], options: argparse.Namespace, folder: Path
) -> Callable[[Atoms], list[Result | Failure]]:
    """One engine for each width."""
    streams = []
    for number, sigma in enumerate(options.sigma):
        engine = get_engine(options.engine, folder / f"separate-{sigma}")
        recipe = recipes(options, engine, own_bands=options.own_bands)[number]
        streams.append(engine.label(iter(frames), recipe))
    return lambda _: [next(stream) for stream in streams]


def cold(options: argparse.Namespace, folder: Path) -> Callable[[Atoms], list[Result | Failure]]:
    """A new calculator for every label."""
    engine = get_engine(options.engine, folder / "cold")
    chosen = recipes(options, engine, own_bands=options.own_bands)
    return lambda frame: [next(engine.label([frame], one)) for one in chosen]


def sound(result: Result | Failure) -> Result:
    if isinstance(result, Failure):
        sys.exit(f"a frame could not be labelled: {result.reason}")
    return result


def largest_difference(ours: list[Result], theirs: list[Result]) -> float:
    pairs = zip(ours, theirs, strict=True)
    return max(float(np.abs(one.forces - other.forces).max()) for one, other in pairs)


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare the whole batch, and the batch without its first frame, which is cold in part."""
    summary: dict[str, Any] = {
        f"{way}_largest_force_difference_eV_per_A": max(
            row[f"{way}_force_difference_eV_per_A"] for row in rows
        )
        for way in WAYS[:2]
    }
    for part, chosen in (("batch", rows), ("after_first", rows[1:])):
        cpu = {way: [row[f"{way}_cpu_s"] for row in chosen] for way in WAYS}
        summary[part] = {"cpu_s_median": {way: median(cpu[way]) for way in WAYS}}
        for way in WAYS[1:]:
            ratio = sum(cpu["shared"]) / sum(cpu[way])
            summary[part][f"to_{way}"] = {"ratio": ratio, "aim": AIM, "met": ratio <= AIM}
        counts = (
            {way: [sum(row[f"{way}_iterations"]) for row in chosen] for way in WAYS}
            if (rows[0]["shared_iterations"][0] is not None)
            else None
        )
        summary[part]["iterations_median"] = counts and {w: median(counts[w]) for w in WAYS}
    return summary


def show(report: dict[str, Any]) -> None:
    summary = report["summary"]
    widths = ", ".join(f"{one:g}" for one in report["settings"]["sigma"])
    print(f"{report['settings']['metal']}, all of {widths} eV, per frame")
    print(f"{'':<34}" + "".join(f"{way:>10}" for way in WAYS))
    for part, name in (("batch", "whole batch"), ("after_first", "without first frame")):
        one = summary[part]
        for key, unit in (("iterations_median", "iterations"), ("cpu_s_median", "CPU s")):
            if one[key]:
                values = "".join(f"{one[key][way]:10.3g}" for way in WAYS)
                print(f"{name + ', ' + unit:<34}{values}")
        for way in WAYS[1:]:
            verdict = "met" if one[f"to_{way}"]["met"] else "missed"
            print(
                f"{name + ', shared / ' + way:<34}{one[f'to_{way}']['ratio']:10.2f}"
                f"  aim {AIM}: {verdict}"
            )
    print("(medians; ratios of sums)")
    for way in WAYS[:2]:
        largest = summary[f"{way}_largest_force_difference_eV_per_A"]
        print(f"largest difference of a force, {way} - cold: {largest:.4f} eV/A")


if __name__ == "__main__":
    main()
