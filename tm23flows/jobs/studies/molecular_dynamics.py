"""The job that compares runs with models with those of the program that made the labels.

Owns the comparison; what is measured on one run is :mod:`tm23flows.jobs.studies.run_measures`, and
what a reader is warned of :mod:`tm23flows.jobs.studies.run_warnings`. Runs that failed and crystals
that melted where the reference did not are rows and warnings, never dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.frame import Frame
from tm23flows.documents.structure import Structure
from tm23flows.documents.studies.molecular_dynamics import (
    DiffusionRow,
    MeltingRow,
    MolecularDynamicsResults,
    RunFailureRow,
    RunRow,
)
from tm23flows.documents.study import Study, sorted_parents, study_id
from tm23flows.documents.trajectory import Trajectory
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.run_starts import labels_at
from tm23flows.jobs.studies.run_measures import Measured, measure_run
from tm23flows.jobs.studies.run_warnings import run_warnings
from tm23flows.science.rdf import Rdf, radial_distribution, rdf_difference

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

KIND = "molecular-dynamics"
WITHOUT_RUN = "frames without a run have no order in time"


@job
def make_molecular_dynamics_study(
    wired: list[dict[str, Any]], settings: dict[str, Any]
) -> dict[str, Any]:
    """Measure all runs and store the study; one that is there stays.

    Parameters
    ----------
    wired
        For each metal, temperature and model ``element``, ``dataset_id``, ``regime``, ``model_id``
        (None where its training failed) and ``runs``, the output of the job that ran it.
    settings
        Settings of the analysis. The lengths of the runs are stored with them, because a run can
        grow.

    Returns
    -------
    ``study_id``, and how many runs with models there are (``n_runs``) and how many of them failed
    (``n_failed``).
    """
    archive = open_archive()
    runs = [run for one in wired for run in one["runs"]]
    ids = sorted({run[key] for run in runs for key in ("reference_id", "trajectory_id")} - {None})
    lengths = {run["trajectory_id"]: run["n_steps"] for run in runs if run["trajectory_id"]}
    complete = {**settings, "lengths": dict(sorted(lengths.items()))}
    parents = sorted_parents(
        datasets=[one["dataset_id"] for one in wired],
        models=[one["model_id"] for one in wired if one["model_id"]],
        trajectories=ids,
    )
    elements = tuple(dict.fromkeys(one["element"] for one in wired))
    key = study_id(KIND, elements, complete, parents)
    if not archive.existing(Study, [key]):
        results = measure_all(archive, wired, settings)
        study = Study(
            provenance=Provenance.now(inputs={"wired": wired}),
            elements=elements,
            settings=complete,
            parents=parents,
            results=results,
            warnings=tuple(run_warnings(archive, results)),
        )
        archive.put(study)
    rows = archive.get(Study, key).results.runs
    of_models = [one for one in rows if not one.is_reference]
    return {
        "study_id": key,
        "n_runs": len(of_models),
        "n_failed": sum(one.failure is not None for one in of_models),
    }


def measure_all(
    archive: Archive, wired: list[dict[str, Any]], settings: dict[str, Any]
) -> MolecularDynamicsResults:
    """Measure the reference and the models, metal by metal and temperature by temperature.

    Parameters
    ----------
    archive
        The archive.
    wired
        As the job is given it.
    settings
        Settings of the analysis.

    Returns
    -------
    The results; each reference is measured once, over the steps that were asked of the models.
    """
    references: dict[tuple[Any, ...], tuple[RunRow, Rdf | None]] = {}
    rows: dict[tuple[Any, ...], list[RunRow]] = {}
    for one in wired:
        about = {name: one[name] for name in ("element", "dataset_id", "regime")}
        for run in one["runs"]:
            place = (*about.values(), run["reference_id"])
            if place not in references:
                references[place] = _reference(archive, about, run, settings)
                rows[place] = [references[place][0]]
            rdf = references[place][1]
            rows[place].append(_row(archive, about, run, one["model_id"], rdf, settings))
    width = settings["bin_A"]
    n_bins = int(np.ceil(settings["r_max_A"] / width - 1e-9))
    return MolecularDynamicsResults(
        r_A=tuple((width * (np.arange(n_bins) + 0.5)).tolist()),
        runs=tuple(row for some in rows.values() for row in some),
    )


def _reference(
    archive: Archive, about: dict[str, Any], run: dict[str, Any], settings: dict[str, Any]
) -> tuple[RunRow, Rdf | None]:
    if run["reference_id"] is None:
        return _frames_row(archive, about, run, settings)
    trajectory = archive.get(Trajectory, run["reference_id"])
    steps = min(run["asked_steps"], trajectory.n_steps)
    found = measure_run(archive, trajectory, steps, None, settings)
    row = RunRow(
        **about,
        **found.fields,
        **_structure_fields(found),
        is_reference=True,
        model_id=None,
        reference_id=None,
        rdf_difference=found.noise,
    )
    return row, found.rdf


def _row(
    archive: Archive,
    about: dict[str, Any],
    run: dict[str, Any],
    model_id: str | None,
    reference: Rdf | None,
    settings: dict[str, Any],
) -> RunRow:
    named = {"is_reference": False, "model_id": model_id, "reference_id": run["reference_id"]}
    if run["trajectory_id"] is None:
        reason = run["stopped"] or "the time was over"
        failure = RunFailureRow(kind="not begun", step=1, time_ps=0.0, reason=reason)
        return RunRow(
            **about, **named, **_nothing("there is no run"), failure=failure,
            temperature_K=run["temperature_K"], asked_steps=run["asked_steps"], n_atoms=None,
        )  # fmt: skip
    trajectory = archive.get(Trajectory, run["trajectory_id"])
    found = measure_run(archive, trajectory, run["asked_steps"], run["stopped"], settings)
    both = found.rdf is not None and reference is not None
    return RunRow(
        **about,
        **found.fields,
        **_structure_fields(found),
        **named,
        rdf_difference=rdf_difference(found.rdf, reference) if both else None,
    )


def _structure_fields(found: Measured) -> dict[str, Any]:
    rdf = found.rdf
    return {
        "g": None if rdf is None else tuple(rdf.g.tolist()),
        "rdf_frames": 0 if rdf is None else rdf.n_frames,
    }


def _frames_row(
    archive: Archive, about: dict[str, Any], run: dict[str, Any], settings: dict[str, Any]
) -> tuple[RunRow, Rdf]:
    """Take g(r) from frames of the same cell, which is all that there is without a run."""
    start = archive.get(Structure, run["structure_id"])
    labels = labels_at(archive, about["dataset_id"], about["regime"])
    every = max(1, -(-len(labels) // settings["max_frames"]))
    frames = [
        one
        for one in archive.get_many(Frame, [one.frame_id for one in labels[::every]])
        if len(one.numbers) == len(start.numbers) and np.array_equal(one.cell, start.cell)
    ]
    positions = np.array([one.positions for one in frames] or [start.positions])
    rdf = radial_distribution(positions, start.cell, settings["r_max_A"], settings["bin_A"])
    row = RunRow(
        **about,
        **{**_nothing(WITHOUT_RUN), "g": tuple(rdf.g.tolist()), "rdf_frames": rdf.n_frames},
        is_reference=True,
        model_id=None,
        reference_id=None,
        failure=None,
        temperature_K=run["temperature_K"],
        asked_steps=0,
        n_atoms=len(start.numbers),
    )
    return row, rdf


def _nothing(reason: str) -> dict[str, Any]:
    """Return the fields of a row without a run."""
    numbers = (
        "trajectory_id", "timestep_fs", "temperature_mean_K", "temperature_std_K",
        "drift_meV_per_atom_per_ps", "min_distance_A", "g", "rdf_difference",
    )  # fmt: skip
    return {
        **dict.fromkeys(numbers),
        "n_steps": 0,
        "rdf_frames": 0,
        "melting": MeltingRow(verdict=None, min_over_max=None, moved_share=None, reason=reason),
        "diffusion": DiffusionRow(value_A2_per_ps=None, reason=reason),
    }
