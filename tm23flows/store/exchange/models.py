"""Models to folders that others can use: the files, what they are, and how to load them.

Owns the folder that ``tm23 model export`` writes, whole or not at all, every file checked
against the checksum that the archive has of it. It lives beside the exports of labels, not
with the trainers, because it only copies and describes: no trainer's library is needed.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.documents.model import Model, ModelFile
from tm23flows.errors import DatabaseError, InputError
from tm23flows.store.batches import batched
from tm23flows.store.exchange.manifest import ENERGY_WORDS, NOT_STATED, quantities

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

CARD, README = "card.json", "README.md"

TEXT = """\
# {trainer} model of {elements}

Model `{id}` of tm23flows, trained on {n} frames (part {part} of dataset `{dataset}`).

- Energies are total energies in eV: {energy}.
- Forces are in eV/angstrom. Stress is in eV/angstrom^3 as in ASE: positive under tension,
  order xx yy zz yz xz xy.
- Cells must be periodic in three directions and hold only {elements}.
- Trained with {versions}.
- Licence of the training data: {licence}.

`card.json` says the rest: hyperparameters, recipes of the labels, results of the training,
checksums. With tm23flows and {trainer} installed, this is a calculator of ASE:

    from pathlib import Path
    from tm23flows.trainers.calculator import model_calculator

    with model_calculator("{trainer}", Path("."), Path("work")) as atoms.calc:
        print(atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress())

`manifest.json` has the checksums that are compared before anything is loaded. They say that the
files are whole, not who made them: a file `.ckpt` can run code when it is loaded, so load this
folder only if you trust whoever gave it to you.
"""

CALCULATOR_TEXT = """\
# {name}

Model `{id}` of tm23flows: the calculator `{calculator}` of ASE, made elsewhere. What it was trained
on is not known here.

- Energies are in eV, those that its forces belong to where it tells two; forces are in eV/angstrom.
  Stress, where it has one, is in eV/angstrom^3 as in ASE, order xx yy zz yz xz xy.
- It was registered with {versions}; another version of {package} is refused.
- Licence: {licence}. Ask whoever made it.

With tm23flows, and in the interpreter that TM23_TRAINER_PYTHON_CALCULATOR names, or that
`calculator.json` names, the package of the calculator:

    from pathlib import Path
    from tm23flows.trainers.calculator import model_calculator

    with model_calculator("{trainer}", Path("."), Path("work")) as atoms.calc:
        print(atoms.get_potential_energy(), atoms.get_forces())

