"""What it costs to take every tenth frame from a long vasprun.xml, plain and compressed.

A made file in VASP's layout (11,000 steps of 63 atoms with 5 to 8 electronic steps each) is
read by several programs that take turns in one run, each in a process of its own: by us, by
pymatgen with its fastest settings, and by ASE. For scale, the bytes are only read, only
decompressed, or only split into tokens by expat. Time does not include imports. Memory is
the largest anonymous memory of the process, which excludes programs and the file cache.
All that return frames must return the same numbers.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, BinaryIO

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from trajectory_files import write_files

CHUNK_BYTES = 1 << 18
SAMPLE_S = 0.005


def main() -> None:
    options = parse()
    if options.contestant:
        print(json.dumps(run_here(options.contestant, options)))
        return
    with tempfile.TemporaryDirectory(prefix="tm23-trajectory-") as folder:
        files = write_files(Path(folder), options)
        rows = {kind: list(race(kind, path, options)) for kind, path in files.items()}
        report = {
            "benchmark": "trajectory",
            "settings": {name: value for name, value in vars(options).items() if name in SETTINGS},
            "bytes": {kind: path.stat().st_size for kind, path in files.items()},
            "runs": rows,
            "summary": {kind: summarise(runs) for kind, runs in rows.items()},
        }
    check_frames(report, options)
    report["aims"] = aims(report["summary"])
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")


SETTINGS = ("steps", "atoms", "discard", "stride", "repeats", "slow_repeats", "seed")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=11000, help="ionic steps in the file")
    parser.add_argument("--atoms", type=int, default=63)
    parser.add_argument("--discard", type=int, default=1000, help="steps before the first frame")
    parser.add_argument("--stride", type=int, default=10, help="steps between frames")
    parser.add_argument("--repeats", type=int, default=5, help="runs of what is fast")
    parser.add_argument("--slow-repeats", type=int, default=3, help="runs of pymatgen and ASE")
    parser.add_argument("--seed", type=int, default=0, help="of the numbers in the file")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def race(kind: str, path: Path, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Let all contestants take turns."""
    path.read_bytes()  # into the cache of the system, for the first as for the last
    for turn in range(options.repeats):
        for name in CONTESTANTS:
            if name in SLOW and turn >= options.slow_repeats:
                continue
            row = {"contestant": name, "turn": turn} | run_apart(name, path, options)
            words = f"{kind}, turn {turn + 1}, {name}: {row['wall_s']:.3f} s"
            print(f"{words}, {row['private_MB'] or math.nan:.0f} MB", file=sys.stderr)
            yield row


def run_apart(name: str, path: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run one contestant in a process of its own and watch its memory."""
    command = [sys.executable, __file__, "--contestant", name, "--file", str(path)]
    command += ["--discard", str(options.discard), "--stride", str(options.stride)]
    command += ["--steps", str(options.steps)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, anonymous_memory(process.pid))
            time.sleep(SAMPLE_S)
        text = process.stdout.read()
    if process.returncode:
        sys.exit(f"{name} failed")
    return {**json.loads(text), "private_MB": peak or None}


def anonymous_memory(pid: int) -> float:
    """Return the anonymous memory of a process in MB; 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("RssAnon")), 0.0)


def run_here(name: str, options: argparse.Namespace) -> dict[str, Any]:
    read = CONTESTANTS[name](options)
    clock = time.perf_counter()
    frames = read(options.file)
    return {"wall_s": time.perf_counter() - clock, **frames}


def read_bytes(_: argparse.Namespace) -> Callable[[Path], dict[str, Any]]:
    def read(path: Path) -> dict[str, Any]:
        with path.open("rb", buffering=0) as file:
            for _chunk in pieces(file, path):
                pass
        return {}

    return read


def tokenise(_: argparse.Namespace) -> Callable[[Path], dict[str, Any]]:
    from xml.parsers.expat import ParserCreate

    def read(path: Path) -> dict[str, Any]:
        parser = ParserCreate()
        with path.open("rb", buffering=0) as file:
            for chunk in pieces(file, path):
                parser.Parse(chunk)
        parser.Parse(b"", True)
        return {}

    return read


