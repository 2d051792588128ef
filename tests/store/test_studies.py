"""The list of studies: oldest first, of all kinds or of one."""

from datetime import datetime

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.studies.correlations import CorrelationResults, MetalRow
from tm23flows.documents.study import Study
from tm23flows.store.studies import list_studies


@pytest.fixture
def study(archive):
    """A function that stores a study of a metal."""

    def make(element, day):
        past = Provenance.now().model_copy(update={"created": datetime(2026, 1, day)})  # noqa: DTZ001
        metal = MetalRow(element=element, group=11, family=None)
        made = Study(
            provenance=past,
            elements=(element,),
            settings={},
            parents={},
            results=CorrelationResults(
                metals=(metal,), trends=(), contrasts=(), n_p_values=0, level=0.05, correction="bh"
            ),
        )
        archive.put(made)
        return made

    return make


def test_oldest_first(archive, study):
    assert list_studies(archive) == []
    second, first = study("Cu", 2), study("Ag", 1)
    assert list_studies(archive) == [first, second]


def test_of_one_kind(archive, study):
    made = study("Cu", 1)
    assert list_studies(archive, "correlations") == [made]
    assert list_studies(archive, "smearing") == []
