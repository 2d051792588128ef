"""The Maker of the crystal study: lattice, stiffness, vacancy and phases of models beside labels.

Owns the wiring and the defaults of the study. The analysis is
:mod:`tm23flows.jobs.studies.crystal`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jobflow import Flow, Maker

from tm23flows.documents.ids import content_id
from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError
from tm23flows.flows.elastic_constants import ElasticConstantsMaker
from tm23flows.flows.equilibrium import EquilibriumMaker
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.naming import tagged
from tm23flows.flows.perfect_crystal import SPACING_PER_A, perfect_crystal, with_spacing
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.studies.subjects import Subject, subjects_of
from tm23flows.flows.tm23 import TM23Maker
from tm23flows.jobs.structure import repetition
from tm23flows.jobs.studies.crystal import make_crystal_study
from tm23flows.jobs.vacancy import cut_vacancy
from tm23flows.science import protocol
from tm23flows.science.crystals import standard_cell
from tm23flows.science.elasticity import DISPLACEMENT_A, STRAIN
from tm23flows.science.lattice_scan import AXIAL_RATIOS, VOLUMES
from tm23flows.science.prototypes import PHASES
from tm23flows.science.vacancy import FORCE_LIMIT_EV_PER_A, MAX_STEPS

COMMON_PHASES = ("fcc", "bcc", "hcp")

VACANCY_SPACING_PER_A = 0.4
"""Default distance between k-points in the supercell of the vacancy: a compromise, not tested."""


@dataclass
class CrystalStudyMaker(Maker):
    """Compute properties of the perfect crystal with the labels' recipe and with every model.

    Labels are statics: the lattice of lowest energy between strained cells, elastic constants of
    the crystal there, and a vacancy whose atoms stay on their sites. Models have the same at
    their own lattice, relaxed, and the vacancy with its atoms at rest besides. A model that fails
    is in the study with the reason.

    Parameters
    ----------
    name
        Word for the study in the names of jobs.
    volumes, axial_ratios
        Cells of the equation of state, in units of the crystal that is started from; of a model,
        in units of its own at rest.
    rounds
        Rounds of the search for the labels' lattice; see :class:`.EquilibriumMaker`.
    elastic, vacancy
        Whether elastic constants and the vacancy are wanted.
    phases
        Other phases whose energy is wanted; the one of the data is left out of them.
    strain, displacement_A
        Steps of the elastic constants.
    supercell
        Conventional cells along each axis of the vacancy's supercell; None takes the fewest that
        keep images ``min_length_A`` apart, the rule of the article's cells.
    min_length_A
        That distance in angstrom.
    vacancy_force_limit_eV_per_A, max_steps
        When atoms around a model's vacancy are at rest, and when it is given up.
    spacing_per_A, vacancy_spacing_per_A
        Distance between k-points of unit cells and of the vacancy's supercell, 1/angstrom with
        2 pi; meshes are centred on Gamma.
    options
        Options of the engine in place of the recipe's, such as ``{"symmetry": {}}`` for GPAW.
    batch_size
        Cells per labelling job.

    Examples
    --------
    >>> from tm23flows.flows.scales import make_tm23
    >>> road = make_tm23("Cu", "demo", "emt")
    >>> road.models = ()
    >>> flow = CrystalStudyMaker(phases=("bcc",)).make({"Cu": road})
    >>> [job.name for job in flow.jobs][-5:]  # doctest: +NORMALIZE_WHITESPACE
    ['Cu crystal at rest', 'Cu elastic constants', 'Cu vacancy', 'Cu bcc at rest',
     'Cu crystal study']
    """

    name: str = "crystal"
    volumes: tuple[float, ...] = VOLUMES
    axial_ratios: tuple[float, ...] = AXIAL_RATIOS
    rounds: int = 1
    elastic: bool = True
    vacancy: bool = True
    phases: tuple[str, ...] = COMMON_PHASES
    strain: float = STRAIN
    displacement_A: float = DISPLACEMENT_A
    supercell: tuple[int, int, int] | None = None
    min_length_A: float = protocol.MIN_LENGTH_A
    vacancy_force_limit_eV_per_A: float = FORCE_LIMIT_EV_PER_A
    max_steps: int = MAX_STEPS
    spacing_per_A: float = SPACING_PER_A
    vacancy_spacing_per_A: float = VACANCY_SPACING_PER_A
    options: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 50

    def make(self, roads: Mapping[str, TM23Maker]) -> Flow:
        """Wire the roads as far as their models, and the study.

        Parameters
        ----------
        roads
            Settings of structure, labels and models by chemical symbol.

        Returns
        -------
        As :meth:`measure`.

        Raises
        ------
        InputError
            As there, or if a road cannot be gone.
        """
        return self.measure(subjects_of(roads))

    def measure(self, subjects: Sequence[Subject]) -> Flow:
        """Wire the study of models that are there, or that flows of the subjects make.

        Parameters
        ----------
        subjects
            Metals with their labels and models.

        Returns
        -------
        A flow whose output has the ``study_id``.

        Raises
        ------
        InputError
            If there is no metal, or one twice, or a setting cannot be.
        """
        elements = [one.element for one in subjects]
        if not elements or len(set(elements)) < len(elements):
            raise InputError("A crystal study is of one or more metals, each of them once.")
        if unknown := sorted(set(self.phases) - set(PHASES)):
            raise InputError(f"'{unknown[0]}' is not a known phase: choose of {', '.join(PHASES)}.")
        jobs: list[Any] = []
        metals = []
        for subject in subjects:
            flows, metal = self._metal(subject)
            jobs += [*subject.flows, *flows]
            metals.append(metal)
        starts = {
            one["element"]: content_id("crystals", unit=one["unit"], phases=one["phases"])
            for one in metals
        }
        study = make_crystal_study(metals, {**self.settings(), "starts": starts})
        words = " ".join(elements)
        # The models compute within the job, so it belongs to workers that have their libraries.
        tagged(study, f"{words} {self.name} study", "train-gpu", words)
        return Flow([*jobs, study], output=study.output, name=f"{words} {self.name} study")

    def settings(self) -> dict[str, Any]:
        """Return what the analysis is told before it sees data.

        Returns
        -------
        JSON values.
        """
        names = (
            "rounds", "elastic", "vacancy", "strain", "displacement_A", "min_length_A",
            "vacancy_force_limit_eV_per_A", "max_steps", "spacing_per_A", "vacancy_spacing_per_A",
            "options",
        )  # fmt: skip
        lists = ("volumes", "axial_ratios", "phases")
        return {
            **{name: getattr(self, name) for name in names},
            **{name: list(getattr(self, name)) for name in lists},
            "supercell": None if self.supercell is None else list(self.supercell),
        }

    def _metal(self, subject: Subject) -> tuple[list[Any], dict[str, Any]]:
        element = subject.element
        unit = perfect_crystal(element, subject.structure)
        structures = {
            phase: StructureMaker(basis="primitive", phase=phase)
            for phase in self.phases
            if phase != unit.phase
        }
        told = {
            "element": element,
            "phase": unit.phase,
            "unit": unit.model_dump(mode="json"),
            "phases": {
                phase: perfect_crystal(element, one).model_dump(mode="json")
                for phase, one in structures.items()
            },
            "multiples": self._multiples(unit),
            "dataset_id": subject.dataset_id,
            "model_ids": list(subject.model_ids),
        }
        if subject.label is None:
            return [], {**told, "labels": None}
        flows, labels = self._labels(subject, unit, subject.label, structures)
        return flows, {**told, "labels": labels}

    def _multiples(self, unit: Crystal) -> list[int]:
        cell = standard_cell(unit.atoms, "conventional")
        given = None if self.supercell is None else list(self.supercell)
        matrix = repetition(cell, given, self.min_length_A, "image-distance")
        return [matrix[axis][axis] for axis in range(3)]

    def _labels(
        self,
        subject: Subject,
        unit: Crystal,
        label: LabelMaker,
        structures: Mapping[str, StructureMaker],
    ) -> tuple[list[Any], dict[str, Any]]:
        element, structure = subject.element, subject.structure
        search = EquilibriumMaker(
            volumes=self.volumes,
            axial_ratios=self.axial_ratios,
            rounds=self.rounds,
            spacing_per_A=self.spacing_per_A,
            options=self.options,
            batch_size=self.batch_size,
        )
        rest = search.make(element, structure, label)
        flows, crystal = [rest], rest.output["crystal"]
        labels: dict[str, Any] = {
            "rest": rest.output, "elastic_constants_id": None, "vacancy": None, "phases": {},
        }  # fmt: skip
        if self.elastic:
            constants = ElasticConstantsMaker(
                strain=self.strain,
                displacement_A=self.displacement_A,
                spacing_per_A=self.spacing_per_A,
                options=self.options,
                batch_size=self.batch_size,
            ).make(element, structure, label, crystal)
            flows.append(constants)
            labels["elastic_constants_id"] = constants.output["elastic_constants_id"]
        if self.vacancy:
            cells, labels["vacancy"] = self._vacancy(element, unit, label, crystal)
            flows.append(cells)
        for phase, other in structures.items():
            words = {"name": f"{phase} at rest", "cells": f"{phase} lattice"}
            lenient = replace(search, **words, must_be_found=False)
            flows.append(lenient.make(element, other, label))
            labels["phases"][phase] = flows[-1].output
        return flows, labels

    def _vacancy(
        self, element: str, unit: Crystal, label: LabelMaker, crystal: Any
    ) -> tuple[Flow, dict[str, Any]]:
        multiples = self._multiples(unit)
        vectors = standard_cell(unit.atoms, "conventional").cell.array
        supercell = [[n * x for x in row] for n, row in zip(multiples, vectors, strict=True)]
        spacing = self.vacancy_spacing_per_A
        maker = with_spacing(label, supercell, spacing, self.options, self.batch_size)
        cells = cut_vacancy(crystal, multiples)
        tagged(cells, f"{element} vacancy cells", "analyse", element)
        labels = maker.make(cells.output["frame_ids"], 2, element, "vacancy")
        return Flow([cells, labels], name=f"{element} vacancy"), {
            "frame_ids": cells.output["frame_ids"],
            "recipe_ids": [batch.output["recipe_id"] for batch in labels.jobs],
        }
