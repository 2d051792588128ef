"""The table of the fault matrix: every case has a test, and this says which.

A case is tested by the tests that are called after it (``test_f1_6_...`` is of F1.6), wherever
they are; ELSEWHERE names the tests of the others, and those that show more of a case.
"""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]

N_CASES = {1: 10, 2: 9, 3: 8, 4: 7, 5: 5, 6: 5}

ELSEWHERE = {
    "F1.2": ["slurm/test_slurm.py::test_a_run_that_slurm_ends_is_handed_back_and_finished"],
    # A worker that was submitted twice does nothing twice (F1.4), so what counts is their number.
    "F1.8": ["slurm/test_slurm.py::test_no_more_workers_than_wanted_are_submitted"],
    "F1.9": [
        "ops/recovery/test_put_back.py::test_a_reservation_is_no_failed_attempt",
        "ops/recovery/test_holes.py::test_a_reservation_without_a_queue_job",
    ],
    "F2.1": ["ops/test_worker.py::test_a_database_that_is_away_costs_no_job"],
    "F2.2": ["ops/recovery/test_outbox.py::test_what_is_whole_is_taken_in_once"],
    "F2.8": ["store/test_collections.py::test_indexes_that_cannot_be_made_are_one_clear_sentence"],
    "F3.1": ["ops/test_worker.py::test_a_full_disk_takes_no_job"],
    "F5.1": [
        (
            "trainers/test_nequip_framework.py::"
            "test_killed_damaged_stopped_and_gone_on_equals_uninterrupted"
        )
    ],
    "F5.3": [
        (
            "trainers/test_nequip_framework.py::"
            "test_a_training_that_runs_away_ends_at_once_and_gives_no_model"
        ),
        "trainers/test_nequip_framework.py::test_too_little_memory_is_said",
    ],
    "F5.4": ["trainers/test_flare.py::test_a_changed_model_is_refused"],
    "F5.5": [
        (
            "science/test_block_splits.py::"
            "test_blocks_are_whole_apart_and_do_not_care_who_else_is_there"
        )
    ],
}


def functions_of(path):
    return [one.name for one in ast.walk(ast.parse(path.read_text()))
            if isinstance(one, ast.FunctionDef)]  # fmt: skip


def named_tests():
    """Map cases to the tests that are called after them."""
    found = defaultdict(list)
    for path in TESTS.rglob("test_*.py"):
        for number in re.finditer(r"^def (test_f(\d)_(\d+)_\w+)", path.read_text(), re.MULTILINE):
            found[f"F{number[2]}.{number[3]}"].append(f"{path.relative_to(TESTS)}::{number[1]}")
    return found


@pytest.mark.parametrize(
    "case", [f"F{group}.{n}" for group, count in N_CASES.items() for n in range(1, count + 1)]
)
def test_every_case_of_the_matrix_has_a_test(case):
    assert named_tests()[case] or ELSEWHERE.get(case), f"nobody tests {case}"


def test_tests_are_of_cases_that_there_are():
    for case in (*named_tests(), *ELSEWHERE):
        group, _, number = case[1:].partition(".")
        assert 1 <= int(number) <= N_CASES[int(group)], case


@pytest.mark.parametrize("case", ELSEWHERE)
def test_what_is_named_here_is_there(case):
    for one in ELSEWHERE[case]:
        path, _, name = one.partition("::")
        assert name in functions_of(TESTS / path), one
