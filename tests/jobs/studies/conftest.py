"""Label sets of the same frames whose noise and model errors are known, in the archive."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.density_of_states import DensityOfStates
from tm23flows.documents.evaluation import ErrorRow, Evaluation, GroupErrors
from tm23flows.documents.model import Model, ModelFile
from tm23flows.documents.recipe import Recipe
from tm23flows.science.density_of_states import D_WINDOW_EV
from tm23flows.science.spectrum import Spectrum

sys.path.insert(0, str(Path(__file__).resolve().parent))

N_TRAIN, N_TEST = 10, 60
USED, DENSE = (3, 3, 3), (4, 4, 4)
NUMBERS = {"Cu": 29, "Au": 79, "Os": 76, "Ti": 22}


@pytest.fixture(autouse=True)
def _in_a_run_folder(tmp_path, monkeypatch):
    """Jobs write into the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def label_sets(archive, make_frame, make_label):
    """A function that stores sets of one metal; see :class:`Sets`."""
    return lambda element="Cu", **known: Sets(archive, make_frame, make_label, element, **known)


class Sets:
    """Two or more label sets of 70 frames of two atoms, half of them cold and half melt.

    ``updates`` change the recipe of each set, ``errors`` are the standard deviations of the
    errors of its model and ``noises`` those of its labels, in eV/A. ``scales`` multiply the
    forces, and ``turns`` add a vector of that length.
    """

    def __init__(self, archive, make_frame, make_label, element, **known):
        self.archive, self.make_label, self.element = archive, make_label, element
        self.known = {
            "updates": [{"sigma_eV": 0.2}, {"sigma_eV": 1.0}, {"sigma_eV": 2.0}],
            "errors": [0.05, 0.04, 0.03],
            "noises": [0.002, 0.001, 0.001],
            "scales": [1.0, 1.0, 1.0],
            "turns": [0.0, 0.0, 0.0],
            **known,
        }
        self.frames = [
            make_frame(
                seed=seed,
                element=element,
                numbers=[NUMBERS[element]] * 2,
                regime="melt" if seed % 2 else "cold",
            )
            for seed in range(N_TRAIN + N_TEST)
        ]
        archive.put(*self.frames)
        self.random = np.random.default_rng(NUMBERS[element])
        self.true = self.random.normal(0, 0.6, (len(self.frames), 2, 3))
        self.sets = [self._store(place) for place in range(len(self.known["updates"]))]

    def recipe(self, place, kmesh=USED):
        return Recipe(engine="gpaw", kmesh=kmesh, **self.known["updates"][place])

    def forces(self, place):
        turned = self.true + self.known["turns"][place] * np.array([0, 0, 1])
        return self.known["scales"][place] * turned

    def _store(self, place):
        noise = self.random.normal(0, self.known["noises"][place], self.true.shape)
        labels = [
            self.make_label(frame, self.recipe(place), forces=forces)
            for frame, forces in zip(self.frames, self.forces(place) + noise, strict=True)
        ]
        denser = [
            self.make_label(frame, self.recipe(place, DENSE), forces=forces)
            for frame, forces in zip(self.frames[-4:], self.forces(place)[-4:], strict=True)
        ]
        dataset = Dataset(
            provenance=Provenance.now(),
            element=self.element,
            parts={
                "train": [one.id for one in labels[:N_TRAIN]],
                "test": [one.id for one in labels[N_TRAIN:]],
            },
            rule="full",
            query={},
        )
        model = Model(
            provenance=Provenance.now({"trainer": "1.0"}),
            trainer="flare",
            hyperparameters={},
            seed=0,
            dataset_id=dataset.id,
            files=(ModelFile(name="model.json", blob=self.archive.blobs.put(b"model")),),
            wall_s=1.0,
        )
        test = labels[N_TRAIN:]
        off = self.random.normal(0, self.known["errors"][place], (N_TEST, 2, 3))
        evaluation = self.evaluate(model, dataset, test, self.forces(place)[N_TRAIN:] + off)
        self.archive.put(*labels, *denser, dataset, model, evaluation)
        return labels, denser, dataset, model, evaluation

    def evaluate(self, model, dataset, labels, predicted):
        row = ErrorRow(mae=1.0, rmse=1.0, mav=1.0, percent=None)
        return Evaluation(
            provenance=Provenance.now({"trainer": "1.0"}),
            model_id=model.id,
            dataset_id=dataset.id,
            energy_reference="mean-per-atom",
            predictions=self.archive.blobs.put_arrays(
                label_id=np.array([one.id for one in labels]),
                n_atoms=np.array([one.n_atoms for one in labels]),
                energy=np.zeros(len(labels)),
                forces=np.concatenate(predicted),
            ),
            errors=(
                GroupErrors(group="all", n_frames=len(labels), energy=row, force=row, stress=None),
            ),
        )

    def densities(self, frame_ids):
        """Store densities of states of these frames under every recipe."""
        for labels, *_ in self.sets:
            for label in labels:
                if label.frame_id in frame_ids:
                    self.archive.put(density_of_states(self.archive, label))

    @property
    def wired(self):
        """What the job of a study is given."""
        return {
            "datasets": [dataset.id for _, _, dataset, _, _ in self.sets],
            "models": [
                {"model_id": model.id, "evaluation_id": evaluation.id}
                for *_, model, evaluation in self.sets
            ],
            "mesh": {"kmesh": list(USED), "kmesh_offset": [0.0, 0.0, 0.0]},
            "noise": {
                "frame_ids": [frame.id for frame in self.frames[-4:]],
                "recipe_ids": [[denser[0].recipe_id] for _, denser, *_ in self.sets],
            },
            "dos": None,
        }


def density_of_states(archive, label):
    spectrum = Spectrum(
        eigenvalues_eV=np.linspace(-5, 3, 9)[None] + 0.1 * label.recipe.sigma_eV,
        weights=np.ones(1),
        occupations=np.array([[1.0] * 5 + [0.0] * 4]),
        projections=np.full((1, 9, 3), 0.3),
        fermi_eV=0.0,
        electrons=10.0,
    )
    return DensityOfStates(
        provenance=label.provenance,
        frame_id=label.frame_id,
        recipe=label.recipe,
        recipe_id=label.recipe_id,
        element=label.element,
        regime=label.regime,
        n_atoms=label.n_atoms,
        electrons=10.0,
        fermi_eV=0.0,
        window_eV=D_WINDOW_EV,
        window_complete=True,
        d_band_centre_eV=-1.0,
        d_band_width_eV=1.0,
        d_filling=0.5,
        spectrum=archive.blobs.put_arrays(**spectrum.to_arrays()),
    )
