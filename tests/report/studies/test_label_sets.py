"""Tables and panels of label sets: how values with intervals are written and drawn."""

import numpy as np
import pytest

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.report.plotting import canvas, style
from tm23flows.report.studies.label_sets import (
    DOS_WINDOW_EV,
    bounded_text,
    densities_caption,
    draw_densities,
    error_bars,
)


@pytest.mark.parametrize(
    ("found", "options", "text"),
    [
        (Bounded(value=8.3, low=7.9, high=8.8), {}, "8.30 (7.90 to 8.80)"),
        (Bounded(value=-0.0012, low=-0.2, high=0.3), {"signed": True}, "-0.001 (-0.200 to +0.300)"),
        (Bounded(value=0.0712), {"factor": 1000}, "71.2"),
        (None, {}, "-"),
    ],
)
def test_values_with_intervals_in_words(found, options, text):
    assert bounded_text(found, **options) == text


def test_error_bars_are_lengths_and_never_negative():
    found = [Bounded(value=2, low=1.5, high=3), Bounded(value=1), Bounded(value=1, low=1.1, high=2)]
    assert error_bars(found, 10) == pytest.approx(np.array([[5, 0, 0], [10, 0, 10]]))


def test_densities_are_means_per_atom_of_one_width(archive, set_fields, store_densities):
    from tm23flows.documents.studies.smearing import SmearingRow

    rows = [
        SmearingRow(sigma_eV=one, **set_fields(9.0, dos_ids=store_densities(sigma_eV=one)))
        for one in (0.2, 2.0)
    ]
    metal = type("Metal", (), {"element": "Cu"})()
    with style():
        _, (axes,) = canvas(1, 3, 3)
        draw_densities(archive, axes, metal, ["narrow", "wide"], rows)
    total, of_d, *others = [line for line in axes.get_lines() if len(line.get_xdata()) > 2]
    assert len(others) == 2
    x, y = total.get_data()
    # Two electrons in each of the states of two atoms that are not cut off: all but the top ones.
    assert x[0] == DOS_WINDOW_EV[0]
    assert x[-1] < 3.02
    whole = y[x < 0.5]
    assert np.trapezoid(whole, x[x < 0.5]) == pytest.approx(6, rel=0.03)
    assert of_d.get_ydata() == pytest.approx(0.3 * y)
    assert axes.get_legend().get_texts()[1].get_text() == "wide"
    assert "Gaussian of 0.2 eV" in densities_caption(rows)
