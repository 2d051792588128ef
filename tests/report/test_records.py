"""What is read for a report."""

from tm23flows.report.records import counts, datasets, labels_by_frame, measured, trajectories


def test_counts_are_in_the_order_of_the_road(road):
    assert list(counts(road).items()) == [
        ("structures", 1),
        ("trajectories", 3),
        ("frames", 24),
        ("labels", 24 * 2 + 6 + 3),
        ("rejections", 0),
        ("densities_of_states", 0),
        ("elastic_constants", 0),
        ("convergences", 0),
        ("datasets", 1),
        ("models", 0),
        ("evaluations", 0),
        ("grid_searches", 0),
        ("learning_curves", 0),
        ("studies", 0),
    ]


def test_datasets_have_their_names(road):
    assert [one.name for one in datasets(road)] == ["Cu-demo"]
    assert [one.name for one in datasets(road, "Cu-demo@1")] == ["Cu-demo"]


def test_evaluations_come_with_their_model(world):
    found = measured(world.archive)
    assert [one.model.trainer for one in found] == ["flare", "nequip"]
    assert all(one.evaluation.model_id == one.model.id for one in found)
    assert found[0].title == f"flare {found[0].model.id[:8]}"


def test_all_labels_of_a_frame_are_found(world):
    label = world.labels[-1]
    found = labels_by_frame(world.archive, [label.frame_id])
    assert set(found) == {label.frame_id}
    # The dataset's, the run's, shifted 2x2x2, SIGMA 1 and 2 eV, and the test's 2x2x3 mesh.
    assert len(found[label.frame_id]) == 6


def test_trajectories_of_a_dataset(road):
    ids = [one.id for one in trajectories(road)]
    assert [one.regime for one in trajectories(road)] == ["cold", "warm", "melt"]
    assert [one.id for one in trajectories(road, datasets(road))] == ids
    assert trajectories(road, []) == []
