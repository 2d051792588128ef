"""The rules of the conclusions on numbers whose answer is known."""

from types import SimpleNamespace

import pytest

from tm23flows.science.block_bootstrap import Estimate


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.1, 3, "holds"),
        (-3, -0.1, "contradicted"),
        (-1, 1, "not resolved"),
        (None, None, "not resolved"),
    ],
)
def test_only_an_interval_on_one_side_of_zero_decides(mini, low, high, verdict):
    assert mini.conclusions.said_by(Estimate(1.0, low, high)) == verdict


def measured(metal, percent):
    """An evaluation of which only what the rule reads is there."""
    model, dataset = SimpleNamespace(trainer="flare"), SimpleNamespace(element=metal)
    force = SimpleNamespace(percent=Estimate(percent, percent - 1, percent + 1))
    errors = {"all": SimpleNamespace(errors={"force": force}, is_trusted=True)}
    return SimpleNamespace(measured=SimpleNamespace(model=model, dataset=dataset), errors=errors)


def test_hard_metals_are_compared_with_easy_ones_model_by_model(mini):
    evaluations = [measured("Ti", 9.0), measured("Os", 3.5), measured("Cu", 3.0)]
    found = {one.about: one.verdict for one in mini.conclusions._hard_and_easy(evaluations)}
    assert found == {"flare: Ti against Cu": "holds", "flare: Os against Cu": "not resolved"}


def paired(first, second, sign, trusted, verdict="unresolved"):
    mae = Estimate(0.0, sign - 0.5, sign + 0.5)
    sides = [
        SimpleNamespace(measured=SimpleNamespace(model=SimpleNamespace(trainer=one)))
        for one in (first, second)
    ]
    judged = SimpleNamespace(
        difference=SimpleNamespace(mae=mae, is_trusted=trusted), verdict=verdict
    )
    return SimpleNamespace(first=sides[0], second=sides[1], judged=judged)


@pytest.mark.parametrize(
    ("pair", "verdict"),
    [
        (paired("flare", "nequip", 1, trusted=False), "holds (hint)"),
        (paired("nequip", "flare", 1, trusted=False), "contradicted (hint)"),
        (paired("flare", "nequip", 0, trusted=False), "not resolved"),  # by too narrow an interval
        (paired("flare", "nequip", 1, trusted=True), "not resolved"),  # adjusted for many
        (paired("flare", "nequip", 1, trusted=True, verdict="second"), "holds"),
        (paired("nequip", "flare", 1, trusted=True, verdict="second"), "contradicted"),
    ],
)
def test_of_two_models_on_the_same_frames_the_smaller_error_is_the_better_one(mini, pair, verdict):
    assert mini.conclusions._paired_verdict(pair) == verdict


def conclusion(mini, *verdicts):
    cases = tuple(mini.conclusions.Case("", one, "") for one in verdicts)
    return mini.conclusions.Conclusion("", "", cases)


def test_a_conclusion_counts_its_cases(mini):
    assert conclusion(mini, "holds", "holds").verdict == "holds"
    assert (
        conclusion(mini, "holds", "not resolved").verdict
        == "holds in 1 of 2, not resolved in 1 of 2"
    )
    assert conclusion(mini).verdict == "not measured"


def fit(exponent, trusted=True, interval=True, sizes=(3, 6, 9)):
    ends = SimpleNamespace(low=exponent - 0.05, high=exponent + 0.05, trusted=trusted)
    return SimpleNamespace(
        exponent=exponent, interval=ends if interval else None,
        sizes=sizes, force_mae=tuple(one**exponent for one in sizes),
    )  # fmt: skip


def test_the_steeper_curve_has_the_smaller_exponent(mini):
    curves = [
        SimpleNamespace(element=metal, fits=[fit(exponent)])
        for metal, exponent in {"Cu": -0.8, "Ti": -0.3, "Os": -1.2}.items()
    ]
    found = {one.about: one.verdict for one in mini.conclusions._slopes(curves)}
    assert found == {"Cu against Ti": "holds", "Cu against Os": "contradicted"}


def test_a_curve_without_an_interval_is_measured_and_not_resolved(mini):
    bare = SimpleNamespace(element="Ti", fits=[fit(-0.3, interval=False)])
    (case,) = mini.conclusions._slopes([SimpleNamespace(element="Cu", fits=[fit(-0.8)]), bare])
    assert case.verdict == "not resolved"
    assert case.numbers == "exponents -0.80 and -0.30, difference +0.50 (no interval) of -b"


