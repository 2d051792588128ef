"""Reading label sets: what is of another problem, another frame or another model is refused."""

import pytest

from tm23flows.errors import InputError, NotFoundError
from tm23flows.jobs.studies.label_sets import read_sets


def refused(archive, wired, why, differ_in="sigma_eV", error=InputError):
    with pytest.raises(error, match=why):
        read_sets(archive, wired, differ_in)


def test_sets_are_read_with_their_labels_predictions_and_noise(archive, label_sets):
    sets = label_sets()
    read = read_sets(archive, sets.wired, "sigma_eV")
    assert [one.recipe.sigma_eV for one in read] == [0.2, 1.0, 2.0]
    for one, (labels, denser, dataset, model, evaluation) in zip(read, sets.sets, strict=True):
        assert list(one.labels) == [label.frame_id for label in labels]
        assert list(one.predicted) == [label.frame_id for label in labels[10:]]
        assert [label.id for label in one.noise_labels.values()] == [d.id for d in denser]
        assert (one.dataset.id, one.model.id) == (dataset.id, model.id)
        assert one.evaluation.id == evaluation.id
        assert one.dos_ids == ()


def test_predictions_are_matched_by_label_and_not_by_place(archive, label_sets):
    sets = label_sets()
    labels, _, dataset, model, _ = sets.sets[0]
    backwards = labels[:9:-1]
    forces = [one.forces for one in backwards]
    archive.database["evaluations"].delete_many({"dataset_id": dataset.id})
    archive.put(sets.evaluate(model, dataset, backwards, forces))
    one = read_sets(archive, sets.wired, "sigma_eV")[0]
    assert list(one.predicted) == [label.frame_id for label in backwards]
    for label in labels[10:]:
        assert (one.predicted[label.frame_id] == label.forces).all()


def test_densities_of_states_of_the_chosen_frames_are_found(archive, label_sets):
    sets = label_sets()
    frames = [one.id for one in sets.frames[-2:]]
    sets.densities(frames[:1])
    wired = {**sets.wired, "dos": {"frame_ids": frames}}
    read = read_sets(archive, wired, "sigma_eV")
    assert [len(one.dos_ids) for one in read] == [1, 1, 1]
    assert len({one.dos_ids for one in read}) == 3


def test_sets_that_differ_in_more_are_refused(archive, label_sets):
    cutoff = [{"sigma_eV": 0.2}, {"sigma_eV": 1.0, "cutoff_eV": 300.0}]
    sets = label_sets(updates=cutoff)
    refused(archive, sets.wired, "also differ in cutoff_eV")
    refused(archive, label_sets("Au").wired, "also differ in sigma_eV", "electron_shift")


def test_an_evaluation_of_another_model_is_refused(archive, label_sets):
    wired = label_sets().wired
    crossed = [{**wired["models"][0], "evaluation_id": wired["models"][1]["evaluation_id"]}]
    refused(archive, {**wired, "models": [*crossed, *wired["models"][1:]]}, "not that of the model")


def test_noise_is_measured_against_a_denser_mesh_of_the_same_recipe(archive, label_sets):
    wired = label_sets().wired
    own = [one.recipe_id for one in read_sets_labels(archive, wired)]
    same = {**wired["noise"], "recipe_ids": [[one] for one in own]}
    refused(archive, {**wired, "noise": same}, "on a denser k-mesh than 3x3x3, not 3x3x3")
    turned = {**wired["noise"], "recipe_ids": wired["noise"]["recipe_ids"][::-1]}
    refused(archive, {**wired, "noise": turned}, "the same recipe on a denser")
    several = {**wired["noise"], "recipe_ids": [["a" * 64, "b" * 64]] * 3}
    refused(archive, {**wired, "noise": several}, "one recipe")


def test_labels_that_are_gone_are_named(archive, label_sets):
    sets = label_sets()
    archive.database["labels"].delete_one({"_id": sets.sets[1][0][20].id})
    refused(archive, sets.wired, "not in the archive", error=NotFoundError)


def read_sets_labels(archive, wired):
    return [next(iter(one.labels.values())) for one in read_sets(archive, wired, "sigma_eV")]
