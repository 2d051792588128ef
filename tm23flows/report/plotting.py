"""The look of all figures and the step from a figure to bytes.

Owns palette, style and saving. matplotlib's object-oriented interface is used
throughout, so that no state of a user's session is touched.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by readers with any colour vision.
PALETTE = ("#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000")
REGIME_STYLE = {"cold": ("#0072B2", "o"), "warm": ("#E69F00", "s"), "melt": ("#D55E00", "^")}
OTHER_STYLE = ("#009E73", "D")
NOISE_COLOUR = "#8a8a8a"
PNG_DPI = 200
MANY_POINTS = 2000
"""Above this a cloud of points is an image inside the drawing."""

_STYLE = {
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e7eb",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "text.usetex": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # The same archive gives the same bytes.
    "svg.hashsalt": "tm23flows",
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class Drawing:
    """A figure as it stands on the page."""

    title: str
    caption: str
    svg: bytes
    width_in: float
    figure: Figure | None = field(default=None, compare=False, repr=False)
    """What it was saved from, for other formats."""


@contextmanager
def style() -> Iterator[None]:
    """Use the look of the report inside the block, whatever the user's own settings are.

    Yields
    ------
    Nothing.
    """
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def canvas(
    n_columns: int, width: float, height: float, n_rows: int = 1
) -> tuple[Figure, list[Axes]]:
    """Make a figure with panels.

    Parameters
    ----------
    n_columns
        Panels beside each other.
    width
        Width of a panel, inches.
    height
        Height of a panel, inches.
    n_rows
        Rows of panels.

    Returns
    -------
    The figure and its axes, row by row.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as NewFigure

    figure = NewFigure(figsize=(width * n_columns, height * n_rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(n_rows, n_columns, squeeze=False).ravel())


def plain_ticks(*scales: Axis) -> None:
    """Label logarithmic axes with few plain numbers, which do not overlap in a small panel.

    Parameters
    ----------
    scales
        Axes of axes, such as ``axes.xaxis``; logarithmic already.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    for scale in scales:
        scale.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        scale.set_major_formatter("{x:g}")
        scale.set_minor_formatter(NullFormatter())


def finish(figure: Figure, title: str, caption: str) -> Drawing:
    """Save a figure; text is drawn as paths, so it needs no font.

    Parameters
    ----------
    figure
        The figure.
    title
        What is seen.
    caption
        How to read it.

    Returns
    -------
    The drawing for the page.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", dpi=160, metadata={"Date": None})
    return Drawing(title, caption, buffer.getvalue(), figure.get_figwidth(), figure)


def png_of(drawing: Drawing) -> bytes | None:
    """Draw a figure as PNG, for slides and programs that read no SVG.

    Parameters
    ----------
    drawing
        The figure.

    Returns
    -------
    The file; None where the drawing was not made by :func:`finish`.
    """
    if drawing.figure is None:
        return None
    buffer = io.BytesIO()
    with style():
        drawing.figure.savefig(buffer, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return buffer.getvalue()


def plain(text: str) -> str:
    """Keep matplotlib from reading formulas into names.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    The text with every dollar sign escaped.
    """
    return text.replace("$", r"\$")
