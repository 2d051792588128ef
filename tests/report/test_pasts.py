"""Pasts of a page: one for each document, those of datasets shared."""

from tm23flows.report.pasts import read_pasts


def titles(world):
    return {one.id: name for name, one in world.evaluations.items()}


def test_each_has_its_own_and_the_dataset_is_there_once(world):
    pasts = read_pasts(world.archive, titles(world))
    assert [one.title for one in pasts][:2] == list(world.evaluations)
    assert [one.id for one in pasts][2:] == [world.dataset.id[:8]]
    assert all(one.complete for one in pasts)
    first, dataset = pasts[0], pasts[-1]
    assert [one.collection for one in first.steps] == ["evaluations", "models", "datasets"]
    assert dataset.steps[-1].collection == "structures"


def test_what_is_missing_behind_the_dataset_taints_the_model(world):
    frames = world.archive.database["frames"]
    victim = frames.find_one({"_id": world.labels[0].frame_id})
    frames.delete_one({"_id": victim["_id"]})
    try:
        pasts = read_pasts(world.archive, titles(world))
    finally:
        frames.insert_one(victim)
    assert not any(one.complete for one in pasts)


def test_a_dataset_that_is_gone_is_named(world):
    datasets = world.archive.database["datasets"]
    stored = datasets.find_one({"_id": world.dataset.id})
    datasets.delete_one({"_id": stored["_id"]})
    try:
        pasts = read_pasts(world.archive, titles(world))
    finally:
        datasets.insert_one(stored)
    assert len(pasts) == 2
    missing = pasts[0].steps[-1].missing
    assert missing == [f"document {world.dataset.id[:8]}"]
    assert not pasts[0].complete
