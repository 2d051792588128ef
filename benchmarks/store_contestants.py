"""The stores that benchmarks/store.py compares: ours, ASE's database and plain files.

Each takes batches of frames in and answers the same questions.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from store_frames import REGIMES, Frames, to_atoms


class Ours:
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


class AseDatabase:
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


class AseFiles:
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

    keep, write = AseDatabase.keep, AseDatabase.write
    export, lmdb = AseDatabase.export, AseDatabase.lmdb

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


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    clock = time.perf_counter()
    answer = work()
    return time.perf_counter() - clock, answer
