"""From a template to a page and to a file: escaped, whole, and all at once."""

import pytest
from jinja2 import UndefinedError

from tm23flows.errors import InputError
from tm23flows.report.plotting import Drawing
from tm23flows.report.rendering import LONG_TABLE, csv_text, file_name, render, write_pages
from tm23flows.report.studies.section import Chapter, StudySection, StudyTable

TABLE = StudyTable("T", ("x", "y"), [("1", "<2")], "note")


def page(table=TABLE, **fields):
    section = StudySection(
        title="A <b>title</b>",
        answer=("One & two.",),
        tables=(table,),
        drawings=(Drawing("D", "caption", b"<svg/>", 4.0),),
        warnings=("Not converged.",),
        settings={"seed": 0},
    )
    values = dict.fromkeys(
        ("before", "contents", "convergences", "dynamics", "error_blocks", "limits", "metals",
         "pasts", "past_ids", "recipes", "recipe_figures", "runs_figures", "sigma_rows", "stories",
         "trajectory_rows"), (),
    )  # fmt: skip
    values |= {"dataset": None, "road": {}, "rejections": {}}
    values["after"] = [Chapter("s", "S", (section,))]
    return render("report.html", **{**values, **fields})


def test_text_is_escaped_and_figures_are_inside():
    text = page()
    assert "A &lt;b&gt;title&lt;/b&gt;" in text
    assert "One &amp; two." in text
    assert "&lt;2" in text
    assert "Not converged." in text
    assert "data:image/svg+xml;base64,PHN2Zy8+" in text
    assert "http" not in text


def test_what_a_template_lacks_is_an_error():
    with pytest.raises(UndefinedError):
        render("report.html", title="S")


def test_pages_are_written_whole_or_not(tmp_path):
    folder = tmp_path / "new"
    write_pages({folder / "a.html": "A", folder / "b.html": "B"})
    assert sorted(one.name for one in folder.iterdir()) == ["a.html", "b.html"]
    write_pages({folder / "a.html": "C"})
    assert (folder / "a.html").read_text() == "C"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another file"):
        write_pages({tmp_path / "file" / "c.html": "C"})


def test_a_long_table_is_folded_up():
    rows = [(str(number), "a") for number in range(LONG_TABLE + 1)]
    assert f"<summary>{LONG_TABLE + 1} rows</summary>" in page(StudyTable("T", ("x", "y"), rows))
    assert "rows</summary>" not in page()


def test_numbers_are_told_from_words():
    text = page(StudyTable("T", ("x", "y"), [("-1.5 (-2.0 to -1.0)", "melt 3"), ("-", "4.2 %")]))
    assert '<td class="n">-1.5 (-2.0 to -1.0)</td><td>melt 3</td>' in text
    assert '<td class="n">-</td><td class="n">4.2 %</td>' in text


def test_a_row_leads_to_its_past_where_the_page_has_it():
    ids = ("a" * 64, "b" * 64)
    table = StudyTable("T", ("x",), [("1",), ("2",)], documents=ids)
    text = page(table, past_ids={"a" * 8})
    assert text.count(f'href="#past-{"a" * 8}"') == 1
    assert f"#past-{'b' * 8}" not in text


def test_a_table_as_csv_names_the_documents():
    plain = StudyTable("T", ("x", "y"), [("1", "a, b")])
    assert csv_text(plain) == 'x,y\n1,"a, b"\n'
    named = StudyTable("T", ("x",), [("1",)], documents=("f" * 64,))
    assert csv_text(named) == f"x,document\n1,{'f' * 64}\n"


@pytest.mark.parametrize(
    ("title", "name"),
    [("Force error, Cu / %", "force-error-cu"), ("...", "table"), ("x" * 200, "x" * 80)],
)
def test_titles_become_names_of_files(title, name):
    assert file_name(title) == name
