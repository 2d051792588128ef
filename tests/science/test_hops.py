"""Hops in trajectories whose hops are known: vacancies that walk, recrossings, drift, melts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.hops import NO_SITE, HopRule, Lattice, find_hops

A = 3.0
CUBE = A * np.eye(3)
FCC = 1.9 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0.0]])
PERSISTENCE = 12
RULE = HopRule(persistence_steps=PERSISTENCE)
STAY, CROSS = 30, 10
FEW = settings(max_examples=20)


def lattice_of(primitive, n=3):
    grid = np.array(list(np.ndindex(n, n, n)))
    return Lattice(grid @ primitive, n * primitive)


def short(vectors, lattice):
    """Return the shortest images, by trying all of them."""
    around = (np.array(list(np.ndindex(5, 5, 5))) - 2) @ lattice.cell_A
    images = vectors[..., None, :] + around
    best = np.linalg.norm(images, axis=-1).argmin(axis=-1)
    return np.take_along_axis(images, best[..., None, None], axis=-2)[..., 0, :]


def neighbours(site, lattice):
    distance = np.linalg.norm(short(lattice.sites_A - lattice.sites_A[site], lattice), axis=-1)
    distance[site] = np.inf
    return np.flatnonzero(distance < distance.min() + 0.01)


def ramp(start, end, n):
    """Go from one point to another in n equal steps, the last of which arrives."""
    return start + np.arange(1, n + 1)[:, None] / n * (end - start)


def along(lattice, sites, stays, cross=CROSS):
    """Positions of an atom that stays on each of these sites and moves straight in between."""
    here = lattice.sites_A[sites[0]]
    path = [np.tile(here, (stays[0], 1))]
    for old, new, stay in zip(sites, sites[1:], stays[1:], strict=False):
        there = here + short(lattice.sites_A[new] - lattice.sites_A[old], lattice)
        path += [ramp(here, there, cross), np.tile(there, (stay - 1, 1))]
        here = there
    return np.concatenate(path)


def with_others(path, lattice, empty, site):
    """Let one atom go along a path while those on all sites but some stay; the atom is the last."""
    others = [s for s in range(len(lattice.sites_A)) if s not in {*empty, site}]
    still = np.tile(lattice.sites_A[others], (len(path), 1, 1))
    return np.concatenate([still, path[:, None]], axis=1)


def walking_vacancy(lattice, n_hops, random, straight=False):
    """Return positions of atoms around a vacancy that walks, and (atom, old, new, first step)."""
    sites = len(lattice.sites_A)
    vacancy, atom_on = 0, {site: site - 1 for site in range(1, sites)}
    here = lattice.sites_A[1:].copy()
    frames, hops = [np.tile(here, (STAY, 1, 1))], []
    for _ in range(n_hops):
        around = neighbours(vacancy, lattice)
        ways = short(lattice.sites_A[around] - lattice.sites_A[vacancy], lattice)
        old = int(around[ways[:, 0].argmax()] if straight else random.choice(around))
        atom = atom_on.pop(old)
        target = here[atom] + short(lattice.sites_A[vacancy] - lattice.sites_A[old], lattice)
        moving = np.tile(here, (CROSS + STAY, 1, 1))
        moving[:CROSS, atom], moving[CROSS:, atom] = ramp(here[atom], target, CROSS), target
        hops.append((atom, old, vacancy, sum(map(len, frames))))
        frames.append(moving)
        here[atom], atom_on[vacancy], vacancy = target, atom, old
    return np.concatenate(frames), hops


def shaken(positions, random, size=0.12):
    return positions + random.uniform(-size, size, positions.shape)


def named(search):
    return [(hop.atom, hop.from_site, hop.to_site) for hop in search.hops]


lattices = st.sampled_from([CUBE, FCC]).map(lattice_of)
seeds = st.integers(0, 10**6)


@FEW
@given(lattices, seeds, st.integers(0, 4), st.booleans())
def test_a_vacancy_that_walks_in_a_drifting_crystal(lattice, seed, n_hops, wrapped):
    random = np.random.default_rng(seed)
    positions, hops = walking_vacancy(lattice, n_hops, random)
    steps = np.arange(len(positions))[:, None]
    drift = 0.05 * steps * random.normal(0, 1, 3) + 2 * np.sin(steps / 20)
    positions = shaken(positions, random) + (drift - drift[0])[:, None]
    if wrapped:
        fractions = positions @ np.linalg.inv(lattice.cell_A)
        positions = (fractions % 1) @ lattice.cell_A
    search = find_hops(positions, lattice, RULE)
    assert named(search) == [hop[:3] for hop in hops]
    assert (search.undecided, search.no_lattice_sites) == (0, None)
    assert search.order > 0.9
    for found, (*_, start) in zip(search.hops, hops, strict=True):
        assert start <= found.left < found.entered < start + CROSS
        assert 0 < len(found.steps) < CROSS


@FEW
@given(seeds)
def test_the_order_of_the_atoms_and_images_of_theirs_do_not_matter(seed):
    random, lattice = np.random.default_rng(seed), lattice_of(FCC)
    positions, _ = walking_vacancy(lattice, 2, random)
    positions = shaken(positions, random)
    one = find_hops(positions, lattice, RULE)
    order = random.permutation(positions.shape[1])
    jumps = random.integers(-2, 3, positions.shape) @ lattice.cell_A
    other = find_hops((positions + jumps)[:, order], lattice, RULE)
    assert [order[hop.atom] for hop in other.hops] == [hop.atom for hop in one.hops]
    rest = [[(h.from_site, h.to_site, h.left, h.entered) for h in s.hops] for s in (one, other)]
    assert rest[0] == rest[1]
    assert (one.sites[:, order] == other.sites).all()


@FEW
@given(seeds, st.integers(1, 6))
def test_backwards_in_time_the_hops_go_back(seed, n_blocks):
    random, lattice = np.random.default_rng(seed), lattice_of(CUBE)
    positions, _ = walking_vacancy(lattice, 2, random)
    positions = np.concatenate([positions, np.tile(positions[-1], (20 * n_blocks, 1, 1))])
    sites = find_hops(positions, lattice, RULE)
    back = find_hops(positions[::-1], lattice, RULE)
    turned = [(atom, new, old) for atom, old, new in named(back)][::-1]
    assert turned == named(sites)


def test_the_middle_of_a_hop_is_outside_both_spheres():
    lattice = lattice_of(CUBE, 5)  # so many atoms that the hop of one moves the lattice little
    path = along(lattice, [0, 1], [40, 40], cross=30)  # 0.1 A each step
    rule = HopRule(r_site_A=0.75, persistence_steps=PERSISTENCE)
    search = find_hops(with_others(path, lattice, [1], 0), lattice, rule)
    (hop,) = search.hops
    assert (hop.left, hop.entered) == (39 + 7, 39 + 23)
    assert hop.steps == range(47, 62)
    assert (search.sites[47:62, -1] == NO_SITE).all()
    assert search.sites[[46, 62], -1].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("visited", "stays", "expected"),
    [
        ([0, 1, 0], [40, 3, 40], []),
        ([0, 1, 0, 1, 0], [40, 3, 3, 3, 40], []),
        ([0, 1, 0, 1], [40, 3, 3, 40], [(0, 1)]),
        ([0, 1, 2], [40, 3, 40], [(0, 2)]),
        ([0, 1, 2], [40, 30, 40], [(0, 1), (1, 2)]),
        ([0, 1, 0], [40, 30, 40], [(0, 1), (1, 0)]),
    ],
)
def test_only_a_visit_that_persists_counts(visited, stays, expected):
    lattice = lattice_of(CUBE, 4)
    positions = with_others(along(lattice, visited, stays), lattice, [1, 2], 0)
    search = find_hops(positions, lattice, RULE)
    assert [hop[1:] for hop in named(search)] == expected
    assert search.undecided == 0


def test_a_hop_is_the_crossing_after_the_last_return():
    lattice = lattice_of(CUBE, 4)
    path = along(lattice, [0, 1, 0, 1], [40, 3, 3, 40])
    (hop,) = find_hops(with_others(path, lattice, [1], 0), lattice, RULE).hops
    second_return = 40 + 10 + 2 + 10 + 2
    assert second_return <= hop.left < hop.entered <= second_return + CROSS


def test_an_excursion_without_a_new_site_is_no_hop():
    lattice = lattice_of(CUBE)
    home, out = lattice.sites_A[0], lattice.sites_A[0] + [0, 0, 1.4]
    path = np.concatenate([np.tile(home, (30, 1)), np.tile(out, (40, 1)), np.tile(home, (30, 1))])
    search = find_hops(with_others(path, lattice, [1], 0), lattice, RULE)
    assert (search.hops, search.undecided) == ((), 0)
    assert (search.sites[:, -1] == NO_SITE).sum() == 40


@pytest.mark.parametrize("stays", [[40, 4], [4, 40], [4, 4]])
def test_a_change_that_the_trajectory_cuts_is_undecided(stays):
    lattice = lattice_of(CUBE)
    search = find_hops(with_others(along(lattice, [0, 1], stays), lattice, [1], 0), lattice, RULE)
    assert (search.hops, search.undecided) == ((), 1)


def test_a_flight_around_the_cell_back_to_its_own_site_is_no_hop():
    lattice = lattice_of(CUBE)
    positions = np.tile(lattice.sites_A[1:], (100, 1, 1))
    positions[50:] += lattice.cell_A[0]
    positions[70:, 3] -= lattice.cell_A[1]
    assert find_hops(positions, lattice, RULE).hops == ()


@pytest.mark.parametrize("conserves_momentum", [True, False])
def test_the_lattice_is_followed_when_many_hops_have_moved_it(conserves_momentum):
    lattice = lattice_of(CUBE)
    random = np.random.default_rng(0)
    positions, hops = walking_vacancy(lattice, 30, random, straight=True)
    if conserves_momentum:
        positions -= (positions - positions[0]).mean(axis=1, keepdims=True)
    search = find_hops(shaken(positions, random), lattice, RULE)
    assert named(search) == [hop[:3] for hop in hops]
    # the atoms went to -x, so where the centre of mass stays the lattice goes to +x
    expected = 30 * A / 26 if conserves_momentum else 0
    assert search.shifts_A[-1] == pytest.approx([expected, 0, 0], abs=0.1)


def test_two_atoms_that_hop_at_once_are_two_hops():
    lattice = lattice_of(CUBE, 4)
    one, other = (along(lattice, sites, [30, 30]) for sites in ([0, 1], [40, 41]))
    positions = with_others(one, lattice, [1, 40, 41], 0)
    search = find_hops(np.concatenate([positions, other[:, None]], axis=1), lattice, RULE)
    atoms = positions.shape[1]
    assert named(search) == [(atoms - 1, 0, 1), (atoms, 40, 41)]


def test_a_liquid_has_no_lattice_sites():
    lattice, random = lattice_of(FCC), np.random.default_rng(0)
    start = random.uniform(0, 1, (26, 3)) @ lattice.cell_A
    positions = start + np.cumsum(random.normal(0, 0.05, (600, 26, 3)), axis=0)
    search = find_hops(positions, lattice, RULE)
    assert search.no_lattice_sites.startswith("no lattice sites")
    assert search.hops == ()
    assert -0.2 < search.order < 0.4
    assert find_hops(positions, lattice, HopRule(min_order=0.0, persistence_steps=9)).sites.any()


def test_a_crystal_that_melts_at_the_end_has_no_lattice_sites():
    lattice, random = lattice_of(FCC), np.random.default_rng(0)
    solid = shaken(np.tile(lattice.sites_A[1:], (800, 1, 1)), random)
    steps = random.normal(0, 0.3, (200, 26, 3))
    search = find_hops(np.concatenate([solid, solid[-1] + np.cumsum(steps, 0)]), lattice, RULE)
    assert search.share_on_site > 0.8
    assert search.no_lattice_sites is not None


@pytest.mark.parametrize("r_site", [0.4, 0.8, 1.2])
def test_the_order_of_atoms_that_are_anywhere_is_zero_for_every_radius(r_site):
    lattice, random = lattice_of(FCC), np.random.default_rng(1)
    positions = random.uniform(0, 1, (400, 26, 3)) @ lattice.cell_A
    assert find_hops(positions, lattice, HopRule(r_site_A=r_site)).order == pytest.approx(
        0, abs=0.1
    )


def test_one_frame_and_a_memory_map_are_trajectories(tmp_path):
    lattice = lattice_of(CUBE)
    positions, hops = walking_vacancy(lattice, 2, np.random.default_rng(2))
    np.save(tmp_path / "run.npy", positions.astype(np.float32))
    mapped = np.load(tmp_path / "run.npy", mmap_mode="r")
    assert named(find_hops(mapped, lattice, RULE)) == [hop[:3] for hop in hops]
    alone = find_hops(positions[:1].tolist(), lattice)
    assert (alone.hops, alone.order, alone.sites.tolist()) == ((), 1, [list(range(1, 27))])


@pytest.mark.parametrize(
    "positions",
    [
        np.ones((3, 3)),
        np.ones((2, 4, 2)),
        np.ones((0, 4, 3)),
        np.ones((4, 0, 3)),
        [[["x"] * 3]],
        np.full((2, 1, 3), np.nan),
    ],
)
def test_what_is_no_trajectory_is_refused(positions):
    with pytest.raises(InputError, match="ositions"):
        find_hops(positions, lattice_of(CUBE))


@pytest.mark.parametrize(
    ("sites", "cell"),
    [
        (np.ones((2, 2)), CUBE),
        (np.empty((0, 3)), CUBE),
        (np.ones((1, 3)), np.eye(2)),
        (np.ones((1, 3)), np.ones((3, 3))),
        (np.full((1, 3), np.nan), CUBE),
    ],
)
def test_what_is_no_lattice_is_refused(sites, cell):
    with pytest.raises(InputError):
        Lattice(sites, cell)


@pytest.mark.parametrize(
    "options",
    [{"r_site_A": 0}, {"r_site_A": np.nan}, {"persistence_steps": 0}, {"min_order": 1.5}],
)
def test_what_is_no_rule_is_refused(options):
    with pytest.raises(InputError):
        HopRule(**options)


def test_spheres_that_overlap_are_refused():
    positions = np.zeros((1, 1, 3))
    with pytest.raises(InputError, match=r"below 1\.5 A"):
        find_hops(positions, lattice_of(CUBE), HopRule(r_site_A=1.5))
    with pytest.raises(InputError, match="no two sites may be the same"):
        find_hops(positions, Lattice([[0, 0, 0], [9, 0, 0.0]], 9 * np.eye(3)))
