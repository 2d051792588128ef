"""p values of what is drawn anew from blocks of frames, and of many of them together.

Owns Student's t for few blocks and Holm's rule. What they are of, and what follows, is the business
of whoever asks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tm23flows.science.block_bootstrap import Blocks
from tm23flows.science.label_arrays import FloatArray


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values for their number: Holm, Scand. J. Stat. 6, 65 (1979).

    Parameters
    ----------
    p_values
        Of one family, in any order.

    Returns
    -------
        Adjusted ones, in the same order, at most 1. None is smaller than it was.
    """
    given = np.asarray(p_values, dtype=float)
    order = np.argsort(given, kind="stable")
    steps = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(one) for one in adjusted]


def t_p_value(value: float, draws: FloatArray, blocks: Blocks) -> float:
    """Return the two-sided p value of a value that is drawn anew.

    Parameters
    ----------
    value
        Of the frames as they are.
    draws
        Its value in each draw, (resamples,).
    blocks
        The blocks of the draws; at least one degree of freedom.

    Returns
    -------
        The p value of Student's t; 1 where nothing differs at all.
    """
    from scipy.stats import t

    error = float(np.std(draws, ddof=1)) * np.sqrt(blocks.n_blocks / blocks.freedom)
    if error <= 0:
        return 1.0 if value == 0 else 0.0
    return float(2 * t.sf(abs(value) / error, blocks.freedom))
