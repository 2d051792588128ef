"""What the frame store costs, side by side with ASE's database and with plain files.

Made frames of 27 metals with 31 to 71 atoms, in batches as jobs write them, go into three
stores that take turns batch by batch and grow together: ours on the embedded database (every
write on the disk before it is acknowledged), ASE's SQLite database, and one extended XYZ file
for each metal written by ASE. At each size the same questions are put to all:

read       a dataset of 2,700 frames as a list of ASE Atoms with energy, forces and stress
write      the same dataset, already in memory, as one extended XYZ file
export     the same dataset from the store to an extended XYZ file, read and write together
lmdb       the same, to the LMDB that NequIP reads (where nequip is installed)
query      frame, step and energy of the labels of one metal and regime up to a step
count      how many labels each regime has

All that return something must return the same. Besides the time on the clock, on which other
work on the machine tells, processor seconds are counted, ours with those of the server; its
share shows where the embedded database is the bottleneck. The disk is compared with the raw
float64 arrays (positions, forces, cell, stress, three energies).
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from store_contestants import AseDatabase, AseFiles, Ours, timed
from store_frames import FIRST_STEP, REGIMES, STEPS_OF_RUN, STRIDE, make_frames


def main() -> None:
    options = parse()
    # The server is no child of ours and would go on when we are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="tm23-store-", dir=options.folder) as name:
        report = run(Path(name), options)
    report["aims"] = aims(report)
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")


SETTINGS = ("sizes", "dataset", "batch", "repeats", "others_until", "files_until", "lmdb", "seed")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[2700, 27000, 81000])
    parser.add_argument("--dataset", type=int, default=2700, help="frames of the dataset")
    parser.add_argument("--batch", type=int, default=50, help="frames that are written together")
    parser.add_argument("--repeats", type=int, default=3, help="times each question is put")
    parser.add_argument("--others-until", type=int, help="largest size of ASE's database")
    parser.add_argument("--files-until", type=int, help="largest size of the plain files")
    parser.add_argument("--memory", type=float, default=0.7, help="share of free memory to use")
    parser.add_argument("--lmdb", action="store_true", help="export to NequIP's LMDB too")
    parser.add_argument("--seed", type=int, default=0, help="of the numbers in the frames")
    parser.add_argument("--folder", type=Path, help="where the stores are made for the time")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    options = parser.parse_args()
    options.sizes = sorted(options.sizes)
    if options.lmdb:
        import nequip.data.dataset  # noqa: F401 (not in the times)
    if any(size % options.batch for size in options.sizes):
        parser.error("every size must be a multiple of the batch")
    options.others_until = options.others_until or options.sizes[-1]
    options.files_until = options.files_until or options.others_until
    return options


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Let the stores grow together and put the questions at each size."""
    stores = {"tm23flows": Ours(folder / "ours"), "ase.db": AseDatabase(folder / "frames.db")}
    stores["files"] = AseFiles(folder / "files")
    limits = {"ase.db": options.others_until, "files": options.files_until}
    made, raw, rows, note = 0, 0, [], None
    try:
        for size in options.sizes:
            if note := too_large(size, made, stores["tm23flows"], options):
                print(note, file=sys.stderr)
                break
            alive = {n: s for n, s in stores.items() if size <= limits.get(n, size)}
            spent, raw = grow(alive, made, size, raw, options)
            made = size
            row = {"frames": size, "raw_bytes": raw, "ingest": spent}
            row["disk_bytes"] = {name: store.size() for name, store in alive.items()}
            row |= ask(alive, size, folder, options)
            rows.append(row | stores["tm23flows"].server())
            print(f"{size} frames: done", file=sys.stderr)
        start = stores["tm23flows"].restart()
    finally:
        stores["tm23flows"].close()
    return {
        "benchmark": "store",
        "settings": {name: value for name, value in vars(options).items() if name in SETTINGS},
        "sizes": rows,
        "start_s": start,
        "stopped": note,
    }


def too_large(size: int, made: int, ours: Ours, options: argparse.Namespace) -> str | None:
    """Say why a size is left out: the server would need more memory than there is."""
    memory = ours.server()["server_MB"]
    if not made or memory is None:
        return None
    free = megabytes_free()
    wanted = memory * (size - made) / made
    if wanted < options.memory * free:
        return None
    return (
        f"{size} frames are left out: the server would need {wanted:.0f} MB more, "
        f"{free:.0f} MB are free."
    )


def megabytes_free() -> float:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return math.inf
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("MemAvailable"))


