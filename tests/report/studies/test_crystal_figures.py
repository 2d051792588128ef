"""The figure of the equations of state: a curve for each source."""

from xml.etree import ElementTree as ET

from crystal_rows import lattice

from tm23flows.report.studies.crystal_figures import Curve, draw_curves

CURVES = [
    Curve("labels", lattice(), is_reference=True),
    Curve("flare $a$", lattice(a_A=3.62, modulus=0.9)),
    Curve("nequip", lattice(a_A=3.58)),
]


def lines(drawing):
    root = ET.fromstring(drawing.svg)
    groups = [one.get("id") or "" for one in root.iter("{http://www.w3.org/2000/svg}g")]
    return sum(one.startswith("line2d") for one in groups)


def test_each_source_adds_its_points_its_curve_and_its_volume_at_rest():
    one, three = (draw_curves("Energy", CURVES[:n]) for n in (1, 3))
    assert three.title == "Energy"
    assert "each source above its own minimum" in three.caption
    # Three lines, and the same again in the legend.
    assert lines(three) >= lines(one) + 6
    assert draw_curves("Energy", CURVES).svg == three.svg


def test_without_a_curve_there_is_no_figure():
    assert draw_curves("Energy", []) is None
