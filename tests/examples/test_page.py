"""The results page and the data card say what the archive says."""

import re
from types import SimpleNamespace

from tm23flows.documents.base import Provenance
from tm23flows.documents.convergence import Convergence
from tm23flows.documents.label import Label, Rejection
from tm23flows.report.records import measured, read_all
from tm23flows.store.studies import list_studies


def test_page_card_and_figures_are_written_from_the_archive(mini, emt_mini, tmp_path):
    written = mini.page.write(emt_mini, tmp_path)
    page = (tmp_path / mini.page.PAGE).read_text()
    card = (tmp_path / mini.page.CARD).read_text()
    for name in re.findall(r"\]\(\.\./figures/tm23_mini/(\S+)\)", page):
        assert (tmp_path / mini.page.FIGURES / name) in written
    for one in measured(emt_mini):
        errors = next(row for row in one.evaluation.errors if row.group == "all")
        assert f"{errors.force.percent:.3g}"[:4] in page
    assert "Not measured." in page  # no transfer has been made
    for study in list_studies(emt_mini):
        assert study.warnings
        assert all(f"- {warning}" in page for warning in study.warnings)
    assert f"| Cu | {emt_mini.frames().count()} | {emt_mini.labels().count()} |" in card
    assert "Engine emt" in card


def test_the_card_counts_rejections_and_has_noise_beside_the_test_that_chose_the_mesh(
    mini, emt_mini
):
    label = read_all(emt_mini, Label)[0]
    (test,) = read_all(emt_mini, Convergence)
    recipe = label.recipe.model_copy(update={"sigma_eV": 9.0})
    failed = Rejection(
        provenance=Provenance.now(), frame_id=label.frame_id, recipe=recipe, reason="it diverged"
    )
    older = test.model_copy(
        update={"converged": False, "kmesh": None, "kmesh_offset": None, "reason": "not converged"}
    )
    emt_mini.put(failed, older)
    try:
        card = mini.card.card(emt_mini)
    finally:
        emt_mini.database["rejections"].delete_one({"_id": failed.id})
        emt_mini.database["convergences"].delete_one({"_id": older.id})
    assert f"| Cu | {emt_mini.frames().count()} | {emt_mini.labels().count()} | 1 |" in card
    assert "| Cu |  | no | - | - |" in card
    assert re.search(r"\| Cu \| \dx\dx\d \| yes \| [\d.]+ \| [\d.]+ \|", card)


def test_the_newest_version_of_a_dataset_is_on_the_page(mini, emt_mini, tmp_path):
    names = emt_mini.database["dataset_names"]
    mini.page.write(emt_mini, tmp_path / "a")
    names.update_many({}, {"$set": {"version": 2}})
    try:
        mini.page.write(emt_mini, tmp_path / "b")
    finally:
        names.update_many({}, {"$set": {"version": 1}})
    first, second = ((tmp_path / one / mini.page.PAGE).read_text() for one in "ab")
    assert second.replace("@2", "") == first
    assert "| Cu | 0.2 eV | flare" in first


def test_the_first_line_counts_what_came_out(mini):
    def conclusion(*verdicts):
        cases = tuple(mini.conclusions.Case("", one, "") for one in verdicts)
        return mini.conclusions.Conclusion("", "", cases)

    found = [
        conclusion("holds", "holds"),
        conclusion("holds (hint)"),
        conclusion("holds", "contradicted (hint)", "not resolved"),
        conclusion("holds", "holds (hint)"),
        conclusion(),
    ]
    assert mini.page._in_short(found) == (
        "In short, hints included: 3 of 5 conclusions in line with every comparison that was made; "
        "contradicted in at least one: 1. All 8 comparisons: 4 *holds*, 2 *holds (hint)*, "
        "1 *contradicted (hint)*, 1 *not resolved*."
    )
    assert mini.page._in_short(found[-1:]) == "In short: nothing was measured."


def test_a_window_that_ends_early_is_marked(mini, monkeypatch):
    def density(metal, complete):
        recipe = SimpleNamespace(sigma_eV=0.2)
        return SimpleNamespace(
            element=metal, recipe=recipe, window_complete=complete,
            d_band_centre_eV=-2.5, d_band_width_eV=1.0, d_filling=0.9,
        )  # fmt: skip

    found = [density("Cu", True), density("Cu", True), density("Ti", True), density("Ti", False)]
    monkeypatch.setattr(mini.page, "read_all", lambda *_: found)
    text = mini.page._states(None)
    assert "| Cu | 0.2 eV | 2 |" in text
    assert "| Ti | 0.2 eV | 2* |" in text


def test_a_table_survives_what_stands_in_it(mini):
    text = mini.page.table(("a", "b"), [("|x|", "two\nlines")])
    assert text.splitlines() == ["| a | b |", "| --- | --- |", r"| \|x\| | two lines |"]
