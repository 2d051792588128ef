"""The figures of a correlation study: what is drawn where."""

import numpy as np
import pytest
from ase.units import GPa

from tm23flows.documents.studies.correlations import (
    CorrelationResults,
    ErrorName,
    MetalRow,
    Predictor,
)
from tm23flows.jobs.studies.correlations import make_results
from tm23flows.report import plotting
from tm23flows.report.studies import correlation_figures
from tm23flows.report.studies.correlation_figures import (
    ERRORS,
    EV_PER_A3_IN_GPA,
    PROPERTIES,
    draw_trends,
)
from tm23flows.science.correlations import Analysis

SYMBOLS = {"Cu": 11, "Ag": 11, "Au": 11, "Ni": 10, "Zn": 12, "Ti": 4}


@pytest.fixture
def results() -> CorrelationResults:
    rows = [
        MetalRow(
            element=symbol,
            group=group,
            family="fcc" if group > 9 else "hcp",
            force_percent=3.0 + 2.0 * place,
            force_mae_eV_per_A=0.05,
            values={"d_band_centre_eV": float(place), "cauchy_pressure_eV_per_A3": 0.1 * place**2},
        )
        for place, (symbol, group) in enumerate(SYMBOLS.items())
    ]
    return make_results(rows, Analysis(resamples=200, permutations=999))


@pytest.fixture
def panels(monkeypatch):
    """The axes of the figures that are drawn."""
    made = []

    def canvas(*arguments):
        figure, axes = plotting.canvas(*arguments)
        made.extend(axes)
        return figure, axes

    monkeypatch.setattr(correlation_figures, "canvas", canvas)
    return made


def test_everything_that_is_tested_can_be_shown():
    assert set(PROPERTIES) == set(Predictor.__args__)
    assert set(ERRORS) == set(ErrorName.__args__)
    assert pytest.approx(1 / GPa, rel=1e-6) == EV_PER_A3_IN_GPA


def test_points_lines_and_families(results, panels):
    assert draw_trends(results, "force_percent", "flare") is not None
    first, second, families, *_ = panels
    assert first.get_xlabel() == "d-band centre / (eV)"
    assert first.get_ylabel() == "force % error / (%)"
    assert [one.get_text() for one in first.texts] == list(SYMBOLS)
    lines = [one for one in first.lines if len(one.get_xdata()) == 2]
    assert [one.get_linestyle() for one in lines] == ["-", "--"]
    assert np.ptp(lines[0].get_ydata()) == pytest.approx(10.0)
    marks = [one for one in second.lines if len(one.get_xdata()) == 1]
    assert [one.get_marker() for one in marks].count("s") == 1
    assert marks[1].get_xdata()[0] == pytest.approx(0.1 * EV_PER_A3_IN_GPA)
    assert [one.get_text() for one in families.get_xticklabels()] == ["fcc", "hcp"]


def test_a_flat_error_has_points_and_no_line(results, panels):
    assert draw_trends(results, "force_mae_eV_per_A", "flare") is not None
    assert all(len(one.get_xdata()) == 1 for one in panels[0].lines)
    assert panels[0].lines[0].get_ydata()[0] == pytest.approx(50.0)


def test_nothing_is_drawn_of_nothing():
    rows = [MetalRow(element="Cu", group=11, family=None)]
    assert draw_trends(make_results(rows, Analysis()), "force_percent", "flare") is None
