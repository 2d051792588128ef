"""Label noise, SIGMA and trajectory recipes against plain numpy."""

import numpy as np
import pytest

from tm23flows.report.comparisons import (
    group_place,
    pairs_by_recipe,
    sigma_rows,
    trajectory_rows,
)

GROUPS = ["all", "cold", "warm", "melt"]


def differences(world, others, group):
    """Return other minus base: forces (f, 7, 3), energies per atom (f,), and base forces."""
    base = [world.labels[i] for i in world.of_regime(group)]
    pairs = [(others[label.frame_id], label) for label in base if label.frame_id in others]
    forces = np.array([one.forces - label.forces for one, label in pairs])
    energies = np.array([(o.energies.free - b.energies.free) / 7 for o, b in pairs])
    return forces, energies, np.array([label.forces for _, label in pairs])


def test_groups_come_in_rising_temperature(world):
    rows = [row for row in sigma_rows(world.archive) if row.what.startswith("SIGMA 2")]
    assert [row.group for row in rows] == GROUPS
    assert max(["other", "melt", "cold", "all"], key=group_place) == "other"


def test_sigma_rows_take_what_differs_in_sigma_only(world):
    rows = sigma_rows(world.archive)
    assert {row.what for row in rows} == {
        "SIGMA 1 eV against 0.2 eV",
        "SIGMA 2 eV against 0.2 eV",
    }
    forces, _, _ = differences(world, world.smeared, "warm")
    (row,) = [row for row in rows if row.group == "warm" and "2 eV against" in row.what[:20]]
    assert row.force.mae == pytest.approx(1000 * np.abs(forces).mean())
    assert row.force.rmse == pytest.approx(1000 * np.sqrt((forces**2).mean()))


def test_a_number_of_bands_that_follows_sigma_does_not_matter(world):
    labels, archive = world.archive.database["labels"], world.archive
    smeared = next(iter(world.smeared.values()))
    recipe = smeared.recipe.model_copy(update={"sigma_eV": 3.0, "options": {"nbands": "200%"}})
    other = smeared.model_copy(update={"recipe": recipe, "recipe_id": recipe.id})
    cutoff = recipe.model_copy(update={"options": {"mode": "coarse"}})
    stranger = smeared.model_copy(update={"recipe": cutoff, "recipe_id": cutoff.id})
    archive.put(other, stranger)
    try:
        found = {row.what: row.n_frames for row in sigma_rows(archive) if row.group == "all"}
    finally:
        labels.delete_many({"_id": {"$in": [other.id, stranger.id]}})
    assert found["SIGMA 3 eV against 0.2 eV"] == 1
    assert len(found) == 3


def test_trajectory_rows_compare_every_frame_with_its_run(road):
    rows = trajectory_rows(road)
    assert [(row.group, row.n_frames) for row in rows] == [
        ("all", 24),
        ("cold", 8),
        ("warm", 8),
        ("melt", 8),
    ]
    # The EMT engine has no electrons, so the recipes agree to the last digit that matters.
    assert max(row.force.rmse for row in rows) < 1e-6
    assert rows[0].what.startswith("shifted 1x1x1")


def test_pairs_never_pair_a_label_with_itself(world):
    for pairs in pairs_by_recipe(world.archive, world.dataset.label_ids):
        assert len({(one.recipe_id, base.recipe_id) for one, base in pairs}) == 1
        for one, base in pairs:
            assert one.id != base.id
            assert one.frame_id == base.frame_id
