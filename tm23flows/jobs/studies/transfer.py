"""The job that makes the transfer study from models that were trained at one temperature each.

Owns what is compared with what. A model of the matrix is compared with the one of the same kind
that was trained where both are tested, on the same frames. How it is judged, with all comparisons
of one metal as one family, is :mod:`tm23flows.science.model_comparison`. A model that failed is a
gap: the others are measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.learning_curve import Resampling
from tm23flows.documents.model import Model
from tm23flows.documents.studies.transfer import (
    TransferCell,
    TransferMetal,
    TransferResults,
    TransferTraining,
)
from tm23flows.documents.study import Study, sorted_parents, study_id
from tm23flows.errors import InputError, TrainingError
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.studies.transfer_cells import Tested, cell_of, rise_of
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.bounded_errors import measure
from tm23flows.science.frame_sums import sums_of_frames
from tm23flows.science.model_comparison import (
    Judged,
    compare_models,
    judge_all,
)
from tm23flows.store.predictions import PredictedFrames, read_predictions

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

KIND = "transfer"
Place = tuple[int, str]
"""A training, by its place, and a temperature that it was tested at."""


@job
def make_transfer_study(wired: dict[str, dict[str, Any]], settings: dict[str, Any]) -> dict:
    """Measure all trainings of each metal and store the study; one that is there stays.

    Parameters
    ----------
    wired
        By chemical symbol ``regimes``, rising, and ``trainings``: for each ``protocol``,
        ``trainer``, ``number``, ``trained_on``, ``train_part``, ``dataset_id``, ``model_id``, and
        the ``evaluations`` by the temperature that was tested. Ids of what failed are None.
    settings
        Settings of the analysis; ``resampling`` is used, all are stored.

    Returns
    -------
    ``study_id``, the number of models ``measured`` and of those ``missing``.

    Raises
    ------
    TrainingError
        If no model was measured.
    InputError
        If an evaluation is not of the model and the dataset that it is said to be of.
    """
    archive = open_archive()
    trainings = [one for metal in wired.values() for one in metal["trainings"]]
    found = [key for one in trainings for key in one["evaluations"].values() if key]
    if not found:
        raise TrainingError(
            "No model of the transfer study was measured: see why its trainings failed, and run "
            "them again."
        )
    parents = sorted_parents(
        datasets=[one["dataset_id"] for one in trainings if one["dataset_id"]],
        models=[one["model_id"] for one in trainings if one["model_id"]],
        evaluations=found,
    )
    key = study_id(KIND, tuple(wired), settings, parents)
    if not archive.existing(Study, [key]):
        bootstrap = Bootstrap(**Resampling(**settings["resampling"]).model_dump())
        metals = tuple(_metal(archive, element, one, bootstrap) for element, one in wired.items())
        study = Study(
            provenance=Provenance.now(inputs={"wired": wired}),
            elements=tuple(wired),
            settings=settings,
            parents=parents,
            results=TransferResults(metals=metals),
            warnings=tuple(one for metal in metals for one in _warnings(metal)),
        )
        archive.put(study)
    rows = [one for metal in archive.get(Study, key).results.metals for one in metal.trainings]
    measured = [one for one in rows if any(cell.evaluation_id for cell in one.cells)]
    return {"study_id": key, "measured": len(measured), "missing": len(rows) - len(measured)}


def _metal(
    archive: Archive, element: str, wired: dict[str, Any], bootstrap: Bootstrap
) -> TransferMetal:
    trainings = wired["trainings"]
    tests = {
        (place, regime): _test(archive, one, key, bootstrap)
        for place, one in enumerate(trainings)
        for regime, key in one["evaluations"].items()
        if key
    }
    penalties = _penalties(trainings, tests, bootstrap)
    return TransferMetal(
        element=element,
        regimes=tuple(wired["regimes"]),
        trainings=tuple(
            _training(archive, one, _cells(place, wired, tests, penalties))
            for place, one in enumerate(trainings)
        ),
    )


def _test(archive: Archive, training: dict[str, Any], key: str, bootstrap: Bootstrap) -> Tested:
    evaluation = archive.get(Evaluation, key)
    if (evaluation.model_id, evaluation.dataset_id) != (
        training["model_id"],
        training["dataset_id"],
    ):
        raise InputError(
            f"The evaluation {key[:12]} is not of the model and the dataset of its training."
        )
    frames = read_predictions(archive, evaluation)
    return Tested(evaluation, frames, measure(_sums(evaluation, frames), frames.runs, bootstrap))


def _sums(evaluation: Evaluation, frames: PredictedFrames) -> Any:
    reference: Any = evaluation.energy_reference
    return sums_of_frames(frames.predicted, frames.reference, reference, ())


def _penalties(
    trainings: Sequence[dict[str, Any]], tests: dict[Place, Tested], bootstrap: Bootstrap
) -> dict[Place, Judged]:
    """Compare each model of the matrix with the one that was trained where it is tested."""
    home = {
        (one["trainer"], one["number"], one["trained_on"]): place
        for place, one in enumerate(trainings)
        if one["protocol"] == "matrix"
    }
    found: dict[Place, Any] = {}
    for (place, regime), test in tests.items():
        one = trainings[place]
        other = tests.get((home.get((one["trainer"], one["number"], regime), -1), regime))
        if one["protocol"] != "matrix" or one["trained_on"] == regime or other is None:
            continue
        if difference := _force_difference(test, other, bootstrap):
            found[place, regime] = difference
    return dict(zip(found, judge_all(list(found.values()), bootstrap.level), strict=True))


def _force_difference(test: Tested, other: Tested, bootstrap: Bootstrap) -> Any:
    common = set(test.frames.label_ids) & set(other.frames.label_ids)
    if not common:
        return None
    frames = test.frames.only(common), other.frames.only(common)
    sums = [_sums(each.evaluation, one) for each, one in zip((test, other), frames, strict=True)]
    differences = compare_models(sums, frames[0].runs, bootstrap)
    return next(one for one in differences if one.quantity == "force")


def _cells(
    place: int, wired: dict[str, Any], tests: dict[Place, Tested], penalties: dict[Place, Judged]
) -> tuple[TransferCell, ...]:
    training = wired["trainings"][place]
    return tuple(
        cell_of(regime, training, tests.get((place, regime)), penalties.get((place, regime)))
        for regime in wired["regimes"]
        if regime in training["evaluations"]
    )


def _training(
    archive: Archive, wired: dict[str, Any], cells: tuple[TransferCell, ...]
) -> TransferTraining:
    return TransferTraining(
        **{name: wired[name] for name in ("protocol", "trainer", "number", "trained_on")},
        dataset_id=wired["dataset_id"],
        model_id=wired["model_id"],
        n_train=_n_train(archive, wired),
        cells=cells,
        rise=rise_of([one for one in cells if one.tested_on != wired["trained_on"]]),
    )


def _n_train(archive: Archive, wired: dict[str, Any]) -> int:
    if wired["dataset_id"] is None:
        return 0
    part = wired["train_part"]
    if wired["model_id"]:
        part = archive.get(Model, wired["model_id"]).part
    return len(archive.get(Dataset, wired["dataset_id"]).parts[part])


def _warnings(metal: TransferMetal) -> Iterator[str]:
    for one in metal.trainings:
        called = f"{metal.element}: {one.called} trained on {one.trained_on} ({one.protocol})"
        lost = [cell for cell in one.cells if cell.evaluation_id is None]
        if lost:
            where = ", ".join(cell.tested_on for cell in lost)
            yield f"{called} was not measured on {where}: {lost[0].reason}."
        for cell in one.cells:
            if cell.n_failed:
                yield f"{called} could not predict {cell.n_failed} frames of {cell.tested_on}."
    measured = [cell for one in metal.trainings for cell in one.cells if cell.evaluation_id]
    if any(cell.reason for cell in measured):
        yield f"{metal.element}: some test frames are too few, or too correlated, for intervals."
    elif any(not cell.trusted for cell in measured):
        yield f"{metal.element}: some test frames are too few for intervals that are wide enough."
