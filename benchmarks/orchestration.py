"""What a labelled frame costs that is not the engine.

Frames of one trajectory are labelled in batches, three ways that take turns batch by
batch in one run, on a fresh embedded database that forces every write to the disk:

launched   the label jobs of a real flow, claimed and run by FireWorks' `rapidfire`
direct     the same job function called with the same frames, without a launcher
engine     the engine alone on the same frames; nothing is stored

launched - engine is what orchestration costs; direct - engine is our documents and
store in it, and launched - direct the share of FireWorks and jobflow. The writes of
a batch alone are timed too.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

if TYPE_CHECKING:
    from fireworks import LaunchPad

    from tm23flows.documents.frame import Frame
    from tm23flows.store.archive import Archive

DISCARD, STRIDE = 10, 2


def main() -> None:
    options = parse()
    report = {
        "benchmark": "orchestration",
        "settings": {name: value for name, value in vars(options).items() if name != "json"},
    }
    logging.disable(logging.INFO)
    prefix = "tm23-orchestration-"
    with tempfile.TemporaryDirectory(prefix=prefix) as name, database(Path(name)) as uri:
        rows = list(run(Path(name), uri, options))
    report |= {"batches": rows, "summary": summarise(rows, options.batch_size)}
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=12, help="number of batches")
    parser.add_argument("--batch-size", type=int, default=50, help="frames per batch")
    parser.add_argument("--size", type=int, default=2, help="multiples of the primitive vectors")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    return parser.parse_args()


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """Start an embedded database and make this process its worker."""
    from tm23flows.ops.fireworks_config import write_config
    from tm23flows.store.embedded.process import start, stop

    home = Path.cwd()
    try:
        uri = start(folder / "database", 0).uri
        # Before jobflow and FireWorks are imported, because they read these only then.
        os.environ |= {**write_config(folder / "config", uri), "TM23_MONGO_URI": uri}
        yield uri
    finally:
        os.chdir(home)  # FireWorks leaves us in one of its folders
        stop(folder / "database")


def run(folder: Path, uri: str, options: argparse.Namespace) -> Iterator[dict[str, float]]:
    """Yield the seconds of each way, one row per batch."""
    from jobflow.managers.fireworks import flow_to_workflow

    from tm23flows.jobs.label import label_frames
    from tm23flows.ops.launchpad import open_launchpad
    from tm23flows.store.archive import Archive

    launchpad, archive = open_launchpad(uri), Archive.open()
    flow, recipe = road(options)
    launchpad.add_wf(flow_to_workflow(flow))
    launches = folder / "launches"
    launches.mkdir()
    for _ in range(3):  # structure, trajectory, frames
        launch_one(launchpad, launches)
    frames = list(archive.frames())
    direct = recipe.model_copy(update={"sigma_eV": 1.0})
    for number in range(options.batches):
        chosen = frames[number * options.batch_size : (number + 1) * options.batch_size]
        ids = [frame.id for frame in chosen]
        batch, results = Batch(chosen, recipe), []
        row = {
            "launched_s": seconds(lambda: launch_one(launchpad, launches)),
            "direct_s": seconds(
                lambda ids=ids: label_frames(ids, [direct.model_dump(mode="json")], 0, 0)
            ),
            "engine_s": seconds(lambda b=batch, r=results: r.extend(b.compute())),
            "write_s": seconds(lambda b=batch, r=results: b.write(archive, r)),
        }
        print(f"batch {number + 1}/{options.batches}", file=sys.stderr)
        yield row
    check(launchpad, archive, options)


def road(options: argparse.Namespace) -> tuple[Any, Any]:
    """Wire structure, trajectory, frames and label jobs as the flow does."""
    from jobflow import Flow

    from tm23flows.documents.recipe import Recipe
    from tm23flows.flows.label import LabelMaker
    from tm23flows.flows.structure import StructureMaker
    from tm23flows.flows.trajectory import Sampling, TrajectoryMaker

    count = options.batches * options.batch_size
    recipe = Recipe(engine="emt", sigma_eV=0.2, kmesh=(3, 3, 3))
    structure = StructureMaker(supercell=(options.size,) * 3).make("Cu")
    run = TrajectoryMaker(
        n_steps=DISCARD + STRIDE * count,
        sampling=Sampling(discard=DISCARD, stride=STRIDE, count=count),
    ).make(structure.output["structure_id"], "Cu", "warm", 1018.0)
    labels = LabelMaker(recipe=recipe, batch_size=options.batch_size).make(
        run.output["frame_ids"], count, "Cu", "warm"
    )
    return Flow([structure, run, labels], name="orchestration"), recipe


def launch_one(launchpad: LaunchPad, folder: Path) -> None:
    from fireworks import FWorker
    from fireworks.core.rocket_launcher import rapidfire

    rapidfire(launchpad, FWorker(), m_dir=str(folder), nlaunches=1, strm_lvl="CRITICAL")


class Batch:
    """The work of a label job in pieces: the engine, and the writing of what it gave."""

    def __init__(self, frames: list[Frame], recipe: Any) -> None:
        from ase import Atoms

        from tm23flows.engines.base import get_engine

        self._engine = get_engine("emt", Path())
        # A recipe of its own, so that what it writes is new.
        self._recipe = self._engine.complete(recipe.model_copy(update={"sigma_eV": 2.0}), ["Cu"])
        self._frames = frames
        self._atoms = [
            Atoms(numbers=one.numbers, positions=one.positions, cell=one.cell, pbc=True)
            for one in frames
        ]

    def compute(self) -> list[Any]:
        """Label the frames and keep the results in memory."""
        return list(self._engine.label(self._atoms, self._recipe))

    def write(self, archive: Archive, results: list[Any]) -> None:
        """Make documents of results and store them."""
        from tm23flows.documents.base import Provenance
        from tm23flows.jobs.frame import make_label

        archive.record(
            make_label(
                frame,
                recipe=self._recipe,
                provenance=Provenance.now(),
                energies=result.energies,
                forces=result.forces,
                stress=result.stress,
                effort=result.effort,
            )
            for frame, result in zip(self._frames, results, strict=True)
        )


def seconds(do: Callable[[], Any]) -> float:
    clock = time.perf_counter()
    do()
    return time.perf_counter() - clock


def check(launchpad: LaunchPad, archive: Archive, options: argparse.Namespace) -> None:
    """Make sure that all of it was really done."""
    from tm23flows.ops.launchpad import job_states

    states = {one.state for one in job_states(launchpad)}
    labels = archive.database["labels"].count_documents({})
    # Each frame has a label of the trajectory and one of each of three ways.
    wanted = 4 * options.batches * options.batch_size
    if states != {"COMPLETED"} or labels != wanted:
        sys.exit(f"not all was done: jobs {states}, {labels} of {wanted} labels")


def summarise(rows: list[dict[str, float]], batch_size: int) -> dict[str, float]:
    """Take medians over batches, in ms per batch and per frame."""
    differences = {
        "not_engine": ("launched_s", "engine_s"),
        "documents_and_store": ("direct_s", "engine_s"),
        "fireworks_and_jobflow": ("launched_s", "direct_s"),
    }
    per_batch = {
        name: 1e3 * median(row[more] - row[less] for row in rows)
        for name, (more, less) in differences.items()
    }
    per_batch |= {
        name: 1e3 * median(row[f"{name}_s"] for row in rows)
        for name in ("launched", "direct", "engine", "write")
    }
    return {
        "ms_per_batch": per_batch,
        "ms_per_frame": {name: value / batch_size for name, value in per_batch.items()},
        "launched_to_direct": per_batch["launched"] / per_batch["direct"],
    }


def show(report: dict[str, Any]) -> None:
    summary, size = report["summary"], report["settings"]["batch_size"]
    names = {
        "not_engine": "all but the engine",
        "documents_and_store": "  documents and store",
        "write": "    writing of that",
        "fireworks_and_jobflow": "  FireWorks and jobflow",
        "engine": "engine (EMT)",
    }
    print(f"{'medians':<26}{f'ms per batch of {size}':>22}{'ms per frame':>16}")
    for name, words in names.items():
        batch, frame = summary["ms_per_batch"][name], summary["ms_per_frame"][name]
        print(f"{words:<26}{batch:22.1f}{frame:16.2f}")
    print(f"launched / direct: {summary['launched_to_direct']:.2f}")


if __name__ == "__main__":
    main()
