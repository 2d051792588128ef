"""The Maker of the correlation study: roads of many metals, their properties, and one analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from jobflow import Flow, Job, Maker
from jobflow.core.reference import OnMissing

from tm23flows.errors import InputError
from tm23flows.flows.elastic_constants import ElasticConstantsMaker
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.naming import tagged
from tm23flows.flows.studies.dos import BANDS_PERCENT, spectra_maker
from tm23flows.flows.studies.label_sets import WITHOUT_ELECTRONS
from tm23flows.flows.tm23 import Road, TM23Maker
from tm23flows.jobs.studies.correlations import correlate
from tm23flows.jobs.studies.dos import choose_frames
from tm23flows.science.correlations import Analysis
from tm23flows.science.crystals import identify_phase
from tm23flows.science.density_of_states import D_WINDOW_EV
from tm23flows.science.protocol import Regime


@dataclass
class CorrelationStudyMaker(Maker):
    """Ask which properties of the metals the force errors of one trainer go with.

    Each metal goes its whole road: dataset, model, evaluation. Beside that stand densities of
    states of a few melt frames of its test part and the elastic constants of its crystal. What
    fails is a gap, which the study names. Under FireWorks a training, an evaluation or an elastic
    constant that failed is a gap at once; for trajectories, meshes and labels the study
    waits until they are mended, or until their jobs are taken out.

    Parameters
    ----------
    name
        Name of the study.
    trainer
        Trainer of the models that are compared; the roads have one model of it each, tested on
        the first of its parts.
    elastic
        Makes elastic constants or has them; None for none.
    n_dos_frames
        Melt frames of the test part with densities of states; 0 for none. Engines without
        electrons have none.
    dos_seed
        Seed of the choice of these frames.
    dos_bands_percent
        See :func:`tm23flows.flows.studies.dos.spectra_maker`.
    analysis
        Level, intervals, permutations and correction.
    allow_unconverged
        Go on where the k-mesh of a metal is not shown to be converged; the study then says so.

    Examples
    --------
    >>> from tm23flows.flows.scales import make_tm23
    >>> study = CorrelationStudyMaker(n_dos_frames=0)
    >>> flow = study.make({"Cu": make_tm23("Cu", "demo", "emt")})
    >>> [part.name for part in flow.jobs]
    ['Cu correlations', 'correlations']
    """

    name: str = "correlations"
    trainer: str = "flare"
    elastic: ElasticConstantsMaker | None = field(default_factory=ElasticConstantsMaker)
    n_dos_frames: int = 3
    dos_seed: int = 0
    dos_bands_percent: int | None = BANDS_PERCENT
    analysis: Analysis = field(default_factory=Analysis)
    allow_unconverged: bool = False

    def make(self, roads: Mapping[str, TM23Maker]) -> Flow:
        """Wire the roads and the analysis.

        Parameters
        ----------
        roads
            Settings of the road of each metal.

        Returns
        -------
        A flow whose output is that of :func:`tm23flows.jobs.studies.correlations.correlate`.

        Raises
        ------
        InputError
            If there is no metal, a road has not one model of the trainer, the models are tested on
            several parts, or a setting makes no sense.
        """
        if not roads:
            raise InputError("A study needs at least one metal.")
        if self.n_dos_frames < 0:
            raise InputError(f"There are no {self.n_dos_frames} densities of states.")
        models = {element: self._model(element, maker) for element, maker in roads.items()}
        parts = {one.test_parts[0] for one in models.values()}
        if len(parts) > 1:
            raise InputError(
                "The metals of a correlation study are tested on one part, not on "
                f"{' and '.join(sorted(parts))}."
            )
        wired = [self._metal(element, maker, models[element]) for element, maker in roads.items()]
        study = correlate(
            [ids for _, ids in wired], self.trainer, parts.pop(), self.analysis_settings()
        )
        tagged(study, self.name, "analyse", " ".join(roads))
        study.config.on_missing_references = OnMissing.NONE
        return Flow(
            [*(flow for flow, _ in wired), study],
            output=study.output,
            name=f"{' '.join(roads)} {self.name}",
        )

    def analysis_settings(self) -> dict[str, Any]:
        """Return what the analysis is told before it sees data.

        Returns
        -------
        Settings as JSON values.
        """
        return {
            "analysis": asdict(self.analysis),
            "n_dos_frames": self.n_dos_frames,
            "dos_seed": self.dos_seed,
            "dos_bands_percent": self.dos_bands_percent,
            "d_window_eV": list(D_WINDOW_EV),
            "elastic": None if self.elastic is None else self._elastic_settings(),
            "allow_unconverged": self.allow_unconverged,
        }

    def _elastic_settings(self) -> dict[str, Any]:
        if self.elastic.given:
            return {"source": self.elastic.source}
        names = ("strain", "displacement_A", "spacing_per_A", "options")
        return {name: getattr(self.elastic, name) for name in names}

    def _model(self, element: str, maker: TM23Maker) -> ModelMaker:
        found = [one for one in maker.models if one.trainer == self.trainer]
        if len(found) != 1:
            raise InputError(
                f"The road of {element} has {len(found)} models of {self.trainer}; the study "
                "compares one of each metal: set 'trainer', or the models of the road."
            )
        return found[0]

    def _metal(
        self, element: str, maker: TM23Maker, model: ModelMaker
    ) -> tuple[Flow, dict[str, Any]]:
        """Wire one metal; return its flow and references to what the analysis reads."""
        maker = self._ready(maker, model)
        road = maker.frames(element)
        labelled = maker.labelled(road)
        trained = _may_fail(model.make(labelled.dataset_id, road.element))
        dos, dos_ids = self._dos(maker, road, labelled.dataset_id, model.test_parts[0])
        elastic, elastic_ids = self._constants(maker, road.element)
        said = [ids.pop("why") for ids in (dos_ids, elastic_ids) if "why" in ids]
        jobs = [*road.flows, *labelled.labels, labelled.dataset, trained, *dos, *elastic]
        return Flow(jobs, name=f"{road.element} {self.name}"), {
            "element": road.element,
            "family": identify_phase(maker.structure.unit_cell(road.element)),
            "evaluation_id": trained.output["evaluations"][0]["evaluation_id"],
            "convergence_id": road.convergence and road.convergence["convergence_id"],
            "unavailable": said,
            **dos_ids,
            **elastic_ids,
        }

    def _ready(self, maker: TM23Maker, model: ModelMaker) -> TM23Maker:
        convergence = maker.convergence
        if convergence is not None:
            convergence = convergence.going_on(self.allow_unconverged)
        return replace(maker, convergence=convergence, models=(model,), extra_labels=())

    def _dos(
        self, maker: TM23Maker, road: Road, dataset_id: Any, part: str
    ) -> tuple[list[Flow | Job], dict[str, Any]]:
        engine, melt = maker.label.recipe.engine, str(Regime.MELT)
        if self.n_dos_frames == 0:
            return [], {"why": "densities of states were not asked for"}
        if engine in WITHOUT_ELECTRONS:
            return [], {"why": f"the engine {engine} has no electrons"}
        if melt not in road.frame_ids:
            return [], {"why": "the road has no melt"}
        choice = choose_frames(dataset_id, part, melt, self.n_dos_frames, self.dos_seed)
        tagged(choice, f"{road.element} frames of the densities of states", "analyse", road.element)
        frames, count = choice.output["frame_ids"], self.n_dos_frames
        labels = spectra_maker(maker.label, count, self.dos_bands_percent)
        spectra = labels.make(frames, count, road.element, melt, road.convergence)
        recipes = [job.output["recipe_id"] for job in spectra.jobs]
        return [choice, spectra], {"dos_frame_ids": frames, "dos_recipe_ids": recipes}

    def _constants(self, maker: TM23Maker, element: str) -> tuple[list[Flow], dict[str, Any]]:
        if self.elastic is None:
            return [], {"why": "elastic constants were not asked for"}
        if not self.elastic.covers(element):
            return [], {"why": "its elastic constants are not among the given ones"}
        flow = _may_fail(self.elastic.make(element, maker.structure, maker.label))
        return [flow], {"elastic_constants_id": flow.output["elastic_constants_id"]}


def _may_fail(flow: Flow) -> Flow:
    """Let the jobs of a flow run, and fail, where one before them has: FireWorks waits for all.

    Only for jobs to which a missing value means nothing else. A label without the mesh of a
    convergence test would be computed on another one.
    """
    for job in _jobs(flow.jobs):
        job.config.on_missing_references = OnMissing.NONE
    return flow


def _jobs(found: Sequence[Flow | Job]) -> list[Job]:
    return [job for one in found for job in (_jobs(one.jobs) if isinstance(one, Flow) else [one])]
