"""The Maker of the phonon study: frequencies of models beside those of the labels.

Owns the wiring and the defaults of the study. The analysis is
:mod:`tm23flows.jobs.studies.phonons`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jobflow import Flow, Maker

from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError
from tm23flows.flows.equilibrium import EquilibriumMaker
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.naming import tagged
from tm23flows.flows.perfect_crystal import SPACING_PER_A, perfect_crystal, with_spacing
from tm23flows.flows.studies.subjects import Subject, subjects_of
from tm23flows.flows.tm23 import TM23Maker
from tm23flows.jobs.displaced_cells import displace_crystal
from tm23flows.jobs.studies.phonons import make_phonon_study
from tm23flows.science.crystal_properties import lattice_constants
from tm23flows.science.kpoints import kmesh_for_spacing
from tm23flows.science.phonon_errors import IMAGINARY_THZ
from tm23flows.science.phonons import (
    DISPLACEMENT_A,
    SUPERCELL_A,
    displaced_supercells,
    phonon_supercell,
)
from tm23flows.science.relaxation import FORCE_LIMIT_EV_PER_A
from tm23flows.science.wave_vectors import PATH_STEP_PER_A, Q_SPACING_PER_A, high_symmetry_path


@dataclass
class PhononStudyMaker(Maker):
    """Compute phonons of the perfect crystal with the labels' recipe and with every model.

    Labels are computed of strained cells, which give the crystal at rest, and of a supercell of
    it in which one atom is displaced; the recipe is that of the road but for the k-mesh. Models
    are relaxed and displaced in the job that makes the study, each at its own lattice and once
    more at that of the labels. Where nothing can be computed under the recipe, as with imported
    labels, models are shown alone.

    Parameters
    ----------
    name
        Word for the study in the names of jobs.
    supercell
        Multiples of the primitive vectors; None for the smallest one with the symmetry of the
        lattice and ``image_distance_A``.
    image_distance_A
        Least distance of an atom from its images, in angstrom. [X] in the article.
    displacement_A
        How far one atom is displaced, in angstrom. [X] in the article.
    spacing_per_A
        Distance between k-points in the displaced cells, 1/angstrom with 2 pi; the mesh is centred
        on Gamma. The article has the density of its frames, which for metals in small cells is not
        shown to be enough.
    options
        Options of the engine in place of the recipe's, such as ``{"symmetry": {}}`` for GPAW;
        also for the cells of the lattice at rest.
    batch_size
        Displaced cells per job.
    equilibrium
        How the crystal at rest is found under the labels.
    q_spacing_per_A
        Distance between the wave vectors on which frequencies are compared.
    path_step_per_A
        Distance between those along which they are drawn.
    force_limit_eV_per_A
        Where the relaxation of a model ends. The article's exponent cannot be read [O].
    imaginary_THz
        Frequencies below minus this count as imaginary.

    Examples
    --------
    >>> from tm23flows.flows.scales import make_tm23
    >>> flow = PhononStudyMaker().make({"Cu": make_tm23("Cu", "demo", "emt")})
    >>> [part.name for part in flow.jobs][-3:]
    ['Cu displaced cells', 'Cu displaced labels 4x4x4 0.2 eV', 'Cu phonon study']
    """

    name: str = "phonon"
    supercell: tuple[int, int, int] | None = None
    image_distance_A: float = SUPERCELL_A
    displacement_A: float = DISPLACEMENT_A
    spacing_per_A: float = SPACING_PER_A
    options: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 50
    equilibrium: EquilibriumMaker = field(default_factory=EquilibriumMaker)
    q_spacing_per_A: float = Q_SPACING_PER_A
    path_step_per_A: float = PATH_STEP_PER_A
    force_limit_eV_per_A: float = FORCE_LIMIT_EV_PER_A
    imaginary_THz: float = IMAGINARY_THZ

    def make(self, roads: Mapping[str, TM23Maker]) -> Flow:
        """Wire the roads as far as their models, and the study.

        Parameters
        ----------
        roads
            Settings of structure, runs, labels, dataset and models by chemical symbol.

        Returns
        -------
        A flow whose output has the ``study_id`` and errors by metal and model.

        Raises
        ------
        InputError
            If no metal is given, or a setting is no length.
        """
        return self.measure(subjects_of(roads))

    def measure(self, subjects: Sequence[Subject]) -> Flow:
        """Wire the study of metals whose models are there, or are wired.

        Parameters
        ----------
        subjects
            Metals with their labels and models, each once.

        Returns
        -------
        A flow whose output has the ``study_id`` and errors by metal and model.

        Raises
        ------
        InputError
            If no metal is given or one twice, one has no models, a setting is no length, or a
            lattice has more free lengths than a and c.
        """
        elements = [one.element for one in subjects]
        if not elements or len(set(elements)) < len(elements):
            raise InputError("A phonon study needs a metal, such as Cu, and each only once.")
        if empty := [one.element for one in subjects if not one.model_ids]:
            raise InputError(f"There is no model of {empty[0]} whose phonons could be computed.")
        parts, wired = [], {}
        for subject in subjects:
            flow, wired[subject.element] = self._metal(subject)
            parts += [*subject.flows, *flow]
        words = " ".join(elements)
        study = make_phonon_study(wired, self.settings())
        tagged(study, f"{words} {self.name} study", "train-gpu", words)
        return Flow([*parts, study], output=study.output, name=f"{words} {self.name} study")

    def settings(self) -> dict[str, Any]:
        """Return what the analysis is told before it sees data.

        Returns
        -------
        JSON values.
        """
        return {
            "supercell": None if self.supercell is None else list(self.supercell),
            "image_distance_A": self.image_distance_A,
            "displacement_A": self.displacement_A,
            "spacing_per_A": self.spacing_per_A,
            "options": self.options,
            "q_spacing_per_A": self.q_spacing_per_A,
            "path_step_per_A": self.path_step_per_A,
            "force_limit_eV_per_A": self.force_limit_eV_per_A,
            "imaginary_THz": self.imaginary_THz,
        }

    def _metal(self, subject: Subject) -> tuple[list[Any], dict[str, Any]]:
        start = perfect_crystal(subject.element, subject.structure)
        # Refused here rather than in the last job.
        kmesh_for_spacing(start.cell, self.q_spacing_per_A)
        high_symmetry_path(start.atoms, self.path_step_per_A)
        lattice_constants(start.atoms)
        supercell = self.supercell or phonon_supercell(start.atoms, self.image_distance_A)
        jobs: list[Any] = []
        reference = None
        if subject.label is not None:
            jobs, reference = self._reference(subject, subject.label, start, supercell)
        return jobs, {
            "dataset_id": subject.dataset_id,
            "model_ids": list(subject.model_ids),
            "crystal": start.model_dump(mode="json"),
            "supercell": list(supercell),
            "reference": reference,
        }

    def _reference(
        self, subject: Subject, label: LabelMaker, start: Crystal, supercell: tuple[int, int, int]
    ) -> tuple[list[Any], dict[str, Any]]:
        options = {**self.options, **self.equilibrium.options}
        at_rest = replace(self.equilibrium, options=options).make(
            subject.element, subject.structure, label
        )
        expected = displaced_supercells(start.atoms, supercell, self.displacement_A)
        crystal = at_rest.output["crystal"]
        cells = displace_crystal(crystal, list(supercell), self.displacement_A, len(expected))
        tagged(cells, f"{subject.element} displaced cells", "analyse", subject.element)
        maker = with_spacing(
            label, expected[0].cell.array, self.spacing_per_A, self.options, self.batch_size
        )
        frame_ids = cells.output["frame_ids"]
        labels = maker.make(frame_ids, len(expected), subject.element, "displaced")
        return [at_rest, cells, labels], {
            "crystal": crystal,
            "lattice_label_ids": at_rest.output["label_ids"],
            "frame_ids": frame_ids,
            "recipe_ids": [batch.output["recipe_id"] for batch in labels.jobs],
        }
