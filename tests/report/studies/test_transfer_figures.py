"""Figures of the transfer study: a heatmap for each model, and one for all metals."""

import pytest

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.transfer import (
    BoundedErrors,
    TransferCell,
    TransferMetal,
    TransferResults,
    TransferTraining,
)
from tm23flows.report.studies.transfer_figures import draw_article, draw_matrix, models_of

REGIMES = ("cold", "warm", "melt")


def cell(tested_on, percent, bounds=True):
    if percent is None:
        return TransferCell(tested_on=tested_on, evaluation_id=None, reason="it failed")
    ends = {"low": percent - 1, "high": percent + 1} if bounds else {}
    value = Bounded(value=percent, **ends)
    force = BoundedErrors(mae=value, rmse=value, mav=0.5, percent=value)
    return TransferCell(tested_on=tested_on, evaluation_id="e", n_frames=9, force=force)


def metal(element, percent=8.0, **fields):
    def row(protocol, trained_on, tested, number):
        return TransferTraining(
            protocol=protocol, trainer="flare", number=number, trained_on=trained_on,
            dataset_id="d", model_id="m", n_train=3,
            cells=tuple(cell(one, percent, **fields) for one in tested),
        )  # fmt: skip

    rows = [row("matrix", one, REGIMES, number) for one in REGIMES for number in (0, 1)]
    rows += [row("article", "cold", REGIMES[1:], number) for number in (0, 1)]
    return TransferMetal(element=element, regimes=REGIMES, trainings=tuple(rows))


@pytest.fixture
def drawn(monkeypatch):
    """The matplotlib figures in place of the files."""
    module = "tm23flows.report.studies.transfer_figures.finish"
    monkeypatch.setattr(module, lambda figure, title, caption: (figure, title, caption))


def test_models_of_one_trainer_are_told_apart():
    assert {name: len(rows) for name, rows in models_of(metal("Cu"), "matrix").items()} == {
        "flare": 3, "flare 2": 3,
    }  # fmt: skip


def test_a_heatmap_has_every_number_with_its_interval(drawn):
    figure, title, caption = draw_matrix(metal("Cu"), "90 %")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["flare", "flare 2"]
    for axes in figure.axes:
        assert [text.get_text() for text in axes.texts] == ["8.00\n7.00 to 9.00"] * 9
        assert axes.images[0].get_array().shape == (3, 3)
    assert "Cu" in title
    assert "90 %" in caption


@pytest.mark.parametrize(("percent", "texts"), [(None, []), (8.0, ["8.00"] * 9)])
def test_what_is_missing_is_left_grey_and_no_interval_is_none(drawn, percent, texts):
    figure, _, _ = draw_matrix(metal("Cu", percent, bounds=False), "90 %")
    assert [text.get_text() for text in figure.axes[0].texts] == texts


def test_all_metals_are_in_one_figure(drawn):
    results = TransferResults(metals=(metal("Cu"), metal("Ti", None), metal("Os", 4.0)))
    figure, _, _ = draw_article(results, "90 %")
    for axes in figure.axes:
        assert [label.get_text() for label in axes.get_xticklabels()] == ["Cu", "Ti", "Os"]
        assert len(axes.containers) == 2  # warm and melt
        assert axes.get_ylim()[0] == 0
    lost, _, _ = draw_article(TransferResults(metals=(metal("Ti", None),)), "90 %")
    assert lost.axes[0].texts[0].get_text() == "not measured"


def test_the_same_study_gives_the_same_bytes():
    first, again = (draw_matrix(metal("Cu"), "90 %").svg for _ in range(2))
    assert first == again
    assert draw_article(TransferResults(metals=(metal("Cu"),)), "90 %").svg.startswith(b"<?xml")