`card.json` says the rest. `manifest.json` has checksums of the files; they say that the files are
whole, not who made them. Loading this folder runs the code of the calculator, and perhaps code in
its files: do it only if you trust both.
"""


def export_model(archive: Archive, model_id: str, folder: Path) -> list[Path]:
    """Write a model to a folder, with a README and a card.

    Parameters
    ----------
    archive
        The archive.
    model_id
        The model.
    folder
        Folder to make; it appears when it is whole.

    Returns
    -------
    The files in it.

    Raises
    ------
    InputError
        If there is something at that place, or no folder to put it in.
    NotFoundError
        If the model, its dataset or one of its files is not in the archive.
    DatabaseError
        If a file is damaged, or the model's own manifest knows other files.
    """
    target = folder.resolve()
    if target.exists():
        raise InputError(f"{folder} is there already: name a folder that is to be made.")
    if not target.parent.is_dir():
        raise InputError(f"There is no folder {target.parent} to write {target.name} to.")
    model = archive.get(Model, model_id)
    card = _card(archive, model)
    with TemporaryDirectory(prefix=f".{target.name}.", suffix=".part", dir=target.parent) as place:
        whole = Path(place) / "model"
        whole.mkdir()
        for one in model.files:
            if one.name in {CARD, README}:
                raise _not_written(one.name)
            write_model_file(archive, one, whole)
        _check_manifest(model, whole)
        (whole / CARD).write_text(json.dumps(card, indent=1, sort_keys=True) + "\n")
        (whole / README).write_text(_readme(model, card))
        whole.rename(target)
    return sorted(path for path in target.rglob("*") if path.is_file())


def write_model_file(archive: Archive, file: ModelFile, folder: Path) -> None:
    """Write a file of a model, checked by its checksum, into a folder and nowhere else.

    Parameters
    ----------
    archive
        The archive.
    file
        The file; its name may have folders in it, which are made.
    folder
        The folder.

    Raises
    ------
    NotFoundError
        If the file is not in the archive.
    DatabaseError
        If it is damaged, or its name leaves the folder.
    """
    path = PurePosixPath(file.name)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        raise _not_written(file.name)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(archive.blobs.get(file.blob))


def _not_written(name: str) -> DatabaseError:
    return DatabaseError(
        f"The model has a file named '{name}', which is not written: run 'tm23 audit'."
    )


def _check_manifest(model: Model, folder: Path) -> None:
    """Compare the manifest that travels with the files with what the archive says."""
    stored = {one.name: one.blob for one in model.files if one.name != "manifest.json"}
    try:
        listed = json.loads((folder / "manifest.json").read_text())["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatabaseError(
            f"The model {model.id[:12]} has no readable manifest.json, so nobody could load it: "
            "train it again."
        ) from error
    if listed != stored:
        raise DatabaseError(
            f"The manifest of the model {model.id[:12]} does not know its files: train it again."
        )


def _card(archive: Archive, model: Model) -> dict[str, Any]:
    if model.dataset_id is None:
        origin = _from_elsewhere()
    else:
        origin = _training_data(archive, model, model.dataset_id)
    return {
        "kind": "tm23flows model",
        "version": 1,
        "id": model.id,
        "name": model.title,
        "trainer": model.trainer,
        **origin,
        "quantities": [one.model_dump() for one in quantities(origin["energy"])],
        "hyperparameters": model.hyperparameters,
        "seed": model.seed,
        "summary": model.summary,
        "wall_s": model.wall_s,
        "software": model.provenance.software,
        "trained": model.provenance.created.isoformat(timespec="seconds"),
        "sha256": {one.name: one.blob for one in model.files},
        "exported_with": Provenance.now().software,
    }


def _training_data(archive: Archive, model: Model, dataset_id: str) -> dict[str, Any]:
    dataset = archive.get(Dataset, dataset_id)
    ids = dataset.parts.get(model.part, ())
    recipes, licences = _labels(archive, ids)
    return {
        "elements": dataset.element.split("-"),
        "energy": dataset.energy,
        "trained_on": {"dataset_id": dataset.id, "part": model.part, "n_frames": len(ids)},
        "recipes": recipes,
        "licence_of_training_data": licences,
    }


def _from_elsewhere() -> dict[str, Any]:
    """What is not known of a model that was not trained here."""
    return {
        "elements": None,
        "energy": "unspecified",
        "trained_on": None,
        "recipes": {},
        "licence_of_training_data": [NOT_STATED],
    }


def _labels(archive: Archive, ids: tuple[str, ...]) -> tuple[dict[str, Any], list[str]]:
    """Recipes by id and licences of some labels, without reading their arrays."""
    fields = {"recipe_id": 1, "provenance.inputs.import": 1}
    of_recipe: dict[str, str] = {}
    licences: set[str] = set()
    for some in batched(ids):
        for stored in archive.database["labels"].find({"_id": {"$in": some}}, fields):
            of_recipe.setdefault(stored["recipe_id"], stored["_id"])
            origin = stored["provenance"].get("inputs", {}).get("import")
            said = origin.get("licence") if isinstance(origin, dict) else None
            licences.add(str(said or NOT_STATED))
    labels = archive.get_many(Label, of_recipe.values())
    return {one.recipe_id: one.recipe.model_dump(mode="json") for one in labels}, sorted(licences)


def _readme(model: Model, card: dict[str, Any]) -> str:
    if card["trained_on"] is None:
        package = model.hyperparameters.get("package")
        names = package if isinstance(package, dict) else {}
        return CALCULATOR_TEXT.format(
            name=model.title,
            id=model.id,
            trainer=model.trainer,
            calculator=model.hyperparameters.get("calculator"),
            versions=", ".join(f"{name} {one}" for name, one in card["software"].items()),
            package=" or ".join(names) or "its package",
            licence=NOT_STATED,
        )
    return TEXT.format(
        id=model.id,
        trainer=model.trainer,
        elements=", ".join(card["elements"]),
        n=card["trained_on"]["n_frames"],
        part=model.part,
        dataset=model.dataset_id,
        energy=ENERGY_WORDS[card["energy"]],
        versions=", ".join(f"{name} {one}" for name, one in card["software"].items()),
        licence=" and ".join(card["licence_of_training_data"]),
    )