def pieces(file: BinaryIO, path: Path) -> Iterator[bytes]:
    if path.suffix != ".gz":
        yield from iter(lambda: file.read(CHUNK_BYTES), b"")
        return
    inflater = zlib.decompressobj(wbits=31)
    for packed in iter(lambda: file.read(CHUNK_BYTES // 4), b""):
        yield inflater.decompress(packed)


def ours(options: argparse.Namespace) -> Callable[[Path], dict[str, Any]]:
    import_module("ase.data")  # they are imported only when they are needed
    import_module("lxml.etree")
    from tm23flows.engines.vasp.outputs import iter_steps

    def read(path: Path) -> dict[str, Any]:
        chosen = iter_steps(path, options.discard + options.stride, options.stride)
        return sums((step.energy_free, step.forces, step.positions) for step in chosen)

    return read


def ours_all(_: argparse.Namespace) -> Callable[[Path], dict[str, Any]]:
    from tm23flows.engines.vasp.outputs import iter_steps

    return lambda path: {"steps": sum(1 for _ in iter_steps(path))}


def pymatgen(options: argparse.Namespace) -> Callable[[Path], dict[str, Any]]:
    from pymatgen.io.vasp import Vasprun

    def read(path: Path) -> dict[str, Any]:
        run = Vasprun(
            str(path),
            ionic_step_skip=options.stride,
            ionic_step_offset=options.discard + options.stride - 1,
            parse_dos=False,
            parse_eigen=False,
            parse_potcar_file=False,
        )
        return sums(
            (step["e_fr_energy"], np.array(step["forces"]), step["structure"].cart_coords)
            for step in run.ionic_steps
        )

    return read


def ase(options: argparse.Namespace) -> Callable[[Path], dict[str, Any]]:
    from ase.io import read as ase_read

    def read(path: Path) -> dict[str, Any]:
        index = f"{options.discard + options.stride - 1}::{options.stride}"
        frames = ase_read(path, index=index, format="vasp-xml")
        return sums(
            (one.get_potential_energy(force_consistent=True), one.get_forces(), one.positions)
            for one in frames
        )

    return read


def sums(frames: Iterator[tuple[float, np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """Reduce frames to what shows that they are the same ones."""
    rows = [
        (energy, float(np.abs(forces).sum()), float(positions.sum()))
        for energy, forces, positions in frames
    ]
    return {"frames": len(rows), "sums": [math.fsum(column) for column in zip(*rows, strict=True)]}


CONTESTANTS = {
    "bytes": read_bytes,
    "expat": tokenise,
    "tm23flows": ours,
    "tm23flows, every step": ours_all,
    "pymatgen": pymatgen,
    "ase": ase,
}
SLOW = ("tm23flows, every step", "pymatgen", "ase")


def summarise(runs: list[dict[str, Any]]) -> dict[str, Any]:
    summary = {}
    for name in CONTESTANTS:
        mine = [row for row in runs if row["contestant"] == name]
        memory = [row["private_MB"] for row in mine if row["private_MB"] is not None]
        summary[name] = {
            "wall_s": median(row["wall_s"] for row in mine),
            "private_MB": max(memory, default=None),
            "runs": len(mine),
        }
    for one in summary.values():
        one["over_tm23flows"] = one["wall_s"] / summary["tm23flows"]["wall_s"]
    return summary


def check_frames(report: dict[str, Any], options: argparse.Namespace) -> None:
    """Make sure that all who return frames returned the same."""
    wanted = (options.steps - options.discard) // options.stride
    rows = [row for runs in report["runs"].values() for row in runs if "frames" in row]
    for row in rows:
        same = np.allclose(row["sums"], rows[0]["sums"], rtol=1e-9, atol=1e-6)
        if row["frames"] != wanted or not same:
            sys.exit(f"{row['contestant']} read {row['frames']} frames {row['sums']}")


def aims(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Compare with what was aimed at; the last number of each is the bound."""
    found = []
    for kind, one in summary.items():
        own = one["tm23flows"]
        scale = {"plain": ("expat", 0.5), "gz": ("bytes", 2.0)}[kind]
        found.append(
            (f"{kind}: tm23flows / {scale[0]}", 1 / one[scale[0]]["over_tm23flows"], scale[1])
        )
        for other, factor in (("pymatgen", 3.0), ("ase", 20.0)):
            found.append((f"{kind}: {other} / tm23flows", one[other]["over_tm23flows"], factor))
        if own["private_MB"] is not None:
            found.append((f"{kind}: tm23flows, private MB", own["private_MB"], 60.0))
    return [
        {
            "what": what,
            "value": value,
            "aim": aim,
            "at_least": " / tm23flows" in what,
            "met": value >= aim if " / tm23flows" in what else value <= aim,
        }
        for what, value, aim in found
    ]


NAMES = {
    "bytes": "only read (gz: decompressed by zlib)",
    "expat": "only split into tokens by expat",
    "pymatgen": "pymatgen, skip and offset, no DOS or bands",
    "ase": "ASE, index",
}


def show(report: dict[str, Any]) -> None:
    for kind, summary in report["summary"].items():
        size = report["bytes"][kind] / 1e6
        print(f"{f'{kind}, {size:.1f} MB; medians':<46}{'s':>8}{'/ ours':>9}{'private MB':>12}")
        for name, one in summary.items():
            memory = one["private_MB"] or math.nan
            numbers = f"{one['wall_s']:8.3f}{one['over_tm23flows']:9.2f}{memory:12.0f}"
            print(f"{NAMES.get(name, name):<46}{numbers}")
        print()
    print(f"{'aims':<46}{'is':>8}{'aim':>9}")
    for one in report["aims"]:
        bound = f"{'>=' if one['at_least'] else '<='} {one['aim']:g}"
        print(f"{one['what']:<46}{one['value']:8.2f}{bound:>9}{'' if one['met'] else '  missed'}")


if __name__ == "__main__":
    main()
