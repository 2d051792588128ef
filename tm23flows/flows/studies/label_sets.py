"""The way from a road to several label sets of the same frames, with a model of each.

Owns the wiring that the smearing and the electron-count study share, and the rule about the k-mesh:
all sets of a metal have one mesh, chosen by its convergence test, and the label noise that is left
on it is measured. Without a test that ends well nothing is wired, or nothing goes on, unless the
Maker was told to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from jobflow import Flow, Job, Maker

from tm23flows.documents.learning_curve import Resampling
from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.naming import tagged
from tm23flows.flows.tm23 import Road, TM23Maker
from tm23flows.jobs.dataset import pair_with_recipe
from tm23flows.jobs.studies.dos import choose_frames
from tm23flows.jobs.studies.noise_mesh import choose_noise_mesh
from tm23flows.science.paired_errors import NOISE_TAKEN_OUT
from tm23flows.science.protocol import Regime

WITHOUT_ELECTRONS = ("emt",)
"""Engines that have no densities of states."""


@dataclass
class LabelSetStudyMaker(Maker):
    """What studies of several label sets have in common.

    Parameters
    ----------
    name
        Name of the study.
    model
        Trains and measures the model of each set, on the first of its test parts.
    n_noise_frames
        Frames of each temperature, counted from the end, where the test frames and those of the
        convergence are, that are labelled on a denser k-mesh too: the label noise.
    n_dos_frames
        Test frames of the melt whose densities of states are computed under every recipe; 0 for
        none. Engines without electrons have none.
    dos_seed
        Seed of the choice of these frames.
    allow_unconverged
        Go on where the k-mesh of a metal is not shown to be converged; the study then says so.
    allow_missing
        Go on where frames lack a label in some of the sets; they are left out of the comparison.
    resampling
        How the intervals are made.
    """

    name: str = "label sets"
    model: ModelMaker = field(default_factory=lambda: ModelMaker(trainer="flare"))
    n_noise_frames: int = 1
    n_dos_frames: int = 3
    dos_seed: int = 0
    allow_unconverged: bool = False
    allow_missing: bool = False
    resampling: Resampling = field(default_factory=Resampling)

    def analysis_settings(self) -> dict[str, Any]:
        """Return what the analysis is told before it sees data.

        Returns
        -------
        Settings as JSON values.
        """
        return {
            "resampling": self.resampling.model_dump(mode="json"),
            "noise_taken_out": NOISE_TAKEN_OUT,
            "n_noise_frames": self.n_noise_frames,
            "n_dos_frames": self.n_dos_frames,
            "dos_seed": self.dos_seed,
            "allow_unconverged": self.allow_unconverged,
            "allow_missing": self.allow_missing,
        }

    def with_rule(self, maker: TM23Maker) -> TM23Maker:
        """Hold a road to the rule about the k-mesh.

        Parameters
        ----------
        maker
            The road.

        Returns
        -------
        The same road, which goes on without a converged mesh only where this Maker does.

        Raises
        ------
        InputError
            If it has no convergence test, or goes on without a converged mesh, and that is not
            allowed.
        """
        if maker.convergence is None and not self.allow_unconverged:
            raise InputError(
                "A study of label sets needs the k-mesh that a convergence test found for the "
                "first of them, because smearing hides the noise of a poor mesh: give the road a "
                "KpointConvergenceMaker, or set allow_unconverged=True (--allow-unconverged), "
                "which the report then says."
            )
        convergence = maker.convergence
        if convergence is not None:
            if convergence.fallback is not None and not self.allow_unconverged:
                raise InputError(
                    "A mesh to go on with where none is converged needs allow_unconverged=True "
                    "(--allow-unconverged), which the report then says."
                )
            convergence = convergence.going_on(self.allow_unconverged)
        return replace(maker, convergence=convergence, models=(self.model,), extra_labels=())


@dataclass(frozen=True)
class LabelSets:
    """The label sets of one metal, wired.

    Parameters
    ----------
    flows
        What is to be run.
    wired
        What the job of the analysis is given: references to ids of ``datasets`` and ``models``,
        of the ``mesh``, the ``noise`` and the ``dos``, JSON values else.
    """

    flows: tuple[Flow | Job, ...]
    wired: dict[str, Any]


def wire_sets(
    study: LabelSetStudyMaker,
    maker: TM23Maker,
    element: str,
    labels: Sequence[LabelMaker],
    names: Sequence[str],
) -> LabelSets:
    """Wire frames, labels, datasets, models, noise and densities of states of one metal.

    Parameters
    ----------
    study
        Settings.
    maker
        The road, held to the rule; its own Maker of labels is the one of the convergence.
    element
        Chemical symbol.
    labels
        Makers of the labels; one with several smearing widths gives a set for each.
    names
        Names of the sets, in the order of the Makers and their widths.

    Returns
    -------
    What is to be run, and the references.

    Raises
    ------
    InputError
        If numbers of frames make no sense, and as :meth:`.TM23Maker.frames`.
    """
    road = maker.frames(element)
    _check_counts(study, road)
    called = [f"{road.element}-{maker.name}-{name}" for name in names]
    labelled = maker.labelled(road, label=labels[0], name=called[0])
    rest = [_label(one, road) for one in labels[1:]]
    recipes = _recipe_ids(labels, [labelled.labels, *rest])[1:]
    pairs = [
        _pair(labelled.dataset_id, name, ids, study, road)
        for name, ids in zip(called[1:], recipes, strict=True)
    ]
    datasets = [labelled.dataset_id, *(pair.output["dataset_id"] for pair in pairs)]
    models = [
        _model(study.model, dataset, road.element, name)
        for dataset, name in zip(datasets, names, strict=True)
    ]
    mesh = road.convergence or _mesh_of(labels[0])
    noise_jobs, noise = _noise(study, road, labels, mesh)
    dos_jobs, dos = _dos(study, road, labels, labelled.dataset_id)
    made = [labelled.dataset, *pairs, *models, *noise_jobs, *dos_jobs]
    return LabelSets(
        flows=(*road.flows, *labelled.labels, *chain(*rest), *made),
        wired={
            "datasets": datasets,
            "models": [_tested(model) for model in models],
            "mesh": mesh,
            "noise": noise,
            "dos": dos,
        },
    )


def _check_counts(study: LabelSetStudyMaker, road: Road) -> None:
    if not 1 <= study.n_noise_frames <= road.count:
        raise InputError(
            f"The label noise is measured on 1 to {road.count} frames of each temperature, not on "
            f"{study.n_noise_frames}."
        )
    if study.n_dos_frames < 0:
        raise InputError(f"There are no {study.n_dos_frames} densities of states.")


def _label(maker: LabelMaker, road: Road) -> list[Flow]:
    return [
        maker.make(frame_ids, road.count, road.element, regime, road.convergence)
        for regime, frame_ids in road.frame_ids.items()
    ]


def _recipe_ids(makers: Sequence[LabelMaker], flows: Sequence[Sequence[Flow]]) -> list[list[Any]]:
    """Return references to the recipe of each set, as each of its jobs reports it."""
    return [
        [job.output["recipe_ids"][place] for flow in some for job in flow.jobs]
        for maker, some in zip(makers, flows, strict=True)
        for place in range(1 + len(maker.sigma_variants_eV))
    ]


def _pair(
    dataset_id: Any, name: str, recipe_ids: list[Any], study: LabelSetStudyMaker, road: Road
) -> Job:
    job = pair_with_recipe(dataset_id, name, recipe_ids, study.allow_missing)
    return tagged(job, f"{name.replace('-', ' ')} dataset", "analyse", road.element)


def _model(maker: ModelMaker, dataset_id: Any, element: str, name: str) -> Flow:
    flow = maker.make(dataset_id, element)
    flow.append_name(f" {name}", dynamic=False)
    return flow


def _tested(model: Flow) -> dict[str, Any]:
    return {
        "model_id": model.output["model_id"],
        "evaluation_id": model.output["evaluations"][0]["evaluation_id"],
    }


def _mesh_of(maker: LabelMaker) -> dict[str, Any]:
    """Return the mesh of a recipe in the words of a verdict."""
    return {"kmesh": list(maker.recipe.kmesh), "kmesh_offset": list(maker.recipe.kmesh_offset)}


def _noise(
    study: LabelSetStudyMaker, road: Road, makers: Sequence[LabelMaker], mesh: Any
) -> tuple[list[Flow | Job], dict[str, Any]]:
    """Wire the labels of a few frames on a denser mesh, under the recipe of every set."""
    choice = choose_noise_mesh(mesh)
    tagged(choice, f"{road.element} mesh of the label noise", "analyse", road.element)
    denser = [
        replace(maker, name="denser labels", spectra=False, batch_size=study.n_noise_frames)
        for maker in makers
    ]
    flows = [
        [
            maker.make(frame_ids, study.n_noise_frames, road.element, regime, choice.output)
            for regime, frame_ids in road.frame_ids.items()
        ]
        for maker in denser
    ]
    last = [
        frame_ids[-place]
        for frame_ids in road.frame_ids.values()
        for place in range(study.n_noise_frames, 0, -1)
    ]
    every = [choice, *(flow for some in flows for flow in some)]
    return every, {"frame_ids": last, "recipe_ids": _recipe_ids(denser, flows)}


def _dos(
    study: LabelSetStudyMaker, road: Road, makers: Sequence[LabelMaker], dataset_id: Any
) -> tuple[list[Flow | Job], dict[str, Any] | None]:
    """Wire densities of states of a few test frames of the melt under the recipe of every set."""
    engines = {maker.recipe.engine for maker in makers}
    if study.n_dos_frames == 0 or engines & set(WITHOUT_ELECTRONS):
        return [], None
    part = study.model.test_parts[0]
    choice = choose_frames(dataset_id, part, str(Regime.MELT), study.n_dos_frames, study.dos_seed)
    tagged(choice, f"{road.element} frames of the densities of states", "analyse", road.element)
    frames = choice.output["frame_ids"]
    flows = [
        replace(maker, spectra=True, batch_size=study.n_dos_frames).make(
            frames, study.n_dos_frames, road.element, str(Regime.MELT), road.convergence
        )
        for maker in makers
    ]
    return [choice, *flows], {
        "frame_ids": frames,
        # Only to wait for them.
        "labelled": [job.output["recipe_id"] for flow in flows for job in flow.jobs],
    }
