"""What a person reads about a training."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tm23flows.ops.status.trainings import training_line
from tm23flows.store.trainings import Training

PROGRESS = {
    "step": 120,
    "of": 300,
    "unit": "epoch",
    "values": {"epoch": 119.0, "validation_force_mae": 0.02134},
    "elapsed_s": 61.0,
    "eta_s": 7300.0,
}


def running(**changes):
    """Return a training that was heard of just now, or one that differs from it."""
    about = {"trainer": "nequip", "element": "Cu"}
    now = datetime.now(UTC).replace(tzinfo=None)
    one = Training("a" * 64, about, "running", 1, "node7", now, PROGRESS, None, None)
    return replace(one, **changes)


def test_a_running_one_tells_losses_and_times():
    assert training_line(running()) == (
        "Cu nequip aaaaaaaa: epoch 120 of 300, validation force mae 0.02134, 61 s done, "
        "at most 2 h 1 min left"
    )


def test_one_without_an_end_in_sight_or_a_first_step():
    line = training_line(running(progress={**PROGRESS, "of": None, "eta_s": None}))
    assert "epoch 120, " in line
    assert "left" not in line
    assert training_line(running(progress={})) == "Cu nequip aaaaaaaa: beginning"


def test_a_silent_one_is_said_to_be_silent():
    line = training_line(running(updated=running().updated - timedelta(minutes=12)))
    assert "not heard of for 12 min, last on node7" in line


def test_the_end_of_one_has_a_reason():
    failed = running(state="failed", reason="diverged", message="The loss is not finite.")
    assert training_line(failed).endswith("failed (diverged) on node7: The loss is not finite.")
    assert "stopped, goes on" in training_line(running(state="stopped"))
