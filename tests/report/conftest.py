"""A real archive: the EMT road of copper, then two models whose errors are known."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import ErrorRow, Evaluation, GroupErrors
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Energies, Label
from tm23flows.documents.model import Model, ModelFile
from tm23flows.flows.scales import make_tm23
from tm23flows.store.archive import Archive
from tm23flows.store.datasets.creation import find_dataset
from tm23flows.testing.database import local_database

HOSTILE = "<script>alert('$x_')</script>"
RUN_NOISE_SEED = 7


@dataclass
class World:
    """The archive and everything that its numbers were made from."""

    archive: Archive
    dataset: Dataset
    labels: list[Label]
    """Labels of the test part, in order."""
    coarse: dict[str, Label] = field(default_factory=dict)
    """By frame, on a 2x2x3 mesh; one frame only of the melt."""
    smeared: dict[str, Label] = field(default_factory=dict)
    """By frame, at SIGMA 2 eV."""
    predictions: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    """By trainer."""
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    """By trainer."""

    def of_regime(self, regime):
        return [i for i, label in enumerate(self.labels) if regime in {"all", label.regime}]


def run_emt_road(folder, patch):
    """Fill the database in ``folder`` through the public road."""
    patch.setenv("TM23_DB_PATH", str(folder / "db"))
    patch.delenv("TM23_MONGO_URI", raising=False)
    maker = make_tm23("Cu", "demo", "emt")
    maker.models = ()
    store = JobStore(MemoryStore())
    work = folder / "work"
    work.mkdir()
    run_locally(
        maker.make("Cu"),
        store=store,
        log=False,
        raise_immediately=True,
        create_folders=True,
        root_dir=work,
    )


def other_label(label, update, rng, offset_eV):
    """Label the same frame under another recipe: forces and stress differ by known noise."""
    recipe = label.recipe.model_copy(update=update)
    energy = label.energies.free + offset_eV + 0.01 * rng.standard_normal()
    return Label(
        provenance=label.provenance,
        recipe=recipe,
        recipe_id=recipe.id,
        energies=Energies(free=energy, sigma0=energy, without_entropy=energy),
        forces=label.forces + 0.07 * rng.standard_normal(label.forces.shape),
        stress=label.stress + 0.001 * rng.standard_normal(6),
        **{
            name: getattr(label, name)
            for name in ("frame_id", "element", "regime", "temperature_K", "trajectory_id", "step")
        },
        n_atoms=label.n_atoms,
    )


def add_other_labels(world, rng):
    for i, label in enumerate(world.labels):
        smeared = other_label(label, {"sigma_eV": 2.0}, rng, 3.0)
        world.smeared[label.frame_id] = smeared
        if i == world.of_regime("melt")[0]:
            continue
        mesh = {"kmesh": (2, 2, 3), "kmesh_offset": (0.0, 0.0, 0.0)}
        world.coarse[label.frame_id] = other_label(label, mesh, rng, -1.5)
    world.archive.put(*world.smeared.values(), *world.coarse.values())


def error_row(difference, reference):
    mae, mav = float(np.abs(difference).mean()), float(np.abs(reference).mean())
    rmse = float(np.sqrt((difference**2).mean()))
    return ErrorRow(mae=mae, rmse=rmse, mav=mav, percent=100 * mae / mav if mav else None)


def group_errors(world, predictions, group):
    """Compute with plain numpy what an evaluation says of a group."""
    places = world.of_regime(group)
    labels = [world.labels[i] for i in places]
    n_atoms = np.array([label.n_atoms for label in labels])
    force = np.array([label.forces for label in labels])
    energy = np.array([label.energies.free for label in labels]) / n_atoms
    stress = None
    if "stress" in predictions:
        labelled = np.array([label.stress for label in labels])
        stress = error_row(predictions["stress"][places] - labelled, labelled)
    predicted = predictions["forces"].reshape(len(world.labels), -1, 3)[places]
    return GroupErrors(
        group=group,
        n_frames=len(places),
        energy=error_row(predictions["energy"][places] / n_atoms - energy, energy - energy.mean()),
        force=error_row(predicted - force, force),
        stress=stress,
    )


def add_evaluation(world, trainer, model_fields, size, with_stress):
    rng = np.random.default_rng(len(trainer))
    labels = world.labels
    forces = np.concatenate([label.forces for label in labels])
    arrays = {
        "label_id": np.array([label.id for label in labels]),
        "n_atoms": np.array([label.n_atoms for label in labels]),
        "energy": np.array([label.energies.free for label in labels])
        + size * rng.standard_normal(len(labels)),
        "forces": forces + size * rng.standard_normal(forces.shape),
    }
    if with_stress:
        stress = np.array([label.stress for label in labels])
        arrays["stress"] = stress + 0.01 * size * rng.standard_normal(stress.shape)
    archive = world.archive
    model = Model(
        provenance=Provenance.now({trainer: "1.0"}),
        trainer=trainer,
        seed=0,
        dataset_id=world.dataset.id,
        files=(ModelFile(name="model.bin", blob=archive.blobs.put(trainer.encode())),),
        wall_s=1.0,
        **model_fields,
    )
    evaluation = Evaluation(
        provenance=Provenance.now({trainer: "1.0"}),
        model_id=model.id,
        dataset_id=world.dataset.id,
        energy_reference="mean-per-atom",
        predictions=archive.blobs.put_arrays(**arrays),
        errors=tuple(group_errors(world, arrays, g) for g in ("all", "melt", "cold", "warm")),
    )
    archive.put(model, evaluation)
    world.predictions[trainer], world.evaluations[trainer] = arrays, evaluation


FLARE_HISTORY = tuple(
    {"start": float(i // 20), "log_likelihood": 900.0 - 4000.0 * 0.8 ** (i % 20)} for i in range(40)
)
NEQUIP_HISTORY = tuple(
    {
        "epoch": float(i),
        "training_loss": 2.0 * 0.97**i + 0.01,
        "validation_force_mae": 0.8 * 0.98**i + 0.03,
        "learning_rate": 0.01,
    }
    for i in range(120)
)


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    with local_database(folder / "db") as info:
        # No longer than it is needed: other tests of this process have other settings.
        with pytest.MonkeyPatch.context() as patch:
            run_emt_road(folder, patch)
        yield info


@pytest.fixture(scope="session")
def road(database):
    """The archive with labels and a dataset, and without a model."""
    return Archive.open(database.uri, "tm23")


@pytest.fixture(scope="session")
def world(database, road):
    """A copy of the road with two models."""
    archive = Archive.open(database.uri, "tm23_models")
    for name in ("structures", "trajectories", "frames", "labels", "datasets", "dataset_names"):
        archive.database[name].insert_many(list(road.database[name].find()))
    for name in ("blobs.files", "blobs.chunks"):
        archive.database[name].insert_many(list(road.database[name].find()))
    dataset = find_dataset(archive, "Cu-demo")
    made = World(archive, dataset, archive.get_many(Label, dataset.parts["test"]))
    assert archive.get_many(Frame, [label.frame_id for label in made.labels])
    add_other_labels(made, np.random.default_rng(RUN_NOISE_SEED))
    flare = {"hyperparameters": {"power": 2, "note": HOSTILE}, "history": FLARE_HISTORY}
    nequip = {"hyperparameters": {"l_max": 1}, "history": NEQUIP_HISTORY}
    add_evaluation(made, "flare", flare, 0.04, with_stress=True)
    add_evaluation(made, "nequip", nequip, 0.08, with_stress=False)
    return made


@pytest.fixture
def empty(database):
    """An archive of its own with nothing in it."""
    archive = Archive.open(database.uri, "tm23_one_test")
    yield archive
    archive.database.client.drop_database("tm23_one_test")
