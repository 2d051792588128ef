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
import hashlib
import json
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

REGIMES = {"cold": 0.25, "warm": 0.75, "melt": 1.25}
STEPS_OF_RUN = 1000  # frames of one trajectory
FIRST_STEP, STRIDE = 1010, 10
SPREAD_A = {"cold": 0.08, "warm": 0.15, "melt": 0.4}

Frames = dict[str, Any]


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
    stores = {"tm23flows": _Ours(folder / "ours"), "ase.db": _AseDatabase(folder / "frames.db")}
    stores["files"] = _AseFiles(folder / "files")
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


def too_large(size: int, made: int, ours: _Ours, options: argparse.Namespace) -> str | None:
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


def make_frames(first: int, options: argparse.Namespace) -> Frames:
    """Make the batch with this first frame: neighbours in time of one run of one metal."""
    from tm23flows.science.metals import METALS
    from tm23flows.science.metals import metal as find_metal

    batch, count = first // options.batch, options.batch
    place, turn = batch % (27 * 3), batch // (27 * 3)
    symbol = METALS[place % 27]
    regime = list(REGIMES)[place // 27]
    in_run = turn * options.batch % STEPS_OF_RUN
    number_of_run = turn * options.batch // STEPS_OF_RUN
    n = 31 + 40 * (place % 27) // 26
    random = np.random.default_rng([options.seed, batch])
    side = math.ceil(n ** (1 / 3))
    length = 2.6 * side
    sites = np.stack(np.meshgrid(*[np.arange(side)] * 3), axis=-1).reshape(-1, 3)[:n] * 2.6
    metal = find_metal(symbol)
    run = f"{symbol} {regime} {number_of_run}"
    return {
        "metal": symbol,
        "number": metal.atomic_number,
        "regime": regime,
        "temperature_K": REGIMES[regime] * metal.melting_temperature_K,
        "trajectory_id": hashlib.sha256(run.encode()).hexdigest(),
        "steps": [FIRST_STEP + STRIDE * (in_run + k) for k in range(count)],
        "order": [turn * options.batch + k for k in range(count)],  # within metal and regime
        "cell": np.diag([length] * 3) + random.normal(0, 1e-3, (3, 3)),
        "positions": sites + random.normal(0, SPREAD_A[regime], (count, n, 3)),
        "forces": random.normal(0, 1.0, (count, n, 3)),
        "stress": random.normal(0, 0.02, (count, 6)),
        "energies": random.normal(-8.0 * n, 0.5, (count, 1)) + np.array([0.0, 0.01, 0.02]),
    }


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


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    clock = time.perf_counter()
    answer = work()
    return time.perf_counter() - clock, answer


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


class _Ours:
    """The archive on the embedded database."""

    def __init__(self, folder: Path) -> None:
        from tm23flows.store.archive import Archive
        from tm23flows.store.embedded.process import start

        self.folder, self.kept, self.found = folder, [], {}
        self.info = start(folder, 0)
        self.archive = Archive.open(self.info.uri, "benchmark")
        self.pasts: dict[str, tuple[Any, Any]] = {}

    def ingest(self, frames: Frames) -> None:
        """Write a batch as the jobs for frames and labels do."""
        from tm23flows.documents.base import Provenance
        from tm23flows.documents.frame import Frame
        from tm23flows.documents.label import Effort, Energies
        from tm23flows.jobs.frame import make_label

        recipe, past = self.past(frames["metal"])
        numbers = np.full(len(frames["positions"][0]), frames["number"])
        same = {name: frames[name] for name in ("regime", "temperature_K", "trajectory_id")}
        geometries = [
            Frame(
                provenance=Provenance.now(),
                element=frames["metal"],
                step=step,
                time_fs=5.0 * (step - 1),
                numbers=numbers,
                cell=frames["cell"],
                positions=positions,
                **same,
            )
            for step, positions in zip(frames["steps"], frames["positions"], strict=True)
        ]
        self.archive.put(*geometries)
        effort = Effort(scf_iterations=14, cpu_s=812.4, wall_s=55.1, program="vasp 6.4.2")
        labels = [
            make_label(
                frame,
                recipe=recipe,
                provenance=past.model_copy(update={"created": Provenance.now().created}),
                energies=Energies(free=e[0], sigma0=e[1], without_entropy=e[2]),
                forces=forces,
                stress=stress,
                effort=effort,
            )
            for frame, forces, stress, e in zip(
                geometries,
                frames["forces"],
                frames["stress"],
                frames["energies"].tolist(),
                strict=True,
            )
        ]
        self.archive.record(labels)
        known = self.found.setdefault(frames["metal"], [])
        known += [(o, label.id) for o, label in zip(frames["order"], labels, strict=True)]

    def past(self, symbol: str) -> tuple[Any, Any]:
        """Make the recipe of a metal, and what the jobs note about its labels, once."""
        from tm23flows.documents.base import Provenance
        from tm23flows.documents.recipe import Recipe

        if symbol not in self.pasts:
            incar = {"ALGO": "Normal", "EDIFF": 1e-5, "GGA_COMPAT": False, "ISYM": 0, "NELM": 60}
            incar |= {"LREAL": "Auto", "PREC": "Accurate", "LASPH": True, "LWAVE": False}
            mark = hashlib.sha256(symbol.encode()).hexdigest()[:16]
            potcar = {symbol: f"PAW_PBE {symbol}_pv 06Sep2000 sha256:{mark}"}
            options = {"incar": incar, "potcar_functional": "PBE_54"}
            recipe = Recipe(
                engine="vasp",
                cutoff_eV=520.0,
                kmesh=(3, 3, 3),
                pseudopotentials=potcar,
                options=options,
            )
            software = {"vasp": "6.4.2", "atomate2": "0.1.5", "custodian": "2026.10.21"}
            inputs = {"maker": "TM23StaticMaker", "incar": incar, "user_incar_settings": {}}
            inputs |= {"kmesh": [3, 3, 3], "pseudopotentials": potcar}
            self.pasts[symbol] = recipe, Provenance.now(software, inputs)
        return self.pasts[symbol]

    def freeze(self, wanted: dict[str, Any]) -> None:
        """Make the dataset; the others have none and find its frames by their values."""
        from tm23flows.documents.base import Provenance
        from tm23flows.documents.dataset import Dataset
        from tm23flows.store.datasets.creation import name_dataset

        ids = [
            label
            for metal in wanted["metals"]
            for order, label in self.found.get(metal, [])
            if order < wanted["order_below"]
        ]
        dataset = Dataset(
            provenance=Provenance.now(),
            element="-".join(wanted["metals"]),
            parts={"train": tuple(ids)},
            rule="benchmark",
            query={},
        )
        name_dataset(self.archive, "benchmark", dataset)

    def read(self, _: dict[str, Any]) -> list[Any]:
        return list(self.archive.labels(dataset="benchmark").atoms())

    def pairs(self) -> list[tuple[Any, Any]]:
        from tm23flows.documents.frame import Frame
        from tm23flows.store.files import labels_of

        labels = labels_of(self.archive, "benchmark")
        frames = self.archive.get_many(Frame, [label.frame_id for label in labels])
        return list(zip(frames, labels, strict=True))

    def keep(self, _: list[Any]) -> None:
        self.kept = self.pairs()

    def write(self, path: Path) -> int:
        from tm23flows.store.exchange.extxyz import write_labels

        with path.open("w") as file:
            return write_labels(file, self.kept)

    def export(self, _: dict[str, Any], path: Path) -> int:
        from tm23flows.store.files import export_labels

        return export_labels(self.archive, "benchmark", path)

    def lmdb(self, _: dict[str, Any], path: Path) -> int:
        from tm23flows.store.files import export_labels

        return export_labels(self.archive, "benchmark", path, file_format="lmdb")

    def query(self, wanted: dict[str, Any]) -> list[tuple[Any, float, float]]:
        from tm23flows.store.query.rows import label_rows
        from tm23flows.store.query.words import Query

        words = {name: wanted[name] for name in ("metal", "regime", "last_step")}
        rows = label_rows(self.archive, Query.of(**words))
        return [(row["frame_id"], row["step"], row["energy_free_eV"]) for row in rows]

    def count(self) -> dict[str, int]:

        return {name: self.archive.labels(regime=name).count() for name in REGIMES}

    def size(self) -> int:
        return (self.folder / "journal").stat().st_size

    def server(self) -> dict[str, float | None]:
        """Memory and processor time of the server's process; None where nobody tells."""
        try:
            status = Path(f"/proc/{self.info.pid}/status").read_text().splitlines()
            times = Path(f"/proc/{self.info.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return {"server_MB": None, "server_peak_MB": None, "server_cpu_s": None}
        values = {line.split(":")[0]: line.split()[1] for line in status if " kB" in line}
        return {
            "server_MB": int(values["RssAnon"]) / 1e3,
            "server_peak_MB": int(values["VmHWM"]) / 1e3,
            "server_cpu_s": (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"),
        }

    def restart(self) -> float:
        """Stop the server and time how long a new one takes until it answers."""
        from tm23flows.store.embedded.process import start, stop

        stop(self.folder)
        seconds, self.info = timed(lambda: start(self.folder, 0))
        return seconds

    def close(self) -> None:
        from tm23flows.store.embedded.process import stop

        stop(self.folder)


class _AseDatabase:
    """ASE's SQLite database, written in one transaction per batch."""

    def __init__(self, path: Path) -> None:
        from ase.db import connect

        self.path, self.database, self.kept = path, connect(path), []

    def ingest(self, frames: Frames) -> None:
        with self.database:
            for atoms in to_atoms(frames):
                values, atoms.info = atoms.info, {}
                self.database.write(atoms, **values)

    def read(self, wanted: dict[str, Any]) -> list[Any]:
        return [
            row.toatoms()
            for metal in wanted["metals"]
            for row in self.database.select(f"metal={metal},place<{wanted['order_below']}")
        ]

    def keep(self, atoms: list[Any]) -> None:
        self.kept = atoms

    def write(self, path: Path) -> int:
        return write_by_ase(self.kept, path)

    def export(self, wanted: dict[str, Any], path: Path) -> int:
        return write_by_ase(self.read(wanted), path)

    def lmdb(self, wanted: dict[str, Any], path: Path) -> int:
        return write_lmdb(self.read(wanted), path)

    def query(self, wanted: dict[str, Any]) -> list[tuple[Any, float, float]]:
        words = f"metal={wanted['metal']},regime={wanted['regime']},step<={wanted['last_step']}"
        columns = ["id", "energy", "key_value_pairs"]
        rows = self.database.select(words, include_data=False, columns=columns)
        return [(row.id, row.step, row.energy) for row in rows]

    def count(self) -> dict[str, int]:
        return {name: self.database.count(regime=name) for name in REGIMES}

    def size(self) -> int:
        return self.path.stat().st_size


class _AseFiles:
    """One extended XYZ file for each metal, written and read by ASE."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.kept = folder, []

    def ingest(self, frames: Frames) -> None:
        from ase.io import write

        path = self.folder / f"{frames['metal']}.xyz"
        write(path, to_atoms(frames), format="extxyz", append=True)

    def atoms(self, metals: list[str]) -> Iterator[Any]:
        from ase.io import iread

        for metal in metals:
            path = self.folder / f"{metal}.xyz"
            if path.exists():
                yield from iread(path, ":", format="extxyz")

    def read(self, wanted: dict[str, Any]) -> list[Any]:
        limit = wanted["order_below"]
        return [one for one in self.atoms(wanted["metals"]) if one.info["place"] < limit]

    keep, write = _AseDatabase.keep, _AseDatabase.write
    export, lmdb = _AseDatabase.export, _AseDatabase.lmdb

    def query(self, wanted: dict[str, Any]) -> list[tuple[Any, float, float]]:
        return [
            (one.info["place"], one.info["step"], one.get_potential_energy())
            for one in self.atoms([wanted["metal"]])
            if one.info["regime"] == wanted["regime"] and one.info["step"] <= wanted["last_step"]
        ]

    def count(self) -> dict[str, int]:
        counts = dict.fromkeys(REGIMES, 0)
        for one in self.atoms([path.stem for path in sorted(self.folder.glob("*.xyz"))]):
            counts[one.info["regime"]] += 1
        return counts

    def size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir())


def to_atoms(frames: Frames) -> list[Any]:
    """Make ASE Atoms with results, and with the facts of a frame in their info."""
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    made = []
    facts = {"metal": frames["metal"], "regime": frames["regime"], "engine": "vasp"}
    facts |= {"temperature": frames["temperature_K"], "sigma": 0.2, "kmesh": "3x3x3"}
    for place, step in enumerate(frames["steps"]):
        numbers = np.full(len(frames["positions"][place]), frames["number"])
        atoms = Atoms(numbers, frames["positions"][place], cell=frames["cell"], pbc=True)
        free, sigma0, _ = frames["energies"][place].tolist()
        atoms.calc = SinglePointCalculator(
            atoms,
            energy=free,
            forces=frames["forces"][place],
            stress=frames["stress"][place],
        )
        atoms.info = {**facts, "step": step, "place": frames["order"][place], "sigma0": sigma0}
        atoms.info["run"] = "run " + frames["trajectory_id"][:16]
        made.append(atoms)
    return made


def write_by_ase(atoms: list[Any], path: Path) -> int:
    from ase.io import write

    write(path, atoms, format="extxyz")
    return len(atoms)


def write_lmdb(atoms: list[Any], path: Path) -> int:
    """Write frames as NequIP does from ASE's Atoms."""
    from nequip.data import from_ase
    from nequip.data.dataset import NequIPLMDBDataset

    path.unlink(missing_ok=True)
    map_size = len(atoms) * (1 << 16) + (1 << 24)
    frames = (from_ase(one) for one in atoms)
    NequIPLMDBDataset.save_from_iterator(str(path), frames, map_size=map_size)
    return len(atoms)


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
