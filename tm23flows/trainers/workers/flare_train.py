"""The course of a training: two passes over the frames, and a search at their end.

Owns the order of things: the first pass chooses the sparse environments, the second
adds up what the labels say about them, and on the way, wherever a model of fewer
frames is asked for, it is made from the leading part of the sums. A training that was
interrupted goes on from a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from flare_checkpoint import Clock, fingerprint, pack, read_checkpoint, unpack, write_checkpoint
from flare_frame import describe, look_at, make_descriptor, unit_descriptors
from flare_kernel import SparseSet, kernel_block, sparse_factor, sparse_set
from flare_likelihood import sparse_weights
from flare_model import write_model
from flare_optimise import NAMES, Search, Tried, optimise
from flare_select import Chosen
from flare_statistics import Sums, add_frame, leading_problem, no_sums, read_labels
from worker_io import RequestError, read_frames, versions


@dataclass
class Progress:
    """What changes while a training runs, besides the sparse set.

    ``values`` are those of the last periodic optimisation, empty before the first, and
    ``history`` has the rows of these. ``tried`` is what was evaluated for the frames so
    far. ``models`` has, by number of frames, what was made: values, weights, energies of
    the atoms, history.
    """

    sums: Sums | None = None
    values: list[float] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    tried: Tried = field(default_factory=dict)
    models: dict[int, dict[str, Any]] = field(default_factory=dict)


class Training:
    """A training for one or several numbers of frames (see ``flare_worker.train``)."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.request, self.settings = request, request["settings"]
        self.sizes = sorted(request["sizes"])
        self.frames = read_frames(request["frames"])[: self.sizes[-1]]
        self.elements = sorted({int(z) for atoms in self.frames for z in atoms.numbers})
        self.labels = read_labels(self.frames, self.elements)
        self.descriptor = make_descriptor(self.settings, len(self.elements))
        self.chosen = Chosen(self.settings)
        self.seen: dict[int, Any] = {}
        self.room = request["cache_bytes"]
        self.state = Progress()
        self.clock = Clock(Path(request["folder"]), request["checkpoint_s"], len(self.frames))
        decides = ("settings", "bounds", "noise_fraction", "seed", "sizes")
        about = {name: request[name] for name in decides}
        about |= {"layout": 1, "flare": versions("mir-flare").get("mir-flare")}
        self.name = fingerprint(about, Path(request["frames"]))
        # steps are frames of both passes and evaluations: each is some way, for whoever counts
        self.step = self.resumed_from = self.refused = 0
        self._resume()

    def run(self) -> None:
        """Train to the end: afterwards every size has its model in the progress."""
        while len(self.chosen.picks) < len(self.frames):
            values = self._look_at(len(self.chosen.picks), keep=True)
            self.chosen.look_at(*unit_descriptors(values))
            self._tick()
        if self._count(self.sizes[0]) == 0:
            raise RequestError(
                "input",
                f"No atom of the first {self.sizes[0]} frames has a neighbour inside the cutoff: "
                f"choose a larger cutoff_A.",
            )
        sparse = self.sparse()
        factor = sparse_factor(sparse)
        self.state.sums = self.state.sums or no_sums(self.chosen.m, len(self.elements))
        sums = self.state.sums
        while True:
            self._after_frame(sums, factor)
            if sums.n_frames == len(self.frames):
                return
            frame = describe(self._look_at(sums.n_frames, keep=False))
            block = kernel_block(sparse, frame, len(self.frames[sums.n_frames]))
            add_frame(sums, factor, block, self.labels)
            self.state.tried = {}
            self._tick()

    def sparse(self, n_frames: int | None = None) -> SparseSet:
        """Return the sparse set that comes from the first frames.

        Parameters
        ----------
        n_frames
            How many; None for all.

        Returns
        -------
        The set.
        """
        m = self._count(n_frames)
        units, species = self.chosen.units[:m], self.chosen.species[:m]
        return sparse_set(units, species, self.settings["power"], len(self.elements))

    def write(self, n_frames: int, folder: Path) -> None:
        """Write the model of the first frames.

        Parameters
        ----------
        n_frames
            How many.
        folder
            Folder of the model.
        """
        model, sparse = self.state.models[n_frames], self.sparse(n_frames)
        about = {
            "trainer": "flare",
            "settings": self.settings,
            "elements": self.elements,
            "atom_energies": model["atom_energies"],
            "values": dict(zip(NAMES, model["values"], strict=True)),
            "n_frames": n_frames,
            "sparse_indices": self.chosen.picks[:n_frames],
        }
        arrays = {"units": sparse.units, "species": sparse.species, "weights": model["weights"]}
        write_model(folder, about, arrays)

    def summary(self, n_frames: int) -> dict[str, float]:
        """Return the account of the model of the first frames.

        Parameters
        ----------
        n_frames
            How many.

        Returns
        -------
        Numbers by name.
        """
        model = self.state.models[n_frames]
        return {
            "n_frames": n_frames,
            "n_environments": self._count(n_frames),
            "log_likelihood": max(
                row["log_likelihood"] for row in model["history"] if row["n_frames"] == n_frames
            ),
            **dict(zip(NAMES, model["values"], strict=True)),
            "elapsed_s": self.clock.elapsed_s(),
            "resumed_from": self.resumed_from,
            "checkpoints_refused": self.refused,
        }

    def _look_at(self, number: int, keep: bool) -> Any:
        """Return FLARE's values of a frame; the first pass keeps some for the second."""
        if number in self.seen:
            return self.seen.pop(number)
        atoms, cutoff_A = self.frames[number], self.settings["cutoff_A"]
        values = look_at(atoms, self.descriptor, self.elements, cutoff_A)
        size = sum(slopes.nbytes for slopes in values.descriptor_force_dervs)
        if keep and size <= self.room:
            self.seen[number], self.room = values, self.room - size
        return values

    def _count(self, n_frames: int | None) -> int:
        return sum(map(len, self.chosen.picks[:n_frames]))

    def _after_frame(self, sums: Sums, factor: np.ndarray) -> None:
        """Make the model of the frames so far and optimise on the way, where this is asked for."""
        n, every = sums.n_frames, self.settings["optimise_every"]
        if n in self.sizes and n not in self.state.models:
            problem, offsets = leading_problem(sums, self.labels, self._count(n))
            values, rows = self._optimise(problem, n, self.settings["starts"])
            m = len(problem.vectors.T)
            self.state.models[n] = {
                "values": values.tolist(),
                "weights": sparse_weights(problem, np.asfortranarray(factor[:m, :m]), values),
                "atom_energies": offsets.tolist(),
                "history": [*self.state.history, *rows],
            }
        periodic = every and n and n % every == 0 and n < len(self.frames)
        if (
            periodic
            and self._count(n)
            and not any(row["n_frames"] == n for row in self.state.history)
        ):
            problem, _ = leading_problem(sums, self.labels, self._count(n))
            values, rows = self._optimise(problem, n, starts=1)
            self.state.values = values.tolist()
            self.state.history += rows

    def _optimise(
        self, problem: Any, n_frames: int, starts: int
    ) -> tuple[np.ndarray, list[dict[str, float]]]:
        centre = self._start_values(n_frames)
        near = np.array(self.state.values) if self.state.values else centre
        search = Search(problem, self.state.tried, self._tick)
        values = optimise(search, self.request, [near, centre], starts)
        counts = {"n_frames": float(n_frames), "n_environments": float(self._count(n_frames))}
        return values, [counts | row for row in search.history]

    def _start_values(self, n_frames: int) -> np.ndarray:
        values = {name: self.settings[name] for name in NAMES}
        if values["noise_force"] is None:
            forces = np.concatenate(self.labels.forces[:n_frames])
            values["noise_force"] = self.request["noise_fraction"] * np.mean(np.abs(forces))
        low, high = np.array([self.request["bounds"][name] for name in NAMES]).T
        return np.clip([values[name] for name in NAMES], low, high)

    def _tick(self) -> None:
        """Say how far it is; keep a checkpoint when it is time."""
        done = len(self.chosen.picks), self.state.sums.n_frames if self.state.sums else 0
        self.step += 1
        values = {"environments": float(self.chosen.m)}
        costs = [cost for cost, _ in self.state.tried.values() if np.isfinite(cost)]
        if costs:
            values["log_likelihood"] = -min(costs)
        self.clock.tell((sum(done) + 1) // 2, values, self._eta_s(*done))
        self.clock.keep(self.step, self._save)

    def _eta_s(self, selected: int, added: int) -> float:
        """Scale the prediction for what is left by how well it was for what is done."""
        predicted = self.request["predicted_s"]
        n = len(self.frames)
        done = (predicted["select"] * selected + predicted["add"] * added) / n
        left = sum(predicted.values()) - done
        return left * self.clock.elapsed_s() / max(done, 1e-9)

    def _save(self, path: Path) -> None:
        state, models = self.state, self.state.models
        arrays = {"units": self.chosen.units, "species": self.chosen.species}
        if state.sums is None:
            arrays["factor"] = pack(self.chosen.factor)
        else:
            arrays |= {f"gram{q}": pack(gram) for q, gram in enumerate(state.sums.grams)}
            arrays["vectors"] = state.sums.vectors
        if state.tried:
            arrays["tried"] = np.array(
                [[*np.frombuffer(key), cost, *slope] for key, (cost, slope) in state.tried.items()]
            )
        arrays |= {f"weights{n}": model["weights"] for n, model in models.items()}
        about = {
            "training": self.name,
            "step": self.step,
            "elapsed_s": self.clock.elapsed_s(),
            "picks": self.chosen.picks,
            "n_frames": state.sums.n_frames if state.sums else None,
            "values": state.values,
            "history": state.history,
            "models": {
                n: {key: value for key, value in model.items() if key != "weights"}
                for n, model in models.items()
            },
        }
        write_checkpoint(path, arrays, about)

    def _resume(self) -> None:
        found, self.refused = read_checkpoint(self.request["resume"], self.name)
        if found is None:
            return
        arrays, about = found
        m = len(arrays["species"])
        factor = np.ascontiguousarray(unpack(arrays["factor"], m)) if "factor" in arrays else None
        self.chosen.restore(about["picks"], arrays["units"], arrays["species"], factor)
        if about["n_frames"] is not None:
            grams = [unpack(arrays[f"gram{q}"], m) for q in range(3)]
            self.state.sums = Sums(grams, arrays["vectors"], about["n_frames"])
        self.state.values, self.state.history = about["values"], about["history"]
        for row in arrays.get("tried", np.zeros((0, 9))):
            self.state.tried[row[:4].tobytes()] = float(row[4]), row[5:].copy()
        for n, model in about["models"].items():
            self.state.models[int(n)] = model | {"weights": arrays[f"weights{n}"]}
        self.step = self.resumed_from = about["step"]
        self.clock.before_s = about["elapsed_s"]
