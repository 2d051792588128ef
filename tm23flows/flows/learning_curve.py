"""The Maker of learning curves: one trainer on datasets of rising size, tested on one set.

Owns the wiring, and how the datasets of a curve are found by their name. The law is fitted in
:mod:`tm23flows.jobs.learning_curve`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobflow import Flow, Maker
from jobflow.core.reference import OnMissing, OutputReference

from tm23flows.documents.learning_curve import L_MAX_NAMES, Resampling
from tm23flows.errors import InputError, NotFoundError
from tm23flows.flows.naming import tagged
from tm23flows.jobs.evaluation import evaluate_model
from tm23flows.jobs.learning_curve import fit_learning_curve
from tm23flows.jobs.model import train_model
from tm23flows.jobs.model_sizes import train_sizes
from tm23flows.science import protocol
from tm23flows.science.metrics import check_energy_reference
from tm23flows.store.archive import Archive
from tm23flows.store.collections import DATASET_NAMES
from tm23flows.store.datasets.names import find_dataset
from tm23flows.trainers.base import get_trainer

if TYPE_CHECKING:
    from jobflow import Job

    from tm23flows.documents.dataset import Dataset

RULE = "learning-curve"
"""Name of the split that makes the datasets of a curve."""


@dataclass
class LearningCurveMaker(Maker):
    """Train on each size, evaluate each model on the same frames and fit a power law.

    A trainer that can grow a model (FLARE) makes those of all sizes in one job; each is the
    same as if it were trained alone. Of the others every size is a job of its own. A size that
    fails is a gap in the curve. Models, evaluations and curves that exist are not made again.

    Parameters
    ----------
    name
        Word for the curve in the names of the jobs.
    trainer
        Name of the trainer.
    hyperparameters
        The ones that differ from the trainer's defaults.
    l_max
        Highest angular momenta; each gives a curve of its own. For NequIP the multiplicity of
        the features goes with it as in the article, unless the hyperparameters say it.
    seeds
        Seeds of the trainings; each gives a curve of its own. The spread of their exponents is
        what the interval of one curve does not hold.
    sizes
        Numbers of training frames; empty takes all datasets that there are.
    train_part
        Part of the datasets to train on.
    test_part
        Part of the datasets to predict, the same frames in all of them.
    energy_reference
        How the energy MAV is referenced.
    resampling
        How the interval of the exponent is made.

    Examples
    --------
    >>> maker = LearningCurveMaker(trainer="nequip", l_max=(1,))
    >>> flow = maker.make({100: "id", 300: "other id"}, "Cu")
    >>> [job.name for job in flow.jobs[0].jobs][-1]
    'Cu nequip l_max 1 learning curve'
    """

    name: str = "learning curve"
    trainer: str = "flare"
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    l_max: tuple[int, ...] = ()
    seeds: tuple[int, ...] = (0,)
    sizes: tuple[int, ...] = ()
    train_part: str = "train"
    test_part: str = "test"
    energy_reference: str = "mean-per-atom"
    resampling: Resampling = field(default_factory=Resampling)

    def make(self, datasets: Mapping[int, str] | str, element: str) -> Flow:
        """Wire trainings, evaluations and fits.

        Parameters
        ----------
        datasets
            Ids of datasets, or references to them, by size; see :func:`datasets_by_size`. Or
            the name under which the split 'learning-curve' made them, which is looked up now.
        element
            Chemical symbol, for names and tags.

        Returns
        -------
        A flow of one flow per curve, whose output has the outputs of their fits in
        ``learning_curves``.

        Raises
        ------
        InputError
            If there is no such trainer, it takes no such hyperparameters, there are fewer than
            two sizes, or one that was asked for is not there.
        NotFoundError
            If there are no datasets of this name.
        """
        check_energy_reference(self.energy_reference)
        if isinstance(datasets, str):
            found = find_curve_datasets(Archive.open(), datasets)
            datasets = {size: one.id for size, one in found.items()}
        chosen = self._choose(datasets)
        settings = self._settings()
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InputError("A learning curve needs a seed, and every seed once.")
        curves = []
        for l_max, hyperparameters in settings.items():
            for seed in self.seeds:
                words = [element, self.trainer]
                words += [] if l_max is None else [f"l_max {l_max}"]
                words += [f"seed {seed}"] if len(self.seeds) > 1 else []
                curves.append(self._curve(chosen, hyperparameters, seed, words))
        output = {"learning_curves": [one.output for one in curves]}
        return Flow(curves, output=output, name=f"{element} {self.trainer} {self.name}")

    def _choose(self, datasets: Mapping[int, str]) -> dict[int, str]:
        """Return the datasets to take, from small to large."""
        sizes = sorted(self.sizes or datasets)
        if missing := [one for one in sizes if one not in datasets]:
            raise InputError(
                f"There is no dataset of {missing[0]} frames for the learning curve; there are "
                f"{', '.join(map(str, sorted(datasets)))}."
            )
        if len(sizes) < 2 or len(set(sizes)) < len(sizes):
            raise InputError("A learning curve needs at least two sizes, and every size once.")
        return {size: datasets[size] for size in sizes}

    def _settings(self) -> dict[int | None, dict[str, Any]]:
        """Return the hyperparameters of each curve by its l_max."""
        trainer = get_trainer(self.trainer)
        known = trainer.hyperparameters(**self.hyperparameters).model_dump()
        if not self.l_max:
            return {None: self.hyperparameters}
        names = [one for one in L_MAX_NAMES if one in known]
        if not names:
            raise InputError(f"The trainer {self.trainer} has no highest angular momentum.")
        if names[0] in self.hyperparameters:
            raise InputError(f"{names[0]} is among the hyperparameters and in l_max: say it once.")
        found: dict[int | None, dict[str, Any]] = {}
        for l_max in self.l_max:
            change = {names[0]: l_max, **self._features(l_max)}
            found[l_max] = {**self.hyperparameters, **change}
            trainer.hyperparameters(**found[l_max])
        return found

    def _features(self, l_max: int) -> dict[str, int]:
        """Return NequIP's multiplicity of features for an l_max, as the article has it."""
        if self.trainer != "nequip" or "n_features" in self.hyperparameters:
            return {}
        by_lmax = protocol.NEQUIP.features_by_lmax
        if not 0 <= l_max < len(by_lmax):
            raise InputError(
                f"The article has no multiplicity of features for l_max {l_max}: give n_features."
            )
        return {"n_features": by_lmax[l_max]}

    def _curve(
        self, datasets: dict[int, str], settings: dict[str, Any], seed: int, words: Sequence[str]
    ) -> Flow:
        element, called = words[0], " ".join(words)
        trains, model_ids = self._train(datasets, settings, seed, words)
        tests = [
            evaluate_model(model_id, dataset_id, self.test_part, self.energy_reference)
            for model_id, dataset_id in zip(model_ids, datasets.values(), strict=True)
        ]
        for size, test in zip(datasets, tests, strict=True):
            tagged(test, f"{called} evaluation {size}", "train-gpu", element)
        fit = fit_learning_curve(
            list(datasets.values()),
            model_ids,
            [test.output["evaluation_id"] for test in tests],
            self.trainer,
            settings,
            seed,
            self.train_part,
            self.resampling.model_dump(mode="json"),
        )
        tagged(fit, f"{called} {self.name}", "analyse", element)
        # A size that fails is a gap, which the curve knows. Its evaluation has to run and fail
        # too: FireWorks waits for all parents of the fit.
        for one in (*tests, fit):
            one.config.on_missing_references = OnMissing.NONE
        return Flow([*trains, *tests, fit], output=fit.output, name=f"{called} {self.name}")

    def _train(
        self, datasets: dict[int, str], settings: dict[str, Any], seed: int, words: Sequence[str]
    ) -> tuple[list[Job], list[OutputReference]]:
        """Return the jobs that train, and the ids of the models by size."""
        element, called = words[0], " ".join(words)
        if hasattr(get_trainer(self.trainer), "train_sizes"):
            ids = list(datasets.values())
            one = train_sizes(ids, self.trainer, settings, seed, self.train_part)
            tagged(one, f"{called} models {min(datasets)} to {max(datasets)}", "train-gpu", element)
            return [one], [one.output["model_ids"][place] for place in range(len(ids))]
        jobs = [
            train_model(dataset_id, self.trainer, settings, seed, self.train_part)
            for dataset_id in datasets.values()
        ]
        for size, one in zip(datasets, jobs, strict=True):
            tagged(one, f"{called} model {size}", "train-gpu", element)
        return jobs, [one.output["model_id"] for one in jobs]


