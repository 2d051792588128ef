"""What is measured on several label sets of the same frames, and how it is said.

Owns the matching by frame and the words; the smearing and the electron-count study make their
documents from it. The numbers are made in :mod:`tm23flows.science.paired_errors` and
:mod:`tm23flows.science.force_response`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tm23flows.documents.convergence import Convergence, gamma_recipe
from tm23flows.documents.label import Label
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.studies.label_sets import ErrorsOfSet, NoiseRow, ResponseRow
from tm23flows.errors import InputError
from tm23flows.jobs.studies.label_sets import LabelSet
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.force_response import mean_response
from tm23flows.science.paired_errors import Comparison, ForceSet, compare_sets
from tm23flows.science.protocol import K_FORCE_NOISE_EV_PER_A


@dataclass(frozen=True)
class Measured:
    """What was found on the sets of one metal; ``rows`` are fields of a ``LabelSetRow``."""

    element: str
    sets: tuple[LabelSet, ...]
    comparison: Comparison
    rows: tuple[dict[str, Any], ...]
    convergence: Convergence | None


def measure_sets(
    element: str,
    sets: Sequence[LabelSet],
    convergence: Convergence | None,
    bootstrap: Bootstrap,
    allow_missing: bool = False,
) -> Measured:
    """Measure noise, errors and force response of the sets of a metal.

    Parameters
    ----------
    element
        Chemical symbol.
    sets
        The sets; the first is what the others are compared with.
    convergence
        The test that chose the k-mesh of all of them, if there is one.
    bootstrap
        How frames are drawn for the intervals.
    allow_missing
        Compare on the frames that all sets have, instead of refusing.

    Returns
    -------
    The numbers.

    Raises
    ------
    InputError
        If the sets are not of the same frames.
    """
    tests = _ordered(sets, [set(one.predicted) for one in sets], allow_missing)
    everything = _ordered(sets, [set(one.labels) for one in sets], allow_missing)
    noises = [_noise(one, tests) for one in sets]
    given = [_force_set(one, noise, tests) for one, noise in zip(sets, noises, strict=True)]
    counts, runs = _counts_and_runs(sets[0], tests)
    comparison = compare_sets(given, counts, runs, bootstrap)
    rows = tuple(
        {
            "recipe_id": one.recipe.id,
            "dataset_id": one.dataset.id,
            "model_id": one.model.id,
            "evaluation_id": one.evaluation.id,
            "force": ErrorsOfSet.model_validate(errors),
            "noise": noise,
            "response": None if one is sets[0] else _response(sets[0], one, everything, bootstrap),
            "dos_ids": one.dos_ids,
        }
        for one, noise, errors in zip(sets, noises, comparison.sets, strict=True)
    )
    return Measured(element, tuple(sets), comparison, rows, convergence)


def metal_fields(measured: Measured, change: str, bootstrap: Bootstrap) -> dict[str, Any]:
    """Return the fields of a ``MetalRow``.

    Parameters
    ----------
    measured
        The numbers of the metal.
    change
        What changes from the first set to the last, in words.
    bootstrap
        What the intervals were made with.

    Returns
    -------
    The fields.
    """
    first, comparison = measured.sets[0], measured.comparison
    last = comparison.sets[-1].change
    test = measured.convergence
    return {
        "element": measured.element,
        "kmesh": first.recipe.kmesh,
        "kmesh_offset": first.recipe.kmesh_offset,
        "convergence_id": None if test is None else test.id,
        "converged": _is_converged(test, first.recipe),
        "n_train": len(first.dataset.parts[first.model.part]),
        "n_test": comparison.n_frames,
        "block_length": comparison.blocks.length,
        "effective_frames": comparison.blocks.effective_frames,
        "trusted": comparison.blocks.is_trusted,
        "verdict": last.verdict if last else "unresolved",
        "sentence": change_in_words(measured, change, bootstrap),
    }


def change_in_words(measured: Measured, change: str, bootstrap: Bootstrap) -> str:
    """Say how the force error changes from the first set to the last, and no more than is known.

    Parameters
    ----------
    measured
        The numbers of the metal.
    change
        What changes, such as ``from SIGMA 0.2 to 2 eV``.
    bootstrap
        What the intervals were made with.

    Returns
    -------
    One to three sentences. Where the test frames are too few for the interval, a change that
    seems to be resolved is called a hint: of nine frames in three runs, neighbours alike by half,
    the intervals of two equal models exclude zero for one pair in five instead of one in twenty.
    """
    errors = measured.comparison.sets
    found = errors[-1].change
    assert found is not None, "a study has two sets"
    before, after = errors[0].percent.value, errors[-1].percent.value
    interval = "no interval, the test frames are too few or too correlated"
    if found.percent.low is not None:
        interval = (
            f"{100 * bootstrap.level:g} % interval {found.percent.low:+.2f} to "
            f"{found.percent.high:+.2f}"
        )
    numbers = f"{before:.2f} to {after:.2f} %, {found.percent.value:+.2f} points ({interval})"
    start = f"{measured.element}, {change}: the force error goes from {numbers}"
    if found.percent_without_noise is None:
        return f"{start}. The label noise was not measured, so nothing is concluded."
    if found.verdict == "noise":
        return f"{start}. This may be label noise: without it no such change is resolved."
    if found.verdict == "unresolved":
        if found.percent.sign:
            return f"{start}. The root mean square error does not follow, so nothing is resolved."
        return f"{start}. That is no change that is resolved."
    said = f"{start}. It {found.verdict}, and label noise does not explain it."
    if measured.comparison.blocks.is_trusted:
        return said
    return f"{said} With {measured.comparison.n_frames} test frames this is no more than a hint."


def warnings_of(measured: Measured, missing_allowed: bool) -> list[str]:
    """Say what a reader must know to judge the numbers of a metal.

    Parameters
    ----------
    measured
        The numbers of the metal.
    missing_allowed
        Whether frames without all labels were left out.

    Returns
    -------
    Sentences.
    """
    element, blocks = measured.element, measured.comparison.blocks
    recipe, test, said = measured.sets[0].recipe, measured.convergence, []
    if test is None or not _is_converged(test, recipe):
        said.append(
            f"The k-mesh {recipe.kmesh_text} of {element} was not shown to be converged at the "
            "first of its label sets: changes can be k-mesh noise, which smearing hides."
        )
    elif test.force_limit_eV_per_A > K_FORCE_NOISE_EV_PER_A:
        said.append(
            f"The k-mesh {recipe.kmesh_text} of {element} is converged to "
            f"{1000 * test.force_limit_eV_per_A:g} meV/A in forces; the article asks for "
            f"{1000 * K_FORCE_NOISE_EV_PER_A:g}."
        )
    if not blocks.is_trusted:
        said.append(
            f"{measured.comparison.n_frames} test frames of {element} are worth at most "
            f"{blocks.effective_frames:.0f} independent ones, too few for the intervals, which "
            "may be too narrow."
        )
    if any(row["noise"] is None for row in measured.rows):
        said.append(f"The label noise of {element} is not known for all label sets.")
    sizes = {len(one.labels) for one in measured.sets}
    if missing_allowed and len(sizes) > 1:
        said.append(
            f"The label sets of {element} have {min(sizes)} to {max(sizes)} frames; test errors "
            "and force responses are of those that all have, trainings are not."
        )
    if recipe.engine == "emt":
        said.append(f"The labels of {element} come from EMT, which has no electrons.")
    return said


def _ordered(
    sets: Sequence[LabelSet], frames: Sequence[set[str]], allow_missing: bool
) -> list[str]:
    """Return the frames that all sets have, in the order of time."""
    common, every = set.intersection(*frames), set.union(*frames)
    if not common or (len(common) < len(every) and not allow_missing):
        raise InputError(
            f"The label sets are not of the same frames: {len(every) - len(common)} of "
            f"{len(every)} are not in all of them. Label them, or set allow_missing=True to "
            "compare on those that are."
        )
    labels = sets[0].labels
    return sorted(common, key=lambda one: (_run(labels[one]), labels[one].step or 0, one))


def _run(label: Label) -> tuple[str, str, float]:
    return label.trajectory_id or "", label.regime or "", label.temperature_K or 0.0


def _counts_and_runs(
    one: LabelSet, frames: Sequence[str]
) -> tuple[list[int], list[tuple[str, str, float]]]:
    """Return the atoms of each frame and the run that it is of."""
    labels = [one.labels[frame] for frame in frames]
    return [label.n_atoms for label in labels], [_run(label) for label in labels]


def _forces(one: LabelSet, frames: Sequence[str]) -> np.ndarray:
    return np.concatenate([one.labels[frame].forces for frame in frames])


def _force_set(one: LabelSet, noise: NoiseRow | None, frames: Sequence[str]) -> ForceSet:
    predicted = np.concatenate([one.predicted[frame] for frame in frames])
    return ForceSet(predicted, _forces(one, frames), noise.rms if noise else None)


def _noise(one: LabelSet, tests: Sequence[str]) -> NoiseRow | None:
    frames = [frame for frame in one.noise_labels if frame in one.labels]
    if not frames:
        return None
    dense = [one.noise_labels[frame] for frame in frames]
    off = np.abs(_forces(one, frames) - np.concatenate([label.forces for label in dense]))
    mav = np.abs(_forces(one, tests)).mean()
    return NoiseRow(
        label_ids=tuple(label.id for label in dense),
        kmesh=dense[0].recipe.kmesh,
        kmesh_offset=dense[0].recipe.kmesh_offset,
        n_frames=len(frames),
        mae=float(off.mean()),
        rms=float(np.sqrt((off**2).mean())),
        largest=float(off.max()),
        percent=float(100 * off.mean() / mav),
    )


def _response(
    first: LabelSet, one: LabelSet, frames: Sequence[str], bootstrap: Bootstrap
) -> ResponseRow:
    counts, runs = _counts_and_runs(first, frames)
    found = mean_response(_forces(one, frames), _forces(first, frames), counts, runs, bootstrap)
    return ResponseRow.model_validate(found)


def _is_converged(test: Convergence | None, recipe: Recipe) -> bool:
    if test is None or not test.converged:
        return False
    mesh = (test.kmesh, test.kmesh_offset)
    return mesh == (recipe.kmesh, recipe.kmesh_offset) and test.base_recipe == gamma_recipe(recipe)
