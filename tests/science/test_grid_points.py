"""Points of a grid: all of them once, any of them, and those at its edge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.grid_points import edges, grid_points, point_words

SIZES = [{"l_max": 1, "n_features": 32}, {"l_max": 2, "n_features": 16}]
AXES = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.lists(st.integers(0, 9), min_size=1, max_size=4),
    min_size=1,
)


def test_the_last_axis_changes_fastest():
    assert grid_points({"nmax": [6, 8], "lmax": [2, 3]}) == [
        {"nmax": 6, "lmax": 2},
        {"nmax": 6, "lmax": 3},
        {"nmax": 8, "lmax": 2},
        {"nmax": 8, "lmax": 3},
    ]


def test_values_that_change_together_stay_together():
    points = grid_points({"cutoff_A": [4.0, 5.0], "size": SIZES})
    assert len(points) == 4
    assert {(one["l_max"], one["n_features"]) for one in points} == {(1, 32), (2, 16)}
    assert all("size" not in one for one in points)


def test_what_changes_together_need_not_have_the_same_names():
    axis = [{"descriptor": "B1"}, {"descriptor": "B2", "lmax": 3}]
    assert grid_points({"kind": axis}) == axis


@given(AXES)
def test_every_combination_is_there_once(grid):
    points = grid_points(grid)
    expected = 1
    for values in grid.values():
        expected *= len(set(values))
    assert len(points) == expected
    assert all(points.count(one) == 1 for one in points)
    assert all(one[name] in values for one in points for name, values in grid.items())


@given(AXES, st.data())
def test_pieces_of_a_grid_are_the_grid(grid, data):
    points = grid_points(grid)
    name = data.draw(st.sampled_from(sorted(grid)))
    pieces = [grid_points(grid, [{name: value}]) for value in dict.fromkeys(grid[name])]
    assert sorted(map(str, points)) == sorted(str(one) for piece in pieces for one in piece)
    some = data.draw(st.lists(st.sampled_from(points), min_size=1))
    assert grid_points(grid, some) == [one for one in points if one in some]


@pytest.mark.parametrize(
    ("grid", "only", "why"),
    [
        ({}, None, "needs a grid"),
        ({"nmax": []}, None, "needs a list of values"),
        ({"nmax": 8}, None, "needs a list of values"),
        ({"descriptor": "B2"}, None, "needs a list of values"),
        ({"size": {"l_max": 1}}, None, "needs a list of values"),
        ({"size": [*SIZES, 4]}, None, "mixes single values"),
        ({"size": [{}]}, None, "mixes single values"),
        ({"size": SIZES, "l_max": [1]}, None, "'l_max' is on two axes .*'size' and 'l_max'"),
        ({"nmax": [6]}, [], "No point of the grid is asked for"),
        ({"nmax": [6]}, [{"nmax": 7}], "No point of the grid has nmax=7: .* nmax=6"),
        ({"nmax": [6]}, [{"nmax": 6}, {"lmax": 6}], "has lmax=6"),
    ],
)
def test_a_grid_without_sense_is_one_sentence(grid, only, why):
    with pytest.raises(InputError, match=why):
        grid_points(grid, only)


def test_points_in_words():
    assert point_words({"nmax": 8, "learning_rate": 0.005, "descriptor": "B2", "parity": True}) == (
        "nmax=8 learning_rate=0.005 descriptor=B2 parity=True"
    )


def test_an_edge_is_where_nothing_lies_beyond():
    points = [{"nmax": n, "cutoff_A": c} for n in (6, 8, 12) for c in (4.0, 5.0)]
    found = edges(points, points.index({"nmax": 12, "cutoff_A": 4.0}))
    assert [(one.name, one.side, one.beyond) for one in found] == [
        ("nmax", "largest", 16),
        ("cutoff_A", "smallest", 3.2),
    ]
    assert str(found[0]) == "nmax = 12 is the largest"
    (middle,) = edges(points, points.index({"nmax": 8, "cutoff_A": 5.0}))
    assert (middle.name, middle.beyond) == ("cutoff_A", 6.25)


@pytest.mark.parametrize(
    "points",
    [
        [{"nmax": 8}],
        [{"nmax": 8}, {"nmax": 8}],
        [{"descriptor": "B1"}, {"descriptor": "B2"}],
        [{"parity": False}, {"parity": True}],
        [{"nmax": 8}, {"lmax": 3}],
    ],
)
def test_what_has_no_order_has_no_edge(points):
    assert edges(points, 0) == []


def test_zero_has_no_neighbour_by_a_factor():
    (edge,) = edges([{"weight": 1.0}, {"weight": 0.0}], 0)
    assert edge.beyond == 2.0
