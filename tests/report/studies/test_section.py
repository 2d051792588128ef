"""A section is a value: what fills it and what shows it need nothing else of each other."""

from dataclasses import FrozenInstanceError

import pytest

from tm23flows.report.studies.section import StudySection, StudyTable


def test_a_section_cannot_be_changed_by_what_shows_it():
    table = StudyTable("T", ("a",), [("1",)])
    section = StudySection("S", ("A sentence.",), (table,), ())
    assert table.note == ""
    with pytest.raises(FrozenInstanceError):
        section.title = "other"