def datasets_by_size(
    datasets: Any, name: str, sizes: Iterable[int] = protocol.LEARNING_CURVE_SIZES
) -> dict[int, Any]:
    """Pick the datasets of a curve out of what the job that makes them returns.

    Parameters
    ----------
    datasets
        Ids by name, or a reference to them: ``datasets`` in the output of
        :func:`tm23flows.jobs.dataset.make_dataset`.
    name
        Name that the job was given.
    sizes
        Sizes that it was given.

    Returns
    -------
    Ids, or references to them, by size.
    """
    return {size: datasets[f"{name}-{size:g}"] for size in sizes}


def find_curve_datasets(archive: Archive, name: str) -> dict[int, Dataset]:
    """Find the datasets that the split 'learning-curve' made under a name.

    Parameters
    ----------
    archive
        The archive.
    name
        The name without the sizes.

    Returns
    -------
    The newest versions by the size that was asked for, from small to large.

    Raises
    ------
    NotFoundError
        If there are none.
    """
    names = sorted(archive.database[DATASET_NAMES].distinct("name"))
    found: dict[int, Dataset] = {}
    for one in names:
        base, _, size = one.rpartition("-")
        if base == name and size.isdecimal():
            dataset = find_dataset(archive, one)
            # Another rule may have made the very same dataset before, and keeps the record of it.
            if dataset.rule == RULE or len(dataset.parts.get("train", ())) == int(size):
                found[int(size)] = dataset
    if not found:
        raise NotFoundError(
            f"There are no datasets of a learning curve '{name}': make them with 'tm23 dataset "
            f"create {name} --split learning-curve'; there is {', '.join(names) or 'none at all'}."
        )
    return dict(sorted(found.items()))