def grow(
    stores: dict[str, Any], made: int, size: int, raw: int, options: argparse.Namespace
) -> tuple[dict[str, dict[str, float]], int]:
    """Write the missing frames batch by batch; return seconds, and the raw bytes of all."""
    seconds: dict[str, list[float]] = {name: [] for name in stores}
    clock = time.perf_counter()
    for first in range(made, size, options.batch):
        frames = make_frames(first, options)
        raw += sum(frames[name].nbytes for name in ("positions", "forces", "stress", "energies"))
        raw += frames["cell"].nbytes * len(frames["steps"])
        for name, store in stores.items():
            seconds[name].append(timed(lambda store=store, frames=frames: store.ingest(frames))[0])
        if time.perf_counter() - clock > 30:
            clock = time.perf_counter()
            print(f"{first + options.batch} frames written", file=sys.stderr)
    count = size - made
    return {
        name: {
            "s": sum(all_),
            "ms_per_frame": 1e3 * sum(all_) / count,
            "ms_per_batch": 1e3 * median(all_),
        }
        for name, all_ in seconds.items()
    }, raw


def ask(
    stores: dict[str, Any], size: int, folder: Path, options: argparse.Namespace
) -> dict[str, Any]:
    """Put all questions to all stores in turns; check that the answers agree."""
    wanted = choice(size, options)
    asked = {name: one for name, one in QUESTIONS.items() if name != "lmdb" or options.lmdb}
    seconds: dict[str, dict[str, list[float]]] = {question: {} for question in asked}
    work: dict[str, dict[str, list[float]]] = {question: {} for question in asked}
    checks: dict[str, dict[str, Any]] = {question: {} for question in asked}
    server: dict[str, list[float]] = {question: [] for question in asked}
    ours = stores["tm23flows"]
    ours.freeze(wanted)
    for turn in range(options.repeats):
        for name, store in stores.items():
            for question, (put, check) in asked.items():
                if turn and (question == "lmdb" or (name == "files" and question != "write")):
                    continue  # they take long
                # What we keep must not be walked through again and again while others work.
                gc.collect()
                gc.freeze()
                before, own = ours.server()["server_cpu_s"], time.process_time()
                path = folder / f"out-{name}.{question}"
                spent, answer = timed(lambda: put(store, wanted, path))  # noqa: B023
                own = time.process_time() - own
                seconds[question].setdefault(name, []).append(spent)
                of_server = 0.0
                if name == "tm23flows" and before is not None:
                    of_server = ours.server()["server_cpu_s"] - before
                    server[question].append(of_server)
                work[question].setdefault(name, []).append(own + of_server)
                checks[question][name] = check(answer)
                if question == "read":
                    store.keep(answer)
    for question, found in checks.items():
        check_same(question, found)
    return {
        "wanted": wanted,
        "seconds": seconds,
        "medians": {q: {n: median(s) for n, s in one.items()} for q, one in seconds.items()},
        "cpu_s": {q: {n: median(s) for n, s in one.items()} for q, one in work.items()},
        "server_s": {q: median(s) if s else None for q, s in server.items()},
        "rows": {q: found["tm23flows"][0] for q, found in checks.items()},
    }