def test_exponents_without_the_smallest_set_stand_beside(mini):
    steep, flat = (fit(one, sizes=(3, 6, 9, 12)) for one in (-0.8, -0.3))
    flat.force_mae = (0.01, *flat.force_mae[1:])  # not on the line
    curves = [SimpleNamespace(element="Cu", fits=[steep])]
    curves.append(SimpleNamespace(element="Ti", fits=[flat]))
    (case,) = mini.conclusions._slopes(curves)
    assert case.numbers.startswith(
        "exponents -0.80 (-0.80 without N = 3) and -0.30 (-0.30 without N = 3), difference +0.50"
    )


def rise(verdict, trusted=True):
    percent = Estimate(2.0, 1.0, 3.0)
    cells = [
        SimpleNamespace(
            tested_on=one, trusted=trusted, force=SimpleNamespace(percent=Estimate(5.0))
        )
        for one in ("warm", "melt")
    ]
    row = SimpleNamespace(
        trainer="flare", cells=cells, rise=SimpleNamespace(verdict=verdict, percent=percent)
    )
    return SimpleNamespace(element="Cu", trainings=[row])


@pytest.mark.parametrize(
    ("metal", "verdict"),
    [
        (rise("rises"), "holds"),
        (rise("falls"), "contradicted"),
        (rise("rises", trusted=False), "holds (hint)"),
        (rise("unresolved", trusted=False), "not resolved"),
    ],
)
def test_a_transfer_holds_where_the_error_rises_to_the_melt(mini, metal, verdict):
    (case,) = mini.conclusions._transfers([metal])
    assert case.verdict == verdict
    assert case.numbers.endswith("difference +2.00 points (+1.00 to +3.00)")


def density(metal, filling, sigma_eV=0.2):
    recipe = SimpleNamespace(sigma_eV=sigma_eV)
    return SimpleNamespace(element=metal, recipe=recipe, d_filling=filling)


def test_fillings_are_compared_at_the_narrow_width_alone(mini):
    densities = [
        density("Cu", 0.97),
        density("Cu", 0.96),
        density("Ti", 0.3),
        density("Ti", 0.99, 2.0),
    ]
    ((case),) = mini.conclusions._fillings(densities)
    assert (case.about, case.verdict) == ("Cu against Ti", "holds (hint)")


def response(angular, radial, width, trusted=True):
    excess = angular - 2 * radial
    row = SimpleNamespace(
        angular=SimpleNamespace(value=angular),
        radial=SimpleNamespace(value=radial),
        excess=Estimate(excess, excess - width, excess + width),
        trusted=trusted,
    )
    return SimpleNamespace(element="Ti", rows=[None, SimpleNamespace(response=row)])


@pytest.mark.parametrize(
    ("metal", "verdict"),
    [
        (response(0.30, 0.10, 0.02), "holds"),
        (response(0.20, 0.10, 0.02), "not resolved"),  # what noise alone would do
        (response(0.12, 0.10, 0.01), "less than by chance"),  # forces that mostly grow or shrink
        (response(0.30, 0.10, 0.02, trusted=False), "holds (hint)"),
        (response(0.20, 0.10, 0.02, trusted=False), "not resolved"),
        (response(0.16, 0.10, 0.05), "not resolved"),  # for the radial one is uncertain, too
    ],
)
def test_forces_turn_only_if_they_turn_more_than_noise_does(mini, metal, verdict):
    assert [one.verdict for one in mini.conclusions._turns([metal])] == [verdict]


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("falls", "holds"),
        ("rises", "contradicted"),
        ("noise", "may be label noise"),
        ("unresolved", "not resolved"),
    ],
)
def test_the_verdict_of_the_smearing_study_is_taken_over(mini, said, verdict):
    change = SimpleNamespace(
        percent=Estimate(-1.0, -2.0, -0.5), percent_rms=Estimate(0.5, -2.0, 3.0)
    )
    percent = SimpleNamespace(percent=SimpleNamespace(value=8.0), change=change)
    metal = SimpleNamespace(
        element="Cu", verdict=said, trusted=True, rows=[SimpleNamespace(force=percent)]
    )
    (case,) = mini.conclusions._falls([metal])
    assert case.verdict == verdict
    assert "of root mean squares +0.50 points (-2.00 to +3.00)" in case.numbers
