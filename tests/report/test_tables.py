"""The numbers of the tables against plain numpy."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from tm23flows.errors import NotFoundError
from tm23flows.report.quantities import Quantity
from tm23flows.report.tables import (
    MISSING_NOISE_NOTE,
    NOISE_NOTE,
    ErrorTableRow,
    as_dict,
    error_rows,
    format_comparison_table,
    format_error_table,
    noise_rows,
    sigma_rows,
    sorted_rows,
)

GROUPS = ["all", "cold", "warm", "melt"]


def printed(table, width=200):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(table)
    return console.export_text()


def only(rows, **wanted):
    (row,) = [r for r in rows if all(getattr(r, k) == v for k, v in wanted.items())]
    return row


def test_one_row_per_evaluation_and_group_in_order(world):
    rows = error_rows(world.archive)
    seen = [(row.trainer, row.group) for row in rows]
    assert sorted(seen[:4]) == sorted((seen[0][0], group) for group in GROUPS)
    assert [group for _, group in seen] == GROUPS * 2
    assert {trainer for trainer, _ in seen} == {"flare", "nequip"}
    assert {(row.metal, row.dataset, row.part) for row in rows} == {("Cu", "Cu-demo", "test")}


@pytest.mark.parametrize("trainer", ["flare", "nequip"])
@pytest.mark.parametrize("group", GROUPS)
def test_errors_are_those_of_the_predictions(world, trainer, group):
    row = only(error_rows(world.archive), trainer=trainer, group=group)
    places = world.of_regime(group)
    assert row.n_frames == len(places)
    labelled = np.concatenate([world.labels[i].forces for i in places])
    predicted = world.predictions[trainer]["forces"].reshape(len(world.labels), -1, 3)[places]
    mae = 1000 * np.abs(predicted.reshape(-1, 3) - labelled).mean()
    assert row.force.mae == pytest.approx(mae)
    assert row.force.percent == pytest.approx(100 * mae / (1000 * np.abs(labelled).mean()))
    energies = np.array([world.labels[i].energies.free for i in places])
    difference = world.predictions[trainer]["energy"][places] - energies
    assert row.energy.mae == pytest.approx(1000 * np.abs(difference / 7).mean())
    assert (row.stress is None) == (trainer == "nequip")


def test_only_the_dataset_that_was_asked_for(world):
    assert len(error_rows(world.archive, "Cu-demo")) == 8
    with pytest.raises(NotFoundError, match="no dataset 'Ti-demo'"):
        error_rows(world.archive, "Ti-demo")


def test_a_model_that_is_gone_is_named(world):
    models = world.archive.database["models"]
    stored = models.find_one({"trainer": "flare"})
    models.delete_one({"_id": stored["_id"]})
    try:
        with pytest.raises(NotFoundError, match=stored["_id"][:12]):
            error_rows(world.archive)
    finally:
        models.insert_one(stored)


def test_as_dict_is_json_with_units(world):
    rows = [*error_rows(world.archive), *noise_rows(world.archive), *sigma_rows(world.archive)]
    values = json.loads(json.dumps([as_dict(row) for row in rows], allow_nan=False))
    flare = next(v for v in values if v.get("trainer") == "flare")
    assert flare["force_mae_meV_per_A"] == pytest.approx(rows[0].force.mae)
    assert {"energy_mae_meV_per_atom", "stress_mae_meV_per_A3", "force_percent"} <= set(flare)
    nequip = next(v for v in values if v.get("trainer") == "nequip")
    assert nequip["stress_mae_meV_per_A3"] is None
    assert nequip["stress_percent"] is None


def test_the_terminal_shows_models_and_noise_side_by_side(world):
    text = printed(format_error_table(error_rows(world.archive), noise_rows(world.archive)))
    cold = [line for line in text.splitlines() if line.startswith(" cold")]
    assert len(cold) == 3
    assert "label noise: 2x2x3 against 3x3x3, 2 frames" in cold[2]
    melt = [line for line in text.splitlines() if line.startswith(" melt") and "noise" in line]
    assert "1 frame " in melt[0]
    assert " - " in melt[0]
    row = only(error_rows(world.archive), trainer="flare", group="cold")
    assert f"{row.force.mae:.1f}" in cold[0]
    assert " ".join(NOISE_NOTE.split()) in " ".join(text.split())


def row_of(percent, stress):
    quantity = Quantity(mae=1.0, rmse=1.0, mav=0.0, percent=percent)
    words = dict.fromkeys(
        ("dataset", "dataset_id", "part", "energy_reference", "trainer", "model", "model_id"),
        "[red]x",
    )
    return ErrorTableRow(
        metal="Cu",
        group="all",
        evaluation_id="x",
        n_frames=1,
        force=quantity,
        energy=quantity,
        stress=stress,
        **words,
    )


def test_undefined_and_missing_are_said_and_markup_is_not_obeyed():
    text = printed(format_error_table([row_of(None, None)], []))
    line = next(line for line in text.splitlines() if "undefined" in line)
    assert line.count("undefined") == 2
    assert line.count(" - ") == 2
    assert "[red]x" in line


def test_rows_of_several_datasets_stand_under_their_names():
    one, other = (replace(row_of(1.0, None), dataset=word, dataset_id=word) for word in "AB")
    lines = printed(format_error_table([one, other], [])).splitlines()
    names = [line.strip() for line in lines if line.strip() in {"A, [red]x", "B, [red]x"}]
    assert names == ["A, [red]x", "B, [red]x"]
    alone = printed(format_error_table([one], [])).splitlines()
    assert "A, [red]x" not in [line.strip() for line in alone]


def test_the_metal_is_a_column_where_there_are_two():
    rows = [row_of(1.0, None), replace(row_of(1.0, None), metal="Ti", dataset_id="y")]
    assert "metal" not in printed(format_error_table(rows[:1], []))
    text = printed(format_error_table(rows, []))
    assert "metal" in text
    assert "Ti" in text


def test_without_noise_this_is_said():
    text = printed(format_error_table([row_of(None, None)], []))
    assert " ".join(MISSING_NOISE_NOTE.split()) in " ".join(text.split())


def test_noise_without_a_model_is_left_out(world):
    assert sorted_rows([], noise_rows(world.archive)) == []


def test_comparisons_print(world):
    rows = sigma_rows(world.archive)
    text = printed(format_comparison_table(rows, "the same frames at another SIGMA"))
    assert "SIGMA 2 eV against 0.2 eV" in text
    assert f"{rows[-1].force.mae:.1f}" in text


def test_a_narrow_terminal_loses_no_number(world):
    rows, noise = error_rows(world.archive), noise_rows(world.archive)
    text = printed(format_error_table(rows, noise), width=80)
    wide = printed(format_error_table(rows, noise), width=200)
    numbers = r"\d\.\d+|\d\d+"
    table, wide_table = text.partition("Label noise is")[0], wide.partition("Label noise is")[0]
    assert sorted(re.findall(numbers, table)) == sorted(re.findall(numbers, wide_table))
