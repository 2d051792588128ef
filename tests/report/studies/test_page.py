"""Chapters of studies: one for each kind, newest first, with warnings, settings and the past."""

from datetime import datetime
from typing import get_args

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.studies.correlations import CorrelationResults, MetalRow
from tm23flows.documents.study import Results, Study
from tm23flows.errors import NotFoundError
from tm23flows.report.page import render_page
from tm23flows.report.studies import page
from tm23flows.report.studies.page import SECTIONS, TITLES, section_of, study_chapters


def put_study(archive, element, day=1, **fields):
    past = Provenance.now().model_copy(update={"created": datetime(2026, 1, day)})  # noqa: DTZ001
    metal = MetalRow(element=element, group=11, family=None, missing=("everything",))
    given = {
        "provenance": past,
        "elements": (element,),
        "settings": {"error": "force_percent", "trainer": "flare"},
        "parents": {},
        "results": CorrelationResults(
            metals=(metal,), trends=(), contrasts=(), n_p_values=0, level=0.05, correction="bh"
        ),
    }
    study = Study(**{**given, **fields})
    archive.put(study)
    return study


def test_every_kind_has_a_section_and_a_title():
    kinds = {kind.model_fields["kind"].default for kind in get_args(get_args(Results)[0])}
    assert set(SECTIONS) == set(TITLES) == kinds


def test_there_is_a_chapter_for_a_kind_that_has_a_study(archive):
    assert study_chapters(archive) == []
    old, new = put_study(archive, "Cu", 1), put_study(archive, "Ag", 2)
    (chapter,) = study_chapters(archive)
    assert (chapter.anchor, chapter.title) == ("correlations", "Correlations")
    assert [one.document for one in chapter.sections] == [new.id, old.id]


def test_the_page_shows_what_the_section_says(archive):
    study = put_study(archive, "Cu", warnings=("The mesh <is> coarse.",))
    text = render_page(archive)
    assert section_of(archive, study).title in text
    assert "The mesh &lt;is&gt; coarse." in text
    assert 'href="#correlations"' in text
    assert "force_percent" in text
    assert f'id="past-{study.id[:8]}"' in text


@pytest.mark.parametrize("missing", ["models", "datasets"])
def test_a_study_whose_past_is_gone_says_so(archive, missing):
    put_study(archive, "Cu", parents={missing: ("0" * 64,)})
    assert "incomplete" in render_page(archive)


def test_a_study_that_cannot_be_shown_does_not_take_the_others_with_it(archive, monkeypatch):
    put_study(archive, "Cu", 1)
    put_study(archive, "Ag", 2)
    shown = SECTIONS["correlations"]

    def section(archive, study):
        if study.elements == ("Ag",):
            raise NotFoundError("There is no model 0123.")
        return shown(archive, study)

    monkeypatch.setitem(page.SECTIONS, "correlations", section)
    (chapter,) = study_chapters(archive)
    assert chapter.sections[0].warnings == ("This study cannot be shown: There is no model 0123.",)
    assert chapter.sections[1].tables
