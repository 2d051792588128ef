"""Figures and numbers of docs/science/density_response.md.

python docs/figures/density_response.py [FOLDER] writes the figures, beside this file by default.
tests/docs/test_density_response.py holds the page and the figures to what comes out of here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tm23flows.report.plotting import PALETTE, canvas, finish, style
from tm23flows.science.d_band import SMEARINGS, smeared_strength
from tm23flows.science.d_shell import (
    EXCEPTIONS,
    Estimate,
    exact_constant,
    mean_strength,
    rank_metals,
    sampled_strength,
    strength_constant,
)
from tm23flows.science.density_response import Shells, real_orbitals, strength_by_l

DRAWS, SEED = 300, 0
SIGMAS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
GROUPS = {4: "IV", 5: "V", 6: "VI", 7: "VII", 8: "VIII", 9: "IX", 10: "X", 11: "XI", 12: "XII"}
SHELLS = {"s": [0], "p": [1, 2, 3], "d": [4, 5, 6, 7, 8]}
FIG_2_PERCENT = {
    "Ti": 9.84, "V": 9.16, "Cr": 6.65, "Mn": 9.48, "Fe": 7.38,
    "Zr": 9.23, "Nb": 9.63, "Mo": 6.17, "Tc": 10.68, "Ru": 6.07,
    "Hf": 7.77, "Ta": 7.63, "W": 4.61, "Re": 8.55, "Os": 8.54,
}  # fmt: skip
"""Force errors in Fig. 2 of the article, as far as they can be read in a poor rendering of it.

Which model they are of, and single digits, are not certain. Nothing rests on them."""


def transition_strengths(valence: str, conduction: str) -> np.ndarray:
    """Return the strength by l of one full shell below one empty shell, both spins."""
    filled = np.ones((2, 9))
    filled[:, SHELLS[conduction]] = 0
    in_valence = np.zeros((2, 9), dtype=bool)
    in_valence[:, SHELLS[valence]] = True
    return strength_by_l(Shells(filled, in_valence))


def by_group(s_electrons: float) -> dict[int, Estimate]:
    """Return the estimate of one metal of each group; the others of the group have the same."""
    return {row.group: row for row in rank_metals(s_electrons)}


def rank_correlation() -> tuple[float, float]:
    """Return Spearman's coefficient of Fig. 2 with the estimate, and its p value."""
    from scipy.stats import spearmanr

    estimates = {row.symbol: row.estimate for row in rank_metals()}
    found = spearmanr([estimates[one] for one in FIG_2_PERCENT], list(FIG_2_PERCENT.values()))
    return float(found.statistic), float(found.pvalue)


def lines() -> Iterator[str]:
    """Yield the lines and the words with numbers that the page has to have."""
    for degree in (4, 2):
        exact = str(exact_constant(degree)).replace("*", " ")
        yield f"{strength_constant(degree):.6f} = {exact} for l = {degree}"
    yield f"{strength_constant(4, real_orbitals()):.6f} for l = 4"
    for pair in ("sp", "sd", "pd"):
        found = transition_strengths(*pair)
        yield f"| {pair[0]} to {pair[1]} | " + " | ".join(f"{one:.3f}" for one in found) + " |"
    for n_d in (1, 3, 5, 8):
        mean, error = sampled_strength(4, n_d, DRAWS, SEED)
        yield (
            f"| {n_d} | {n_d * (10 - n_d)} | {mean_strength(4, n_d):.4f} | "
            f"{mean:.4f} ± {error:.4f} |"
        )
    one, two = by_group(1.0), by_group(2.0)
    for group, word in GROUPS.items():
        note = "stated exception" if group in EXCEPTIONS else ""
        yield f"| {word} | {one[group].estimate:g} | {two[group].estimate:g} | {note} |"
    for sigma in SIGMAS[1:]:
        shares = [smeared_strength(4, 5, sigma, name) / mean_strength(4, 5) for name in SMEARINGS]
        yield f"| {sigma:g} | " + " | ".join(f"{share:.3f}" for share in shares) + " |"
    coefficient, p_value = rank_correlation()
    yield f"Spearman's coefficient {coefficient:.2f}, p = {p_value:.2f}, n = {len(FIG_2_PERCENT)}"


