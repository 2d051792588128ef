"""The results page and the data card say what the archive says."""

import re

from tm23flows.report.records import measured


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
    assert f"| Cu | {emt_mini.frames().count()} | {emt_mini.labels().count()} |" in card
    assert "Engine emt" in card


def test_a_table_survives_what_stands_in_it(mini):
    text = mini.page.table(("a", "b"), [("|x|", "two\nlines")])
    assert text.splitlines() == ["| a | b |", "| --- | --- |", r"| \|x\| | two lines |"]
