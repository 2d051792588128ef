"""From a template to a page and to a file: escaped, whole, and all at once."""

import pytest
from jinja2 import UndefinedError

from tm23flows.errors import InputError
from tm23flows.report.plotting import Drawing
from tm23flows.report.rendering import render, write_pages
from tm23flows.report.studies.section import StudySection, StudyTable


def page(**fields):
    section = StudySection(
        title="A <b>title</b>",
        answer=("One & two.",),
        tables=(StudyTable("T", ("x", "y"), [("1", "<2")], "note"),),
        drawings=(Drawing("D", "caption", b"<svg/>", 4.0),),
    )
    shown = {
        "id": "0123",
        "section": section,
        "warnings": ("Not converged.",),
        "settings": {"seed": 0},
        "complete": True,
        "steps": [],
    }
    return render("study.html", title="S", index="index.html", studies=[{**shown, **fields}])


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
        render("study.html", title="S")


def test_pages_are_written_whole_or_not(tmp_path):
    folder = tmp_path / "new"
    write_pages({folder / "a.html": "A", folder / "b.html": "B"})
    assert sorted(one.name for one in folder.iterdir()) == ["a.html", "b.html"]
    write_pages({folder / "a.html": "C"})
    assert (folder / "a.html").read_text() == "C"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another file"):
        write_pages({tmp_path / "file" / "c.html": "C"})
