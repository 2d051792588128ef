"""Figures of errors: every model, small for many frames, the same bytes each time."""

from tm23flows.report.benchmark.error_figures import draw_by_magnitude, draw_parity_density


def test_figures_show_every_model(evaluated):
    copper = [one for one in evaluated if one.measured.dataset.element == "Cu"]
    drawing = draw_parity_density(copper)
    assert "Cu-set, test" in drawing.title
    assert drawing.svg.count(b"<image") == 3
    assert len(drawing.svg) < 300_000
    by_magnitude = draw_by_magnitude(copper)
    assert by_magnitude.svg.startswith(b"<?xml")
    assert draw_by_magnitude(copper).svg == by_magnitude.svg
