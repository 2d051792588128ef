"""The job that makes a learning curve from the evaluations of its sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.label import Label
from tm23flows.documents.learning_curve import (
    CurveFit,
    CurvePoint,
    ExponentInterval,
    LearningCurve,
    Resampling,
    l_max_of,
    learning_curve_id,
)
from tm23flows.documents.model import Model
from tm23flows.errors import InputError, TrainingError
from tm23flows.jobs.context import open_archive
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.power_law import (
    LEAST_SIZES,
    Interval,
    bootstrap_power_law,
    fit_power_law,
)
from tm23flows.trainers.base import get_trainer

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@dataclass(frozen=True)
class _Size:
    """One size, with what there is of it."""

    dataset: Dataset
    n_train: int
    model: Model | None
    evaluation: Evaluation | None


@dataclass(frozen=True)
class _TestFrames:
    """Errors of all measured sizes on the same test frames.

    ``errors`` (sizes, frames) are mean absolute errors of force components in eV/angstrom,
    ``weights`` the numbers of components; the frames of a run are in the order of time.
    """

    errors: np.ndarray
    weights: np.ndarray
    runs: list[tuple[Any, ...]]
    groups: list[str]


@job
def fit_learning_curve(
    dataset_ids: list[str | None],
    model_ids: list[str | None],
    evaluation_ids: list[str | None],
    trainer: str,
    hyperparameters: dict[str, Any],
    seed: int,
    train_part: str,
    resampling: dict[str, Any],
) -> dict[str, Any]:
    """Fit a power law to the force errors of several sizes, store the curve and return the law.

    A size whose training or evaluation failed is a gap: the others are fitted, and the curve
    says what is missing.

    Parameters
    ----------
    dataset_ids
        Datasets, one for each size, in any order, all with the same test frames.
    model_ids
        The model of each; None where its training failed.
    evaluation_ids
        The evaluation of each; None where it failed.
    trainer
        Name of the trainer.
    hyperparameters
        The ones that differ from the trainer's defaults.
    seed
        Seed of the trainings.
    train_part
        Part of the datasets that was trained on.
    resampling
        Fields of :class:`tm23flows.documents.learning_curve.Resampling`.

    Returns
    -------
    ``learning_curve_id``, ``exponent``, ``r_squared``, ``exponent_low`` and ``exponent_high``
    over all test frames, None for what could not be had, and ``reason``.

    Raises
    ------
    InputError
        If the sizes differ in more than the training frames.
    TrainingError
        If no size was measured.
    """
    archive = open_archive()
    settings = get_trainer(trainer).hyperparameters(**hyperparameters).model_dump(mode="json")
    sizes = _sizes(archive, dataset_ids, model_ids, evaluation_ids, train_part)
    drawn = Resampling(**resampling)
    results = {
        one.dataset.id: tuple(part.id if part else None for part in (one.model, one.evaluation))
        for one in sizes
    }
    key = learning_curve_id(trainer, settings, seed, results, drawn)
    if not archive.existing(LearningCurve, [key]):
        _check(sizes, trainer, settings, seed)
        archive.put(_make_curve(archive, sizes, train_part, drawn))
    return _in_short(archive.get(LearningCurve, key))


def _in_short(curve: LearningCurve) -> dict[str, Any]:
    fit = curve.fit
    interval = fit.interval if fit else None
    return {
        "learning_curve_id": curve.id,
        "exponent": fit.exponent if fit else None,
        "r_squared": fit.r_squared if fit else None,
        "exponent_low": interval.low if interval else None,
        "exponent_high": interval.high if interval else None,
        "reason": curve.reason,
    }


def _sizes(
    archive: Archive,
    dataset_ids: Sequence[str | None],
    model_ids: Sequence[str | None],
    evaluation_ids: Sequence[str | None],
    train_part: str,
) -> list[_Size]:
    """Read what there is, from small to large."""
    if None in dataset_ids or not dataset_ids:
        raise InputError("The datasets of the learning curve were not made: see their job.")
    found = []
    for dataset_id, model, evaluation in zip(dataset_ids, model_ids, evaluation_ids, strict=True):
        dataset = archive.get(Dataset, dataset_id)
        if not dataset.parts.get(train_part):
            raise InputError(f"The dataset {dataset.id[:12]} has no part '{train_part}'.")
        found.append(
            _Size(
                dataset,
                len(dataset.parts[train_part]),
                archive.get(Model, model) if model else None,
                archive.get(Evaluation, evaluation) if evaluation else None,
            )
        )
    found.sort(key=lambda one: one.n_train)
    if len({one.n_train for one in found}) < len(found):
        raise InputError("Two datasets of the learning curve have the same number of frames.")
    return found


def _check(sizes: Sequence[_Size], trainer: str, settings: dict[str, Any], seed: int) -> None:
    """Refuse sizes that differ in more than the training frames."""
    asked = (trainer, settings, seed)
    for one in sizes:
        model, evaluation = one.model, one.evaluation
        if model and (model.trainer, model.hyperparameters, model.seed) != asked:
            raise InputError(
                f"The model {model.id[:12]} of the learning curve was trained with other settings."
            )
        pair = (model.id if model else None, one.dataset.id)
        if evaluation and (evaluation.model_id, evaluation.dataset_id) != pair:
            raise InputError(
                f"The evaluation {evaluation.id[:12]} is not of the model and the dataset of its "
                "size."
            )
    if not any(one.evaluation for one in sizes):
        raise TrainingError(
            "No size of the learning curve was measured: see why its trainings failed, and run "
            "them again."
        )
    done = [one.evaluation for one in sizes if one.evaluation]
    if len({(one.part, one.energy_reference) for one in done}) > 1:
        raise InputError("The sizes of the learning curve were measured on several parts.")


def _make_curve(
    archive: Archive, sizes: Sequence[_Size], train_part: str, resampling: Resampling
) -> LearningCurve:
    measured = [one for one in sizes if one.evaluation]
    model = next(one.model for one in measured if one.model)
    frames = _test_frames(archive, [one.evaluation for one in measured if one.evaluation])
    fits, doubts = [], list(_gaps(sizes))
    if len(measured) < LEAST_SIZES:
        doubts.append(f"With {len(measured)} measured sizes there is no R^2 and no interval.")
    for name in dict.fromkeys(["all", *frames.groups]):
        fit, doubt = _fit(name, [one.n_train for one in measured], frames, resampling)
        fits += [fit] if fit else []
        doubts += [f"{name}: {doubt}"] if doubt else []
    return LearningCurve(
        provenance=Provenance.now(model.provenance.software, {"trainer": model.trainer}),
        element=sizes[0].dataset.element,
        trainer=model.trainer,
        hyperparameters=model.hyperparameters,
        l_max=l_max_of(model.hyperparameters),
        seed=model.seed,
        train_part=train_part,
        test_part=next(one.part for one in (size.evaluation for size in measured) if one),
        points=tuple(_point(one) for one in sizes),
        resampling=resampling,
        fits=tuple(fits),
        reason=" ".join(doubts),
    )


def _gaps(sizes: Sequence[_Size]) -> Iterator[str]:
    for what, missing in (
        ("model", [str(one.n_train) for one in sizes if not one.model]),
        ("evaluation", [str(one.n_train) for one in sizes if one.model and not one.evaluation]),
    ):
        if missing:
            yield f"Without a{'n' * (what[0] == 'e')} {what}: N = {', '.join(missing)}."


def _point(size: _Size) -> CurvePoint:
    model, evaluation = size.model, size.evaluation
    errors = evaluation.errors[0] if evaluation else None
    return CurvePoint(
        n_train=size.n_train,
        dataset_id=size.dataset.id,
        model_id=model.id if model else None,
        evaluation_id=evaluation.id if evaluation else None,
        energy=errors.energy if errors else None,
        force=errors.force if errors else None,
        stress=errors.stress if errors else None,
        wall_s=model.wall_s if model else None,
    )


def _test_frames(archive: Archive, evaluations: Sequence[Evaluation]) -> _TestFrames:
    arrays = [archive.blobs.get_arrays(one.predictions) for one in evaluations]
    ids = [str(one) for one in arrays[0]["label_id"]]
    if any([str(one) for one in other["label_id"]] != ids for other in arrays[1:]):
        raise InputError(
            "The sizes of the learning curve were measured on different test frames: make the "
            "datasets with the split 'learning-curve'."
        )
    labels = archive.get_many(Label, ids)
    runs = [(one.trajectory_id, one.regime, one.temperature_K) for one in labels]
    # The bootstrap takes the frames of a run in the order in which they are.
    order = sorted(range(len(labels)), key=lambda i: (labels[i].step or 0, i))
    reference = np.concatenate([one.forces for one in labels])
    atoms = np.array([one.n_atoms for one in labels])
    starts = np.concatenate([[0], np.cumsum(atoms)[:-1]])
    sums = [
        np.add.reduceat(np.abs(one["forces"] - reference).sum(axis=1), starts) for one in arrays
    ]
    return _TestFrames(
        errors=(np.array(sums) / (3 * atoms))[:, order],
        weights=(3 * atoms)[order],
        runs=[runs[i] for i in order],
        groups=[labels[i].regime or "other" for i in order],
    )


def _fit(
    group: str, sizes: list[int], frames: _TestFrames, resampling: Resampling
) -> tuple[CurveFit | None, str]:
    """Fit the law of one group; return it with what is to be said against it."""
    chosen = [i for i, one in enumerate(frames.groups) if group in ("all", one)]
    errors, weights = frames.errors[:, chosen], frames.weights[chosen]
    means = errors @ weights / weights.sum()
    if len(sizes) < 2:
        return None, "one size is no curve."
    if not means.all():
        return None, "a size has no error at all, which no power law has."
    law = fit_power_law(sizes, means)
    bootstrap = Bootstrap(**resampling.model_dump())
    runs = [frames.runs[i] for i in chosen]
    found = bootstrap_power_law(sizes, errors, weights, runs, bootstrap)
    fit = CurveFit(
        group=group,
        n_frames=len(chosen),
        sizes=tuple(sizes),
        force_mae=tuple(means.tolist()),
        **asdict(law),
        interval=_interval(found) if found else None,
    )
    return fit, _doubt(found, len(sizes), len(chosen))


def _interval(found: Interval) -> ExponentInterval:
    low, high = found.exponent
    return ExponentInterval(
        low=low,
        high=high,
        band_low=tuple(found.band[:, 0].tolist()),
        band_high=tuple(found.band[:, 1].tolist()),
        block_length=found.block_length,
        effective_frames=found.effective_frames,
        trusted=found.is_trusted,
    )


def _doubt(found: Interval | None, n_sizes: int, n_frames: int) -> str:
    if found is None:
        few = "the test frames are too few, or too correlated, for an interval."
        return "" if n_sizes < LEAST_SIZES else few
    if found.is_trusted:
        return ""
    return (
        f"{n_frames} test frames are worth {found.effective_frames:.0f} independent ones, too few "
        "for the interval, which is too narrow."
    )
