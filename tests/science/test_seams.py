"""Seams: a run that goes on as it was has none, and what was changed at one stands out."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from ase import units

from tm23flows.science.seams import FS, Stretch, bad_seams

MASSES = np.array([63.5, 63.5, 107.9])
DT_FS = 2.0
STIFFNESS = 3.0  # eV/angstrom^2


def oscillate(n_steps, seed=0, friction=2e-3):
    """Atoms on springs with a slow, smooth friction: leapfrog, as codes of MD do it."""
    random = np.random.default_rng(seed)
    dt, x = DT_FS * FS, random.normal(0, 0.1, (3, 3))
    v = random.normal(0, 0.02, (3, 3)) / FS / 10
    rows = {name: [] for name in ("positions", "forces", "momenta", "thermostat", "conserved")}
    for step in range(n_steps):
        force = -STIFFNESS * x
        for name, value in zip(
            rows,
            (x, force, v * MASSES[:, None], [np.sin(step / 30), step * 1e-3], np.cos(step) * 1e-3),
            strict=True,
        ):
            rows[name].append(np.array(value))
        half = v + force / MASSES[:, None] * dt / 2
        x = x + half * dt
        v = (half - STIFFNESS * x / MASSES[:, None] * dt / 2) * (1 - friction * np.sin(step / 30))
    return Stretch(
        step=np.arange(1, n_steps + 1), **{name: np.array(value) for name, value in rows.items()}
    )


def cut(run, *places):
    ends = [0, *places, len(run.step)]
    return [
        Stretch(*(getattr(run, name)[a:b] for name in Stretch.__dataclass_fields__))
        for a, b in pairwise(ends)
    ]


def found(stretches):
    return {(one.step, one.quantity) for one in bad_seams(stretches, MASSES, DT_FS)}


def test_a_femtosecond_is_that_of_ase():
    assert pytest.approx(units.fs, rel=1e-7) == FS


@pytest.mark.parametrize(
    "places", [(), (10, 20, 30), (1, 2, 3, 4), (5, 6, 39), tuple(range(1, 40))]
)
def test_one_run_in_pieces_has_no_seam(places):
    assert found(cut(oscillate(40), *places)) == set()


def test_other_velocities_after_a_seam_are_seen():
    one, _ = cut(oscillate(40), 20)
    moved = one.positions[-1] - oscillate(40, seed=7).positions[20]
    foreign = cut(oscillate(40, seed=7), 20)[1]
    # The positions go on from the right place, but with the velocities of another run.
    shifted = replace(foreign, positions=foreign.positions + moved)
    assert (21, "positions") in found([one, shifted])
    assert (21, "momenta") in found([one, shifted])


def test_atoms_that_jump_are_seen_at_their_seam_only():
    one, two, three = cut(oscillate(60), 20, 40)
    jumped = replace(two, positions=two.positions + 0.05)
    back = found([one, jumped, three])
    assert {step for step, _ in back} == {21, 41}


def test_a_thermostat_that_starts_anew_is_seen():
    one, two = cut(oscillate(60), 40)
    anew = replace(two, thermostat=two.thermostat * 0)
    assert found([one, anew]) == {(41, "thermostat")}


def test_speeds_that_were_scaled_are_seen():
    one, two = cut(oscillate(60), 40)
    last, first = one.positions[-1], two.positions[0]
    scaled = replace(two, positions=last + 3 * (first - last) + two.positions - first)
    assert (41, "speeds") in found([one, scaled])


def test_an_energy_that_jumps_is_seen():
    one, two = cut(oscillate(60), 40)
    assert found([one, replace(two, conserved=two.conserved + 0.1)]) == {(41, "conserved energy")}


def test_without_momenta_and_thermostat_positions_are_enough():
    run = oscillate(40)
    bare = replace(
        run,
        momenta=np.zeros((40, 0, 3)),
        thermostat=np.zeros((40, 0)),
        conserved=np.full(40, np.nan),
    )
    assert found(cut(bare, 20)) == set()
    one, two = cut(bare, 20)
    jumped = replace(two, positions=two.positions + 0.05)
    assert {step for step, _ in found([one, jumped])} == {21}


def test_steps_whose_forces_are_not_known_are_left_out():
    run = oscillate(40)
    run.forces[[4, 19, 20]] = np.nan
    assert found(cut(run, 20)) == set()


def test_runs_too_short_to_know_what_is_usual():
    assert found([]) == set()
    assert found(cut(oscillate(2), 1)) == set()
    assert found(cut(oscillate(4), 2)) == set()
