"""The card of a dataset: what a reader must know before using it.

Owns what a card says, all of it computed from the archive when it is asked for: counts, metals,
temperatures, recipe, energy, ranges, how many independent frames there are, and the leak check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.errors import InputError
from tm23flows.science.decorrelation import Correlation
from tm23flows.science.leaks import check_leaks
from tm23flows.science.moments import Moment
from tm23flows.store.batches import batched
from tm23flows.store.datasets.candidates import FIELDS, Candidate
from tm23flows.store.datasets.correlations import RunCorrelation, run_correlations
from tm23flows.store.datasets.splitting import moments_of

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

METADATA = {**FIELDS, "n_atoms": 1, "magnitudes": 1}
"""Projection of a label for its card, without arrays."""

RECIPE_FIELDS = (
    "engine", "xc", "cutoff_eV", "kmesh", "kmesh_offset", "smearing", "smearing_order", "sigma_eV",
    "electron_shift", "spin_polarized",
)  # fmt: skip

Stored = Mapping[str, Any]


def dataset_card(archive: Archive, dataset: Dataset, correlations: bool = True) -> dict[str, Any]:
    """Describe a dataset.

    Parameters
    ----------
    archive
        The archive.
    dataset
        The dataset.
    correlations
        Whether to work out how many independent frames each run holds, which reads all forces.

    Returns
    -------
    JSON values; energies in eV per atom, forces in eV/angstrom, stresses in eV/angstrom^3, times
    in fs.

    Raises
    ------
    NotFoundError
        If a label of the dataset is gone.
    """
    labels = _metadata(archive, dataset.label_ids)
    moments = {m.id: m for m in moments_of(archive, map(Candidate.of_stored, labels.values()))}
    parts = {part: [moments[one] for one in ids] for part, ids in dataset.parts.items()}
    card: dict[str, Any] = {
        "id": dataset.id,
        "element": dataset.element,
        "rule": dataset.rule,
        "split_options": dataset.split_options,
        "query": dataset.query,
        "energy": dataset.energy,
        "pair_of": dataset.pair_of,
        "created": dataset.provenance.created.isoformat(timespec="milliseconds"),
        "n_labels": len(labels),
        "parts": {part: _counts(frames) for part, frames in parts.items()},
        "metals": dict(Counter(one["element"] for one in labels.values())),
        "temperatures_K": _temperatures(labels, moments),
        "recipes": _recipes(archive, labels),
        "ranges": _ranges(list(labels.values()), dataset.energy),
        "facts": dataset.facts,
        "leak_check": _leak_check(parts, dataset.facts.get("required_gap_fs")),
    }
    if correlations:
        runs = [
            _describe_run(one)
            for one in run_correlations(archive, list(moments.values()), dataset.energy)
        ]
        card["runs"] = runs
        card["effective_size"] = {
            kind: round(sum(run[kind]["effective_size"] for run in runs if run[kind]), 1)
            for kind in ("energy", "forces")
        }
    return card


def _metadata(archive: Archive, ids: Sequence[str]) -> dict[str, Stored]:
    found: dict[str, Stored] = {}
    for some in batched(ids):
        for stored in archive.database["labels"].find({"_id": {"$in": some}}, METADATA):
            found[stored["_id"]] = stored
    # What an older program stored has no magnitudes; one that is gone is named here.
    for some in batched(one for one in ids if "magnitudes" not in found.get(one, {})):
        for label in archive.get_many(Label, some):
            found[label.id] = {**found[label.id], "magnitudes": label.magnitudes.model_dump()}
    return {one: found[one] for one in ids}


def _counts(frames: Sequence[Moment]) -> dict[str, Any]:
    return {"n": len(frames), "by_temperature": dict(Counter(m.temperature for m in frames))}


def _temperatures(
    labels: Mapping[str, Stored], moments: Mapping[str, Moment]
) -> dict[str, list[float]]:
    targets: dict[str, set[float]] = {}
    for one, stored in labels.items():
        known = targets.setdefault(moments[one].temperature, set())
        if stored.get("temperature_K") is not None:
            known.add(stored["temperature_K"])
    return {name: sorted(known) for name, known in targets.items()}


def _recipes(archive: Archive, labels: Mapping[str, Stored]) -> list[dict[str, Any]]:
    of_recipe = {stored["recipe_id"]: one for one, stored in labels.items()}
    result = []
    for label in archive.get_many(Label, of_recipe.values()):
        settings = label.recipe.model_dump(mode="json")
        result.append(
            {"id": label.recipe_id, **{field: settings[field] for field in RECIPE_FIELDS}}
        )
    return result


def _ranges(labels: Sequence[Stored], energy: str) -> dict[str, Any]:
    def spread(values: Sequence[float | None]) -> list[float] | None:
        known = [value for value in values if value is not None]
        return [min(known), max(known)] if known else None

    per_atom = [
        None if (one := stored["energies"].get(energy)) is None else one / stored["n_atoms"]
        for stored in labels
    ]
    return {
        "n_atoms": spread([stored["n_atoms"] for stored in labels]),
        "energy_eV_per_atom": spread(per_atom),
        "largest_force_eV_per_A": spread([one["magnitudes"]["max_force"] for one in labels]),
        "largest_stress_eV_per_A3": spread([one["magnitudes"]["max_stress"] for one in labels]),
        "n_with_stress": sum(one["magnitudes"]["max_stress"] is not None for one in labels),
    }


def _leak_check(parts: Mapping[str, Sequence[Moment]], required: Any) -> dict[str, Any]:
    try:
        report = check_leaks(parts, required)
    except InputError as error:
        return {"passed": False, "message": str(error)}
    return {
        "passed": True,
        "required_gap_fs": report.required_gap_fs,
        "smallest_gap_fs": report.smallest_gap_fs,
        "n_without_time": report.n_without_time,
    }


def _describe_run(run: RunCorrelation) -> dict[str, Any]:
    return {
        "run": run.run,
        "temperature": run.temperature,
        "n": run.n,
        "stride_fs": run.stride_fs,
        "energy": _describe(run.energy, run.stride_fs),
        "forces": _describe(run.forces, run.stride_fs),
        "independent_every": run.independent_every,
    }


def _describe(found: Correlation | None, stride_fs: float | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "autocorrelation_time_fs": None if stride_fs is None else round(found.time * stride_fs, 3),
        "statistical_inefficiency": round(found.inefficiency, 3),
        "effective_size": round(found.effective_size, 1),
        "long_enough": found.is_long_enough,
    }