def make_learning_curve(
    trainer: str,
    name: str,
    hyperparameters: dict[str, Any],
    l_max: Sequence[int] = (),
    seeds: Sequence[int] = (0,),
    sizes: Sequence[int] = (),
) -> Flow:
    """Make the flow of learning curves from the words of a user.

    Parameters
    ----------
    trainer
        Name of the trainer.
    name
        Name of the datasets without their sizes.
    hyperparameters
        The ones that differ from the trainer's defaults; values may be text.
    l_max, seeds, sizes
        As in :class:`LearningCurveMaker`.

    Returns
    -------
    The flow.

    Raises
    ------
    InputError
        As :meth:`LearningCurveMaker.make`, and if the datasets are of several elements.
    NotFoundError
        If there are no datasets of this name.
    """
    found = find_curve_datasets(Archive.open(), name)
    elements = {one.element for one in found.values()}
    if len(elements) > 1:
        raise InputError(
            f"The datasets of the learning curve '{name}' are of several elements: "
            f"{', '.join(sorted(elements))}."
        )
    maker = LearningCurveMaker(
        trainer=trainer,
        hyperparameters=hyperparameters,
        l_max=tuple(l_max),
        seeds=tuple(seeds),
        sizes=tuple(sizes),
    )
    return maker.make({size: one.id for size, one in found.items()}, elements.pop())
