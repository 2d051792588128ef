"""The jobs of the density-of-states study: a draw of frames, and the moments of their d bands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.convergence import Convergence
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.density_of_states import DensityOfStates, dos_id
from tm23flows.documents.label import Label
from tm23flows.documents.studies.dos import DosFrame, DosMetal, DosResults
from tm23flows.documents.study import Study, sorted_parents, study_id
from tm23flows.errors import InputError, PhysicsError
from tm23flows.jobs.context import open_archive
from tm23flows.science.density_of_states import D_WINDOW_EV, d_band, integrated_electrons
from tm23flows.science.spectrum import Spectrum

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

MOMENTS = ("d_band_centre_eV", "d_band_width_eV", "d_filling", "d_below_fermi")


@dataclass(frozen=True)
class _Metal:
    """One metal, with what there is of it."""

    element: str
    dataset_id: str | None
    asked: int
    convergence: Convergence | None
    found: tuple[DensityOfStates, ...]


@job
def choose_frames(
    dataset_id: str, part: str, regime: str, count: int, seed: int
) -> dict[str, list[str]]:
    """Draw frames at random out of a part of a dataset.

    Parameters
    ----------
    dataset_id
        The dataset.
    part
        Part of it, such as test.
    regime
        Only frames of this one: cold, warm or melt.
    count
        How many.
    seed
        Of the draw; the same one gives the same frames.

    Returns
    -------
    ``frame_ids``, each once, in the order of the part.

    Raises
    ------
    InputError
        If there is no such part, or it has too few frames of the regime.
    """
    archive = open_archive()
    dataset = archive.get(Dataset, dataset_id)
    if part not in dataset.parts:
        raise InputError(
            f"The dataset {dataset_id[:12]} has no part '{part}'; it has "
            f"{', '.join(dataset.parts)}."
        )
    labels = archive.get_many(Label, dataset.parts[part])
    frames = list(dict.fromkeys(one.frame_id for one in labels if one.regime == regime))
    if not 1 <= count <= len(frames):
        raise InputError(
            f"{count} frames of the {regime} cannot be drawn from the part '{part}' of the dataset "
            f"{dataset_id[:12]}, which has {len(frames)}; ask for another count."
        )
    drawn = np.random.default_rng(seed).choice(len(frames), count, replace=False)
    return {"frame_ids": [frames[place] for place in sorted(drawn)]}


@job
def make_dos_study(metals: list[dict[str, Any]], settings: dict[str, Any]) -> dict[str, Any]:
    """Compare the d bands of metals, and store the study.

    A metal without any density of states is a gap, which the study names.

    Parameters
    ----------
    metals
        For each its ``element``, ``dataset_id``, ``frame_ids``, ``recipe_ids`` of the batches
        that made the densities of states, and ``convergence_id`` of the k-mesh, None where there
        was no test. What could not be made is None.
    settings
        What the analysis was told: ``width_eV``, and how the frames were drawn.

    Returns
    -------
    ``study_id``, and ``d_band_centre_eV`` by metal.

    Raises
    ------
    PhysicsError
        If there is no density of states at all.
    """
    archive = open_archive()
    read = [_read(archive, one) for one in metals]
    if not any(one.found for one in read):
        raise PhysicsError(
            "There is no density of states for the study: see why its labels were rejected, and "
            "run them again."
        )
    elements = tuple(one.element for one in read)
    told = {**settings, "window_eV": list(D_WINDOW_EV)}
    parents = sorted_parents(
        datasets=[one.dataset_id for one in read if one.dataset_id],
        convergences=[one.convergence.id for one in read if one.convergence],
        densities_of_states=[dos.id for one in read for dos in one.found],
    )
    key = study_id("dos", elements, told, parents)
    if not archive.existing(Study, [key]):
        rows = tuple(_row(archive, one, settings["width_eV"]) for one in read if one.found)
        results = DosResults(width_eV=settings["width_eV"], window_eV=D_WINDOW_EV, metals=rows)
        archive.put(
            Study(
                provenance=Provenance.now(inputs=told),
                elements=elements,
                settings=told,
                parents=parents,
                results=results,
                warnings=tuple(_warnings(read, results)),
            )
        )
    results = archive.get(Study, key).results
    assert isinstance(results, DosResults), "the kind is part of the id"
    centres = {one.element: one.d_band_centre_eV for one in results.metals}
    return {"study_id": key, "d_band_centre_eV": centres}


def _read(archive: Archive, metal: dict[str, Any]) -> _Metal:
    frame_ids: Sequence[str] = metal["frame_ids"] or ()
    recipes = {one for one in metal["recipe_ids"] or () if one}
    if len(recipes) > 1:
        raise InputError(f"The densities of states of {metal['element']} are of several recipes.")
    wanted = [dos_id(frame, one, D_WINDOW_EV) for one in recipes for frame in frame_ids]
    there = archive.existing(DensityOfStates, wanted)
    convergence_id = metal["convergence_id"]
    return _Metal(
        element=metal["element"],
        dataset_id=metal["dataset_id"],
        asked=len(frame_ids),
        convergence=archive.get(Convergence, convergence_id) if convergence_id else None,
        found=tuple(archive.get_many(DensityOfStates, [one for one in wanted if one in there])),
    )


def _row(archive: Archive, metal: _Metal, width_eV: float) -> DosMetal:
    frames = tuple(_frame(archive, one, width_eV) for one in metal.found)
    means = {name: _mean([getattr(one, name) for one in frames]) for name in MOMENTS}
    centres = [one.d_band_centre_eV for one in frames]
    first = metal.found[0]
    return DosMetal(
        element=metal.element,
        recipe_id=first.recipe_id,
        sigma_eV=first.recipe.sigma_eV,
        n_atoms=first.n_atoms,
        frames=frames,
        d_band_centre_error_eV=_standard_error(centres),
        **means,
    )


def _frame(archive: Archive, dos: DensityOfStates, width_eV: float) -> DosFrame:
    spectrum = Spectrum.from_arrays(archive.blobs.get_arrays(dos.spectrum))
    band = d_band(spectrum, dos.window_eV)
    return DosFrame(
        dos_id=dos.id,
        frame_id=dos.frame_id,
        electrons=dos.electrons,
        integrated_electrons=integrated_electrons(spectrum, width_eV),
        window_end_eV=band.window_eV[1],
        window_complete=dos.window_complete,
        d_band_centre_eV=dos.d_band_centre_eV,
        d_band_width_eV=dos.d_band_width_eV,
        d_filling=dos.d_filling,
        d_below_fermi=band.below_fermi,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _standard_error(values: Sequence[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    if len(known) < 2 or len(known) < len(values):
        return None
    return float(np.std(known, ddof=1) / np.sqrt(len(known)))


def _warnings(metals: Sequence[_Metal], results: DosResults) -> Iterator[str]:
    for one in metals:
        if not one.found:
            yield f"{one.element} has no density of states: its labels were not made."
        elif len(one.found) < one.asked:
            yield f"{one.element} has {len(one.found)} densities of states of {one.asked} frames."
        if one.found and one.convergence is None:
            mesh = one.found[0].recipe.kmesh_text
            yield f"The k-mesh {mesh} of {one.element} was not tested for convergence."
        elif one.convergence and not one.convergence.converged:
            yield f"The k-mesh of {one.element} is not converged: {one.convergence.reason}"
    for row in results.metals:
        if not row.window_complete:
            end = min(one.window_end_eV for one in row.frames)
            yield (
                f"The moments of {row.element} end at {end:.1f} eV, where states are missing, and "
                f"not at {results.window_eV[1]:g} eV: more bands (bands_percent) give them all."
            )
