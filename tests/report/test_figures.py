"""The figures about models."""

import numpy as np
import pytest

from tm23flows.report.figures import curves, draw_errors, draw_training
from tm23flows.report.records import measured
from tm23flows.report.tables import error_rows, noise_rows


@pytest.fixture(scope="module")
def models(world):
    return {one.model.trainer: one.model for one in measured(world.archive)}


def with_history(model, *rows):
    return model.model_copy(update={"history": tuple(rows)})


def test_errors_are_drawn_with_and_without_noise(world):
    rows, noise = error_rows(world.archive), noise_rows(world.archive)
    with_noise, without = draw_errors(rows, noise), draw_errors(rows, [])
    assert with_noise.title == without.title == "Errors on Cu-demo, test"
    assert with_noise.svg != without.svg


def test_a_likelihood_is_drawn_as_its_distance_below_the_best(models):
    ((name, (x, y)),) = curves(models["flare"]).items()
    assert name == "log likelihood below best"
    values = np.array([row["log_likelihood"] for row in models["flare"].history])
    drawn = ~np.isnan(y)
    assert np.allclose(y[drawn], (values.max() - values)[x[drawn].astype(int)])
    # The two best points lie at zero, and one gap separates the two starts.
    assert np.isnan(y).sum() == 3


def test_losses_and_errors_are_drawn_over_epochs(models):
    lines = curves(models["nequip"])
    assert list(lines) == ["training loss", "validation force MAE"]
    assert list(lines["training loss"][0][:3]) == [0, 1, 2]


def test_strange_histories_do_no_harm(models):
    model = models["nequip"]
    odd = with_history(
        model,
        {"epoch": 0.0, "training_loss": float("inf")},
        {"epoch": 1.0, "training_loss": 0.5},
        {"validation_mae": -1.0},
        {"whatever": 3.0},
    )
    ((name, (x, y)),) = curves(odd).items()
    assert (name, x[1], y[1]) == ("training loss", 1.0, 0.5)
    assert draw_training([odd, with_history(model)]) is not None
    bad = with_history(model, {"log_likelihood": float("nan")}, {"log_likelihood": float("-inf")})
    assert draw_training([bad, with_history(model), with_history(model, {"a": 1.0})]) is None


def test_searches_on_the_way_to_more_frames_are_not_compared_with_the_last(models):
    rows = [
        {"n_frames": 5.0, "start": 0.0, "log_likelihood": 90.0},
        {"n_frames": 9.0, "start": 0.0, "log_likelihood": 10.0},
        {"n_frames": 9.0, "start": 0.0, "log_likelihood": 30.0},
    ]
    ((_, (x, y)),) = curves(with_history(models["flare"], *rows)).items()
    assert x.tolist() == [1, 2]
    assert y[0] == 20.0
