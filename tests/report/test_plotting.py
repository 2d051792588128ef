"""The look of figures, and that a user's own matplotlib is left alone."""

import sys

import matplotlib as mpl

from tm23flows.report.plotting import canvas, finish, plain, plain_ticks, style


def draw(title):
    with style():
        figure, axes = canvas(2, 3.0, 2.5)
        axes[0].plot([1, 2], [3, 4])
        axes[1].set_title(plain(title))
        return finish(figure, title, "caption")


def test_the_same_figure_is_the_same_bytes():
    first, second = draw("a"), draw("a")
    assert first.svg == second.svg
    assert first.svg.startswith(b"<?xml")
    assert first.width_in == 6.0


def test_a_users_settings_neither_change_nor_matter():
    plain_one = draw("a")
    before = mpl.rcParams["font.size"]
    with mpl.rc_context({"font.size": 31.0, "axes.facecolor": "red", "text.usetex": True}):
        assert draw("a").svg == plain_one.svg
        assert mpl.rcParams["font.size"] == 31.0
    assert mpl.rcParams["font.size"] == before


def test_dollars_are_no_formula():
    assert b"</svg>" in draw("$x_{ <b> $").svg


def test_ticks_of_a_logarithmic_axis_are_few_plain_numbers():
    with style():
        figure, (axes,) = canvas(1, 3.0, 2.5)
        axes.set(xscale="log", yscale="log", xlim=(3, 15), ylim=(40, 230))
        plain_ticks(axes.xaxis, axes.yaxis)
        finish(figure, "a", "caption")
        shown = [one.get_text() for one in axes.get_xticklabels(which="both")]
    assert [one for one in shown if one and 3 <= float(one) <= 15] == ["3", "5", "10"]


def test_no_state_of_pyplot_is_touched():
    draw("a")
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
