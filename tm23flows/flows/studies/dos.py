"""The Maker of the density-of-states study: a few frames of each metal, drawn at random.

Owns the wiring, and how many bands a density of states gets. It is analysed in
:mod:`tm23flows.jobs.studies.dos`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobflow import Flow, Maker
from jobflow.core.reference import OnMissing

from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.naming import tagged
from tm23flows.flows.studies.label_sets import WITHOUT_ELECTRONS
from tm23flows.flows.tm23 import TM23Maker
from tm23flows.jobs.studies.dos import choose_frames, make_dos_study
from tm23flows.science.density_of_states import WIDTH_EV
from tm23flows.science.protocol import Regime

BANDS_PERCENT = 200
"""Bands of a density of states, in percent of the occupied ones. What a label needs ends inside
the d band of early metals, where the moments would then end too."""

BAND_OPTIONS: dict[str, Callable[[int], dict[str, Any]]] = {
    "gpaw": lambda percent: {"nbands": f"{percent}%"},
    "vasp": lambda percent: {"bands_percent": percent},
}
"""How the engines are told."""


@dataclass
class DosStudyMaker(Maker):
    """Compute densities of states of some test frames of each metal, and compare the d bands.

    Each metal goes its road as far as the dataset, whose test part the frames are drawn from.
    Their recipe is that of the labels with more bands.

    Parameters
    ----------
    name
        Name of the study.
    count
        Frames of each metal; the article has three.
    seed
        Of the draw.
    part
        Part of the datasets that frames are drawn from.
    regime
        cold, warm or melt.
    width_eV
        Standard deviation of the Gaussian of the curves, whatever the engine and SIGMA.
    bands_percent
        See :func:`spectra_maker`.
    allow_unconverged
        Go on where the k-mesh of a metal is not shown to be converged; the study then says so.

    Examples
    --------
    >>> from tm23flows.flows.scales import make_tm23
    >>> flow = DosStudyMaker().make({"Cu": make_tm23("Cu", "demo", "gpaw")})
    >>> flow.name, [part.name for part in flow.jobs]
    ('Cu dos', ['Cu dos', 'dos'])
    """

    name: str = "dos"
    count: int = 3
    seed: int = 0
    part: str = "test"
    regime: str = str(Regime.MELT)
    width_eV: float = WIDTH_EV
    bands_percent: int | None = BANDS_PERCENT
    allow_unconverged: bool = False

    def make(self, roads: Mapping[str, TM23Maker]) -> Flow:
        """Wire the roads, the draws, the densities of states and the study.

        Parameters
        ----------
        roads
            Settings of the road of each metal.

        Returns
        -------
        A flow whose output is that of :func:`tm23flows.jobs.studies.dos.make_dos_study`.

        Raises
        ------
        InputError
            If there is no metal, an engine has no electrons, a road not the regime, or a
            setting makes no sense.
        """
        self._check(roads)
        wired = [self._metal(element, maker) for element, maker in roads.items()]
        study = make_dos_study([ids for _, ids in wired], self.analysis_settings())
        tagged(study, self.name, "analyse", " ".join(roads))
        # A metal whose labels failed is a gap, which the study names.
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
        names = ("count", "seed", "part", "regime", "width_eV", "bands_percent")
        return {name: getattr(self, name) for name in names}

    def _check(self, roads: Mapping[str, TM23Maker]) -> None:
        if not roads:
            raise InputError("A study needs a metal at least.")
        if self.count < 1 or not self.width_eV > 0:
            raise InputError(
                f"A density-of-states study of {self.count} frames and curves of {self.width_eV:g} "
                "eV is none; both are positive."
            )
        for element, maker in roads.items():
            engine = maker.label.recipe.engine
            if engine in WITHOUT_ELECTRONS:
                raise InputError(
                    f"The engine {engine} has no electrons, so there is no density of states of "
                    f"{element}; use --engine gpaw or vasp."
                )
            regimes = [str(one) for one in maker.regimes]
            if self.regime not in regimes:
                raise InputError(
                    f"The road of {element} has no {self.regime}; it has {', '.join(regimes)}."
                )

    def _metal(self, element: str, maker: TM23Maker) -> tuple[Flow, dict[str, Any]]:
        """Wire one metal; return its flow and references to what the study reads."""
        if maker.convergence is not None:
            convergence = maker.convergence.going_on(self.allow_unconverged)
            maker = replace(maker, convergence=convergence)
        road = maker.frames(element)
        labelled = maker.labelled(road)
        choice = choose_frames(labelled.dataset_id, self.part, self.regime, self.count, self.seed)
        tagged(choice, f"{road.element} frames of the densities of states", "analyse", road.element)
        frames = choice.output["frame_ids"]
        worker = spectra_maker(maker.label, self.count, self.bands_percent)
        spectra = worker.make(frames, self.count, road.element, self.regime, road.convergence)
        jobs = [*road.flows, *labelled.labels, labelled.dataset, choice, spectra]
        return Flow(jobs, name=f"{road.element} {self.name}"), {
            "element": road.element,
            "dataset_id": labelled.dataset_id,
            "frame_ids": frames,
            "recipe_ids": [one.output["recipe_id"] for one in spectra.jobs],
            "convergence_id": road.convergence and road.convergence["convergence_id"],
        }


def spectra_maker(
    label: LabelMaker, count: int, bands_percent: int | None = BANDS_PERCENT
) -> LabelMaker:
    """Return the Maker of densities of states that belongs to a Maker of labels.

    Parameters
    ----------
    label
        Labels under the recipe that the densities of states are to be of.
    count
        How many frames; they go into one job.
    bands_percent
        Bands in percent of the occupied ones, where the recipe does not say how many; None
        leaves them to the engine.

    Returns
    -------
    The Maker, for one smearing width.
    """
    recipe = label.recipe
    if bands_percent is not None and recipe.engine in BAND_OPTIONS:
        bands = BAND_OPTIONS[recipe.engine](bands_percent)
        recipe = recipe.model_copy(update={"options": {**bands, **recipe.options}})
    return replace(
        label,
        name="densities of states",
        recipe=recipe,
        spectra=True,
        sigma_variants_eV=(),
        batch_size=count,
    )
