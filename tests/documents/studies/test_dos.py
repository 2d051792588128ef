"""Results of the density-of-states study as a document."""

import pytest
from pydantic import ValidationError

from tm23flows.documents.base import Provenance
from tm23flows.documents.studies.dos import DosFrame, DosMetal, DosResults
from tm23flows.documents.study import Study

FRAME = {
    "dos_id": "a" * 64,
    "frame_id": "b" * 64,
    "electrons": 77.0,
    "integrated_electrons": 77.0003,
    "window_end_eV": 6.0,
    "window_complete": True,
    "d_band_centre_eV": -2.5,
    "d_band_width_eV": 1.1,
    "d_filling": 0.97,
    "d_below_fermi": 0.98,
}
METAL = {
    "element": "Cu",
    "recipe_id": "c" * 64,
    "sigma_eV": 0.2,
    "n_atoms": 7,
    "frames": (DosFrame(**FRAME),),
    "d_band_centre_error_eV": None,
    **{name: FRAME[name] for name in ("d_band_centre_eV", "d_band_width_eV", "d_filling")},
    "d_below_fermi": 0.98,
}


def study(**changes):
    results = DosResults(width_eV=0.2, window_eV=(-12, 6), metals=(DosMetal(**METAL),))
    given = {"elements": ("Cu",), "settings": {"count": 3}, "parents": {}, "results": results}
    return Study(provenance=Provenance.now(), **{**given, **changes})


def test_through_the_database_and_back(archive):
    made = study()
    archive.put(made)
    again = archive.get(Study, made.id)
    assert again.results == made.results
    assert again.kind == "dos"
    assert study(settings={"count": 5}).id != made.id


def test_a_metal_is_complete_where_all_its_frames_are():
    short = DosFrame(**{**FRAME, "window_complete": False, "window_end_eV": 2.0})
    assert DosMetal(**METAL).window_complete
    assert not DosMetal(**{**METAL, "frames": (DosFrame(**FRAME), short)}).window_complete


@pytest.mark.parametrize(
    "change", [{"frames": ()}, {"sigma_eV": 0}, {"d_filling": float("nan")}], ids=str
)
def test_nonsense_is_refused(change):
    with pytest.raises(ValidationError):
        DosMetal(**{**METAL, **change})
