"""The page of the transfer study: numbers of the document, every gap in words, a heatmap."""

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.smearing import SmearingResults
from tm23flows.documents.studies.transfer import (
    BoundedErrors,
    Penalty,
    Rise,
    TransferCell,
    TransferMetal,
    TransferResults,
    TransferTraining,
)
from tm23flows.documents.study import Study
from tm23flows.report.label_noise import noise_of_evaluations, noise_text
from tm23flows.report.records import measured
from tm23flows.report.studies.transfer import section

REGIMES = ("cold", "warm", "melt")


def bounded(value, by=0.5):
    return Bounded(value=value, low=value - by, high=value + by)


def errors(percent):
    return BoundedErrors(
        mae=bounded(percent / 200, 0.001),
        rmse=bounded(percent / 150, 0.001),
        mav=0.5,
        percent=bounded(percent),
    )


def cell(tested_on, percent, verdict=None):
    if percent is None:
        return TransferCell(tested_on=tested_on, evaluation_id=None, reason="its training failed")
    penalty = None
    if verdict:
        penalty = Penalty(percent=bounded(3.0), mae=bounded(0.01), adjusted_p=0.01, verdict=verdict)
    return TransferCell(
        tested_on=tested_on, evaluation_id="e", n_frames=9, force=errors(percent), penalty=penalty,
        energy=errors(1.0), block_length=1, effective_frames=60.0, trusted=True,
    )  # fmt: skip


def training(protocol, trained_on, cells, **fields):
    given = {
        "protocol": protocol, "trainer": "flare", "number": 0, "trained_on": trained_on,
        "dataset_id": "d", "model_id": "m", "n_train": 12, "cells": cells,
    }  # fmt: skip
    return TransferTraining(**{**given, **fields})


def metal(element, protocols=("matrix", "article"), lost=False):
    rise = Rise(first="warm", last="melt", percent=bounded(4.0), mae=bounded(0.02), verdict="rises")
    rows = []
    if "matrix" in protocols:
        rows = [
            training(
                "matrix", one,
                tuple(cell(x, None if lost else 5.0 + 7 * (x != one), "worse" if x != one else None)
                      for x in REGIMES),
            )
            for one in REGIMES
        ]  # fmt: skip
    if "article" in protocols:
        cells = (cell("warm", None if lost else 8.0), cell("melt", None if lost else 12.0))
        rows.append(training("article", "cold", cells, rise=None if lost else rise))
    return TransferMetal(element=element, regimes=REGIMES, trainings=tuple(rows))


def study(*metals):
    return Study(
        provenance=Provenance.now(),
        elements=tuple(one.element for one in metals),
        settings={"resampling": {"level": 0.9}},
        parents={},
        results=TransferResults(metals=metals),
    )


def test_the_answer_is_that_of_the_document(archive):
    found = section(archive, study(metal("Cu"), metal("Ti")))
    assert found.title == "Transfer study of Cu and Ti"
    assert found.answer[0] == (
        "Cu, flare: trained on all cold frames, the force error in percent is 8.00 (7.50 to 8.50) "
        "on warm and 12.0 (11.5 to 12.5) on melt; its force error in percent rises from warm to "
        "melt."
    )
    assert "6 of 6 transfers are worse (cold to warm" in found.answer[1]


def test_tables_have_all_cells_and_the_level(archive):
    matrix, article = section(archive, study(metal("Cu"), metal("Ti"))).tables
    assert (len(matrix.rows), len(article.rows)) == (2 * 9, 2 * 2)
    for table in (matrix, article):
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert "90 %" in table.note
        assert len(table.documents) == len(table.rows)
    assert matrix.rows[1][:5] == ("Cu", "flare", "cold", "12", "warm")
    assert matrix.rows[1][-2:] == ("3.00 (2.50 to 3.50)", "worse")
    assert matrix.rows[0][-2:] == ("-", "-")
    assert "Holm" in matrix.note


def test_every_error_has_the_label_noise_beside_it(world):
    evaluation = measured(world.archive)[0].evaluation
    here = cell("warm", 8.0).model_copy(update={"evaluation_id": evaluation.id})
    rows = [training("matrix", "warm", (here, cell("melt", 9.0)))]
    one = TransferMetal(element="Cu", regimes=REGIMES, trainings=tuple(rows))
    (table,) = section(world.archive, study(one)).tables
    place = table.columns.index("label noise of forces / %")
    noise = noise_of_evaluations(world.archive, [evaluation.id])
    assert table.rows[0][place] == noise_text(noise, (evaluation.id, "all")) != "-"
    assert table.rows[1][place] == "-"
    assert "denser k-mesh" in table.note


@pytest.mark.parametrize(("protocol", "other"), [("matrix", "article"), ("article", "matrix")])
def test_what_was_not_asked_for_is_not_shown(archive, protocol, other):
    found = section(archive, study(metal("Cu", (protocol,))))
    assert (len(found.tables), len(found.drawings)) == (1, 1)


def test_gaps_are_shown_in_words(archive):
    found = section(archive, study(metal("Cu", lost=True)))
    assert found.answer == (
        "Cu, flare: trained on all cold frames, it was not measured: its training failed.",
    )
    assert all("its training failed" in row for one in found.tables for row in one.rows)
    assert len(found.drawings) == 2


def test_another_study_is_refused(archive):
    other = study(metal("Cu")).model_copy(
        update={
            "results": SmearingResults.model_construct(
                metals=(), comparisons=(), falls_most=None, sentence=""
            )
        }
    )
    with pytest.raises(TypeError, match="no transfer study"):
        section(archive, other)
