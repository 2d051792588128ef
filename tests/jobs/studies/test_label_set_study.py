"""From label sets to a stored study: its settings and parents are its identity."""

import pytest

from tm23flows.documents.study import Study
from tm23flows.jobs.studies.label_set_study import store_study
from tm23flows.jobs.studies.smearing import make_results

SETTINGS = {"resampling": {"resamples": 300, "level": 0.9}, "allow_missing": False}


def test_a_study_names_all_that_it_is_made_from(archive, label_sets):
    sets = label_sets()
    sets.densities([sets.frames[-1].id])
    wired = {**sets.wired, "dos": {"frame_ids": [sets.frames[-1].id]}}
    study = store_study("smearing", {"Cu": wired}, SETTINGS, "sigma_eV", make_results, ["Beware."])
    assert (study.elements, study.warnings[-1]) == (("Cu",), "Beware.")
    assert study.parents["models"] == tuple(sorted(one[3].id for one in sets.sets))
    assert len(study.parents["densities_of_states"]) == 3
    assert "convergences" not in study.parents
    assert archive.trace(study.id).complete
    assert archive.get(Study, study.id) == study


def test_nothing_is_measured_for_a_study_that_is_there(archive, label_sets):
    wired = {"Cu": label_sets().wired}

    def measured_again(*_):
        pytest.fail("the study was there")

    study = store_study("smearing", wired, SETTINGS, "sigma_eV", make_results)
    same = store_study("smearing", wired, SETTINGS, "sigma_eV", measured_again)
    assert same == study
    assert archive.database["studies"].count_documents({}) == 1


def test_noise_labels_that_come_later_make_another_study(archive, label_sets):
    sets = label_sets()
    denser = sets.sets[0][1]
    archive.database["labels"].delete_one({"_id": denser[0].id})
    first = store_study("smearing", {"Cu": sets.wired}, SETTINGS, "sigma_eV", make_results)
    archive.put(denser[0])
    second = store_study("smearing", {"Cu": sets.wired}, SETTINGS, "sigma_eV", make_results)
    assert first.id != second.id
    rows = [one.results.metals[0].rows[0].noise.n_frames for one in (first, second)]
    assert rows == [3, 4]
