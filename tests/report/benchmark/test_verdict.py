"""How models that came last stand among the others."""

from __future__ import annotations

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.model import Model
from tm23flows.jobs.evaluation import evaluation_of
from tm23flows.report.benchmark.verdict import (
    EnergyOffset,
    offset_line,
    offset_row,
    published_line,
    verdict_of,
)
from tm23flows.report.records import measured
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.trainers.base import Predictions

QUICK = Bootstrap(resamples=200)


def evaluation(world, metal, trainer):
    (found,) = [
        one.evaluation
        for one in measured(world.archive, f"{metal}-set")
        if one.model.trainer == trainer
    ]
    return found


def test_only_comparisons_with_the_asked_model_are_given_and_all_are_counted(world):
    found = verdict_of(world.archive, [evaluation(world, "Cu", "calculator")], QUICK)
    trainers = {
        (pair.first.measured.model.trainer, pair.second.measured.model.trainer)
        for pair in found.pairs
    }
    assert trainers == {("calculator", "flare"), ("calculator", "nequip")}
    # three pairs, three quantities; the calculator has no stress
    assert {pair.n_family for pair in found.pairs} >= {9} or {
        pair.n_family for pair in found.pairs
    } == {7}
    forces = [pair for pair in found.pairs if pair.judged.difference.quantity == "force"]
    assert {pair.judged.verdict for pair in forces} == {"second"}
    assert all(pair.n_left_out == 2 for pair in forces)


def test_a_model_alone_on_its_frames_is_compared_with_none(world):
    assert verdict_of(world.archive, [], QUICK).pairs == []
    found = verdict_of(world.archive, [evaluation(world, "Ti", "flare")], QUICK)
    assert len({pair.second.measured.model.id for pair in found.pairs}) == 1


def shifted(world, constant):
    """An evaluation of a calculator whose zero of energy is elsewhere; it is not stored."""
    labels = world.labels["Ti"]
    random = np.random.default_rng(5)
    errors = 0.002 * random.normal(size=len(labels))
    predictions = Predictions(
        energies=np.array([one.energies.free for one in labels]) + 2 * (constant + errors),
        forces=tuple(one.forces for one in labels),
        stresses=None,
        uncertainties=None,
    )
    model = Model(
        provenance=Provenance.now(),
        trainer="calculator",
        hyperparameters={"name": "shifted"},
        seed=0,
        dataset_id=None,
        files=(),
        wall_s=0.0,
    )
    dataset = measured(world.archive, "Ti-set")[0].dataset
    args = "test", "mean-per-atom", labels, predictions
    return evaluation_of(world.archive, model, dataset, *args), errors


def test_a_constant_in_the_energies_is_told_from_their_scatter(world):
    one, errors = shifted(world, -3.25)
    (offset,) = verdict_of(world.archive, [one], QUICK).offsets
    assert offset.offset_eV_per_atom == pytest.approx(-3.25 + errors.mean(), abs=1e-12)
    assert offset.mae_without_eV_per_atom == pytest.approx(
        np.abs(errors - errors.mean()).mean(), abs=1e-12
    )
    assert offset.matters
    assert "eV/atom below those of the labels" in offset_line(offset)
    assert offset_row(offset)["energy_offset_meV_per_atom"] == pytest.approx(-3250, abs=2)
    assert not verdict_of(world.archive, [shifted(world, 0.0)[0]], QUICK).offsets[0].matters


def test_one_frame_says_nothing_without_its_constant():
    alone = EnergyOffset("0", 1.0, 1.0, None)
    assert not alone.matters
    assert offset_row(alone)["energy_mae_without_offset_meV_per_atom"] is None


def test_what_the_article_prints_comes_with_how_sure_it_is():
    said = published_line("Ti")
    assert "9.84 %" in said
    assert "confidence" in said
    assert published_line("Na") is None
