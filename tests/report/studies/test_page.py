"""Pages of studies: one for each kind, newest first, with warnings, settings and the past."""

from datetime import datetime
from typing import get_args

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.studies.correlations import CorrelationResults, MetalRow
from tm23flows.documents.study import Results, Study
from tm23flows.errors import InputError
from tm23flows.report.page import write_report
from tm23flows.report.studies.page import (
    SECTIONS,
    TITLES,
    render_study_page,
    section_of,
    study_pages,
)


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


def test_there_is_a_page_for_a_kind_that_has_a_study(archive):
    assert study_pages(archive) == []
    old, new = put_study(archive, "Cu", 1), put_study(archive, "Ag", 2)
    (page,) = study_pages(archive)
    assert (page.title, page.file) == ("Correlations", "correlations.html")
    assert page.studies == (new, old)


def test_the_report_does_not_take_the_name_of_such_a_page(archive, tmp_path):
    put_study(archive, "Cu")
    with pytest.raises(InputError, match="choose another one"):
        write_report(archive, tmp_path / "correlations.html")
    assert list(tmp_path.iterdir()) == []
    write_report(archive, tmp_path / "index.html")
    assert {one.name for one in tmp_path.iterdir()} == {"index.html", "correlations.html"}


def test_the_page_shows_what_the_section_says(archive):
    study = put_study(archive, "Cu", warnings=("The mesh <is> coarse.",))
    text = render_study_page(archive, study_pages(archive)[0], "index.html")
    assert section_of(archive, study).title in text
    assert "The mesh &lt;is&gt; coarse." in text
    assert 'href="index.html"' in text
    assert "force_percent" in text
    assert study.id[:8] in text


@pytest.mark.parametrize("missing", ["models", "datasets"])
def test_a_study_whose_past_is_gone_says_so(archive, missing):
    put_study(archive, "Cu", parents={missing: ("0" * 64,)})
    text = render_study_page(archive, study_pages(archive)[0], "index.html")
    assert "incomplete" in text
