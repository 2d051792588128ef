"""Tiles of all metals: which evaluation stands for a metal, and where its tile is."""

from types import SimpleNamespace

import pytest

from tm23flows.report import periodic_table
from tm23flows.report.periodic_table import Panel, draw_tiles, headlines, place_of, section
from tm23flows.report.records import measured
from tm23flows.science.metals import METALS, metal
from tm23flows.science.published import published


def test_the_tiles_are_in_the_order_of_the_periodic_table():
    places = {one: place_of(one) for one in METALS}
    assert len(set(places.values())) == 27
    assert places["Ti"] == (0, 0)
    assert places["Hg"] == (2, 8)
    assert places["Cu"][1] == places["Ag"][1] == places["Au"][1] == 7
    for row in range(3):
        numbers = [metal(one).atomic_number for one in METALS if places[one][0] == row]
        assert max(numbers) - min(numbers) == 8


def test_one_metal_needs_no_tiles(world):
    assert section(measured(world.archive)) is None


def evaluation(
    element,
    n_train,
    created,
    part="test",
    key="a",
    percent=1.0,
    home="d",
    reference="mean-per-atom",
):
    """Only what the choice looks at."""
    moment = SimpleNamespace(timestamp=lambda: created)
    row = SimpleNamespace(percent=percent)
    group = SimpleNamespace(group="all", force=row, energy=row, stress=None)
    made = SimpleNamespace(
        part=part, id=key * 64, provenance=SimpleNamespace(created=moment), errors=(group,),
        dataset_id="d", energy_reference=reference,
    )  # fmt: skip
    dataset = SimpleNamespace(element=element, parts={"train": ("x",) * n_train})
    return SimpleNamespace(
        evaluation=made, dataset=dataset, kind="flare",
        model=SimpleNamespace(part="train", dataset_id=home if n_train else None),
        named=SimpleNamespace(name=f"{element}-set"),
    )  # fmt: skip


def test_the_model_of_most_frames_stands_for_a_metal_and_of_these_the_newest():
    few = evaluation("Cu", 10, 9.0, key="a", percent=0.1)
    old = evaluation("Cu", 50, 1.0, key="b")
    new = evaluation("Cu", 50, 2.0, key="c", percent=5.0)
    other_part = evaluation("Cu", 99, 3.0, part="grid_test", key="d")
    for order in ([few, old, new, other_part], [other_part, new, old, few]):
        assert headlines(order) == {("Cu", "flare"): new}


def test_published_errors_stand_beside_ours_with_their_confidence():
    two = [evaluation("Ti", 5, 1.0, percent=12.5), evaluation("Cu", 5, 1.0, key="b", percent=3.0)]
    found = section(two)
    (table,) = found.tables
    rows = {row[0]: row for row in table.rows}
    assert rows["Ti"][3] == "12.5"
    assert rows["Ti"][5] == "-"  # there is no stress
    assert rows["Ti"][-1] == str(published("force_percent").values["Ti"])
    assert rows["Cu"][-1] == "-"  # cannot be read from the article
    assert published("force_percent").confidence in table.note
    assert list(table.documents) == [one.evaluation.id for one in two]
    assert found.drawings[0].svg.startswith(b"<?xml")


def test_panels_of_one_quantity_share_their_colours(monkeypatch):
    seen = []
    monkeypatch.setattr(
        periodic_table, "_draw_panel", lambda axes, panel, largest: seen.append((panel, largest))
    )
    one = Panel("a", {"Cu": 1.0}, "force")
    two = Panel("b", {"Ti": 4.0}, "force")
    other = Panel("c", {"Ti": 0.5}, "energy")
    draw_tiles([one, two, other])
    assert seen == [(one, 4.0), (two, 4.0), (other, 0.5)]


def test_a_metal_without_an_error_has_no_tile():
    drawing = draw_tiles([Panel("nothing is wrong", {"Cu": 0.0}, "force")])
    assert drawing.width_in == pytest.approx(3.9)


def test_energies_with_another_zero_are_no_errors():
    foreign = evaluation("Cu", 0, 1.0)
    (table,) = section([foreign, evaluation("Ti", 5, 1.0, key="b")]).tables
    rows = {row[0]: row for row in table.rows}
    assert rows["Cu"][3:5] == ("1.00", "-")
    assert rows["Ti"][3:5] == ("1.00", "1.00")


def test_a_model_of_another_dataset_or_reference_stands_only_where_there_is_no_other():
    own = evaluation("Cu", 50, 1.0)
    foreign = evaluation("Cu", 50, 2.0, key="b", home="other")
    raw = evaluation("Cu", 50, 3.0, key="c", reference="none")
    for order in ([own, foreign, raw], [raw, foreign, own]):
        assert headlines(order) == {("Cu", "flare"): own}
    assert headlines([foreign]) == {("Cu", "flare"): foreign}

    (table,) = section([raw, evaluation("Ti", 5, 1.0, key="d")]).tables
    rows = {row[0]: row for row in table.rows}
    assert rows["Cu"][3:5] == ("1.00", "-")
