"""The job of the crystal study: what is stored, what is warned of, and that nothing is twice."""

import crystal_kit as kit

from tm23flows.documents.study import Study
from tm23flows.jobs.studies.crystal import make_crystal_study

NOTHING = {"elastic_constants_id": None, "vacancy": None, "phases": {}}
QUICK = {**kit.SETTINGS, "elastic": False, "vacancy": False}


def make(archive, metals, settings=QUICK):
    return archive.get(Study, make_crystal_study.original(metals, settings)["study_id"])


def test_labels_alone_make_a_study_of_what_they_are_made_from(archive):
    rest = kit.equilibrium(kit.start())
    phases = {"bcc": kit.equilibrium(kit.start(2.85, "bcc"))}
    labels = {"rest": rest, **NOTHING, "phases": phases}
    study = make(archive, [kit.metal(labels=labels)])
    assert study.kind == "crystal"
    assert set(study.parents["labels"]) == {*rest["label_ids"], *phases["bcc"]["label_ids"]}
    assert study.parents["datasets"] == ("d" * 64,)
    assert study.results.metals[0].models == ()
    assert study.warnings == ()
    again = make(archive, [kit.metal(labels=labels)])
    assert again.id == study.id
    assert archive.database["studies"].count_documents({}) == 1
    other = make(archive, [kit.metal(labels=labels)], {**QUICK, "rounds": 2})
    assert other.id != study.id


def test_atoms_that_would_move_within_their_cell_are_said(archive):
    rest = {**kit.equilibrium(kit.start()), "largest_force_eV_per_A": 0.2}
    (warning,) = make(archive, [kit.metal(labels={"rest": rest, **NOTHING})]).warnings
    assert "forces up to 0.200 eV/A" in warning


def test_a_stress_that_belongs_to_another_volume_is_said(archive):
    """The elastic constants here are of a crystal 2 % too long: their stress is not zero."""
    rest = kit.equilibrium(kit.start())
    labels = {"rest": rest, **NOTHING, "elastic_constants_id": kit.elastic(kit.start(3.66))}
    study = make(archive, [kit.metal(labels=labels)])
    (warning,) = study.warnings
    assert "energies and stress do not agree" in warning
