"""One test frame with its labels, and traces in words."""

import numpy as np
import pytest

from tm23flows.report.provenance import LABEL_COLUMNS, frame_story, steps


@pytest.fixture(scope="module")
def story(world):
    return frame_story(world.archive, world.dataset)


def test_the_frame_is_one_with_most_labels_and_the_datasets_label_comes_first(world, story):
    assert len(story.rows) == 6
    assert story.label_id in world.dataset.parts["test"]
    assert story.rows[0][:2] == ["3x3x3, SIGMA 0.2 eV", "dataset"]
    assert all(len(row) == len(LABEL_COLUMNS) for row in story.rows)
    assert [row[1] for row in story.rows].count("trajectory") == 1


def test_numbers_of_a_label_are_its_own(world, story):
    (base,) = [label for label in world.labels if label.id == story.label_id]
    coarse = world.coarse[base.frame_id]
    (row,) = [row for row in story.rows if row[0].startswith("2x2x3")]
    assert float(row[2]) == pytest.approx(coarse.energies.free / 7, abs=1e-4)
    largest = np.linalg.norm(coarse.forces, axis=1).max()
    assert float(row[3]) == pytest.approx(largest, rel=0.006)
    change = 1000 * np.abs(coarse.forces - base.forces).mean()
    assert float(row[4]) == pytest.approx(change, rel=0.006)
    assert row[-1] == coarse.id[:8]


def test_a_part_that_is_not_there_has_no_story(world):
    assert frame_story(world.archive, world.dataset, "validation") is None


def test_a_trace_is_written_from_the_evaluation_to_the_structure(world):
    levels = steps(world.archive.trace(world.evaluations["flare"].id))
    assert [level.collection for level in levels] == [
        "evaluations", "models", "datasets", "labels", "frames", "trajectories", "structures",
    ]  # fmt: skip
    assert not any(level.missing for level in levels)
    model = levels[1].entries[0]
    assert model["facts"]["trainer"] == "flare"
    assert "flare 1.0" in model["software"]
    assert levels[3].count == 24
    assert levels[3].entries[0]["facts"]["recipe"].startswith("Engine emt")


def test_a_missing_blob_is_named(world):
    blobs = world.archive.database["blobs.files"]
    evaluation = world.evaluations["flare"]
    stored = blobs.find_one({"_id": evaluation.predictions})
    blobs.delete_one({"_id": stored["_id"]})
    try:
        levels = steps(world.archive.trace(evaluation.id))
    finally:
        blobs.insert_one(stored)
    assert levels[0].missing == [f"blob {evaluation.predictions[:8]}"]
