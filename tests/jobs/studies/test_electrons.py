"""The job of the electron-count study: forces of neutral and shifted cells, nothing else."""

import pytest

from tm23flows.documents.study import Study
from tm23flows.errors import InputError
from tm23flows.jobs.studies.electrons import make_electron_study

SHIFTS = {"Au": -3.0, "Os": 3.0}
SETTINGS = {
    "electrons_per_atom": SHIFTS,
    "resampling": {"resamples": 300, "level": 0.9},
    "allow_missing": False,
}


@pytest.fixture
def pair(label_sets):
    """Au whose error rises and Os whose error falls; two atoms in a cell."""

    def sets(element, errors, **known):
        updates = [{}, {"electron_shift": 2 * SHIFTS[element]}]
        given = {"updates": updates, "errors": errors, "noises": [0.001, 0.001]}
        return label_sets(element, **{**given, **known})

    return lambda **known: (sets("Au", [0.03, 0.05], **known), sets("Os", [0.08, 0.05]))


def study_of(archive, metals, **settings):
    wired = {one.element: one.wired for one in metals}
    out = make_electron_study.original(wired, {**SETTINGS, **settings})
    return archive.get(Study, out["study_id"]), out


def test_both_metals_before_and_after(archive, pair):
    metals = pair()
    study, out = study_of(archive, metals)
    au, os_ = study.results.metals
    assert out["verdicts"] == {"Au": "rises", "Os": "falls"}
    assert [row.electron_shift for row in au.rows] == [0, -6]
    assert [row.electrons_per_atom for row in os_.rows] == [0, 3]
    assert (au.as_metal, os_.as_metal) == ("Os", "Au")
    assert "from neutral to the valence electrons of Os" in au.sentence
    change = au.rows[1].force.change.percent
    assert 0 < change.low < change.value < change.high
    assert any("energies and stresses are not compared" in one for one in study.warnings)
    again, same = study_of(archive, metals)
    assert (again, same) == (study, out)


def test_a_cell_with_other_electrons_than_its_atoms_should_have_is_refused(archive, pair):
    metals = pair(updates=[{}, {"electron_shift": -3.0}])
    with pytest.raises(InputError, match="were to get -3 electrons per atom"):
        study_of(archive, metals)


def test_a_shift_that_is_no_swap_names_no_metal(archive, label_sets):
    updates = [{}, {"electron_shift": 1.0}]
    metals = [
        label_sets(one, updates=updates, errors=[0.05, 0.04], noises=[0.0, 0.0])
        for one in ("Au", "Os")
    ]
    study, _ = study_of(archive, metals, electrons_per_atom={"Au": 0.5, "Os": 0.5})
    assert [one.as_metal for one in study.results.metals] == [None, None]
    assert "+0.5 electrons per atom" in study.results.metals[0].sentence