def choice(size: int, options: argparse.Namespace) -> dict[str, Any]:
    """Choose the dataset (whole metals, 9 of 10 frames of each regime) and the query."""
    from tm23flows.science.metals import METALS

    per_regime = max(1, size // 81)
    count = max(1, min(27, math.ceil(options.dataset / (3 * 0.9 * per_regime))))
    share = min(per_regime, math.ceil(options.dataset / (3 * count)))
    share = share if size > options.dataset else size
    return {
        "metals": list(METALS[:count]),
        "order_below": share,
        "frames": options.dataset,
        "metal": METALS[0],
        "regime": "cold",
        "last_step": FIRST_STEP + STRIDE * (min(share, STEPS_OF_RUN) - 1),
    }


def check_same(question: str, found: dict[str, Any]) -> None:
    first, *others = found.values()
    for other in others:
        same = first[0] == other[0] and np.allclose(first[1], other[1], rtol=1e-6, atol=1e-6)
        if not same:
            sys.exit(f"{question}: the stores do not agree: {found}")


def sums(atoms: list[Any]) -> tuple[int, list[float]]:
    """Reduce frames to what shows that they are the same ones."""
    return len(atoms), [
        math.fsum(one.get_potential_energy() for one in atoms),
        math.fsum(float(np.abs(one.get_forces()).sum()) for one in atoms),
        math.fsum(float(one.positions.sum()) for one in atoms),
        math.fsum(float(one.get_stress().sum()) for one in atoms),
    ]


def sum_rows(rows: list[tuple[Any, float, float]]) -> tuple[int, list[float]]:
    return len(rows), [math.fsum(row[1] for row in rows), math.fsum(row[2] for row in rows)]


def sum_counts(counts: dict[str, int]) -> tuple[int, list[float]]:
    return sum(counts.values()), [float(counts[regime]) for regime in REGIMES]


QUESTIONS: dict[str, tuple[Callable[..., Any], Callable[[Any], tuple[int, list[float]]]]] = {
    "read": (lambda store, wanted, _: store.read(wanted), sums),
    "write": (lambda store, _, path: store.write(path), lambda count: (count, [])),
    "export": (lambda store, wanted, path: store.export(wanted, path), lambda n: (n, [])),
    "lmdb": (lambda store, wanted, path: store.lmdb(wanted, path), lambda n: (n, [])),
    "query": (lambda store, wanted, _: store.query(wanted), sum_rows),
    "count": (lambda store, *_: store.count(), sum_counts),
}


RIVALS = {"read": 3.0, "write": 3.0, "query": 10.0, "count": 10.0}


def aims(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Compare with what was aimed at, at the largest size at which both were asked."""
    found: list[tuple[str, float, float | None, float, bool]] = []
    for question, factor in RIVALS.items():
        rows = [row for row in report["sizes"] if "ase.db" in row["medians"][question]]
        if rows:
            one = rows[-1]["medians"][question]
            what = f"{question}: ase / tm23flows, {rows[-1]['frames']} frames"
            cpu = rows[-1]["cpu_s"][question]
            ratio = cpu["ase.db"] / cpu["tm23flows"] if cpu["tm23flows"] > 0 else None
            found.append((what, one["ase.db"] / one["tm23flows"], ratio, factor, True))
    last = report["sizes"][-1]
    ratio = last["disk_bytes"]["tm23flows"] / last["raw_bytes"]
    found.append((f"disk / raw arrays, {last['frames']} frames", ratio, None, 1.3, False))
    return [
        {
            "what": what,
            "value": value,
            "processor": processor,
            "aim": aim,
            "at_least": at_least,
            "met": value >= aim if at_least else value <= aim,
        }
        for what, value, processor, aim, at_least in found
    ]


def show(report: dict[str, Any]) -> None:
    rows = report["sizes"]
    heads = "".join(f"{row['frames']:>12}" for row in rows)
    print(f"{'medians, ms; frames in the store':<44}{heads}")
    for name in rows[0]["ingest"]:
        spent = [row["ingest"].get(name, {}).get("ms_per_frame") for row in rows]
        print_line(f"ingest, per frame, {name}", spent)
    for question in rows[0]["medians"]:
        for name in rows[0]["ingest"]:
            print_line(
                f"{question}, {name}", [times(row, "medians", question, name) for row in rows]
            )
            cpu = [times(row, "cpu_s", question, name) for row in rows]
            print_line("  processor", cpu)
        print_line("  - of it the server", [times(row, "server_s", question) for row in rows])
    for name in rows[0]["disk_bytes"]:
        sizes = [row["disk_bytes"].get(name, math.nan) / row["raw_bytes"] for row in rows]
        print_line(f"disk / raw arrays, {name}", sizes)
    memory = [1e3 * (row["server_MB"] or math.nan) / row["frames"] for row in rows]
    print_line("memory of the server, kB per frame", memory)
    print(f"start of the server with all of them: {report['start_s']:.1f} s")
    if report["stopped"]:
        print(report["stopped"])
    print(f"\n{'aims':<48}{'is':>8}{'processor':>12}{'aim':>9}")
    for one in report["aims"]:
        bound = f"{'>=' if one['at_least'] else '<='} {one['aim']:g}"
        cpu = f"{one['processor']:12.2f}" if one["processor"] else " " * 12
        met = "" if one["met"] else "  missed"
        print(f"{one['what']:<48}{one['value']:8.2f}{cpu}{bound:>9}{met}")


def times(row: dict[str, Any], kind: str, *names: str) -> float | None:
    """Look a time up, in ms."""
    found: Any = row[kind]
    for name in names:
        found = None if found is None else found.get(name)
    return None if found is None else 1e3 * found


def print_line(head: str, numbers: list[float | None]) -> None:
    cells = []
    for number in numbers:
        value = math.nan if number is None else number
        cells.append(f"{value:12.3f}" if value < 10 else f"{value:12.0f}")
    print(f"{head:<44}{''.join(cells)}")


if __name__ == "__main__":
    main()