def data() -> dict[str, Any]:
    """Return what the figures show, by figure."""
    counts = list(range(11))
    sampled = {n: sampled_strength(4, n, DRAWS, SEED) for n in counts}
    grid = np.linspace(0, 0.5, 26)
    return {
        "d_shell": {
            "n_d": counts,
            "l4": [mean_strength(4, n) for n in counts],
            "l2": [mean_strength(2, n) for n in counts],
            "l4_real": [strength_constant(4, real_orbitals()) * n * (10 - n) for n in counts],
            "drawn": [sampled[n][0] for n in counts],
            "error": [sampled[n][1] for n in counts],
        },
        "metals": {
            "one": [by_group(1.0)[group].estimate for group in GROUPS],
            "two": [by_group(2.0)[group].estimate for group in GROUPS],
            "fig_2": {
                row.symbol: row.group for row in rank_metals() if row.symbol in FIG_2_PERCENT
            },
        },
        "d_band": {
            "sigma": grid.tolist(),
            **{
                name: [smeared_strength(4, 5, s, name) / mean_strength(4, 5) for s in grid]
                for name in SMEARINGS
            },
        },
    }


def draw_d_shell(shown: dict[str, Any]) -> bytes:
    """Draw strength against the number of electrons."""
    figure, (axes,) = canvas(1, 5.2, 3.4)
    n_d = np.linspace(0, 10, 101)
    for colour, degree in ((PALETTE[0], 4), (PALETTE[1], 2)):
        curve = [mean_strength(degree, n) for n in n_d]
        axes.plot(n_d, curve, color=colour, label=f"l = {degree}, closed form")
    axes.plot(n_d, strength_constant(4, real_orbitals()) * n_d * (10 - n_d), "--",
              color=PALETTE[0], label="l = 4, real orbitals")  # fmt: skip
    axes.errorbar(shown["n_d"], shown["drawn"], 2 * np.array(shown["error"]), fmt="o", ms=4,
                  color="black", label=f"l = 4, {DRAWS} draws, 2 s.e.")  # fmt: skip
    axes.set_xlabel("electrons in the d shell, N_d")
    axes.set_ylabel("mean strength")
    axes.legend()
    return finish(figure, "", "").svg


def draw_metals(shown: dict[str, Any]) -> bytes:
    """Draw the estimate by group, and what can be read of Fig. 2."""
    figure, (left, right) = canvas(2, 4.2, 3.2)
    places = np.arange(len(GROUPS))
    left.bar(places - 0.2, shown["one"], 0.4, color=PALETTE[0], label="one s electron")
    left.bar(places + 0.2, shown["two"], 0.4, color=PALETTE[5], label="two s electrons")
    left.set_xticks(places, list(GROUPS.values()))
    left.axvspan(-0.5, len(EXCEPTIONS) - 0.5, color="0.9", zorder=0, label="stated exception")
    left.set_ylabel("N_d (10 - N_d)")
    left.set_ylim(0, 36)
    left.legend(loc="upper right")
    for symbol, group in shown["fig_2"].items():
        place = list(GROUPS).index(group)
        right.plot(place, FIG_2_PERCENT[symbol], "o", color=PALETTE[2], ms=4)
        right.annotate(symbol, (place, FIG_2_PERCENT[symbol]), (4, -3), textcoords="offset points")
    right.set_xticks(places, list(GROUPS.values()))
    right.set_ylim(0, 12)
    right.set_ylabel("force error in Fig. 2 / %")
    for axes in (left, right):
        axes.set_xlabel("group")
        axes.set_xlim(-0.5, len(GROUPS) - 0.5)
    return finish(figure, "", "").svg


def draw_d_band(shown: dict[str, Any]) -> bytes:
    """Draw the share of the strength that smearing leaves."""
    figure, (axes,) = canvas(1, 5.2, 3.2)
    for name, colour in zip(SMEARINGS, PALETTE, strict=False):
        axes.plot(shown["sigma"], shown[name], color=colour, label=name)
    axes.set_xlabel("smearing width / width of the d band")
    axes.set_ylabel("strength / strength without smearing")
    axes.set_ylim(0, 1.05)
    axes.legend()
    return finish(figure, "", "").svg


DRAW = {"d_shell": draw_d_shell, "metals": draw_metals, "d_band": draw_d_band}


def write(folder: Path) -> list[Path]:
    """Write the figures; each has the numbers that it shows in its ``desc``."""
    written = []
    for name, shown in data().items():
        with style():
            svg = DRAW[name](shown).decode()
        head, mark, rest = svg.partition("<metadata>")
        path = folder / f"density_response_{name}.svg"
        path.write_text(f"{head}<desc>{json.dumps(shown)}</desc>\n {mark}{rest}", encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
