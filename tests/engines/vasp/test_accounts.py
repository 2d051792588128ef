"""What VASP says of its own cost, in the words of its versions."""

import pytest

from tm23flows.engines.vasp.accounts import read_account

TAIL = """
                  Total CPU time used (sec):      120.500
                         Elapsed time (sec):      130.000
                   Maximum memory used (kb):      200000.
"""


@pytest.mark.parametrize(
    ("line", "ranks", "cores"),
    [
        (" running on   16 total cores", 16, 16),
        (" running    8 mpi-ranks, with    4 threads/rank, on    1 nodes", 8, 32),
    ],
)
def test_an_account_of_all_ranks(tmp_path, line, ranks, cores):
    text = f" vasp.6.4.2\n{line}\n" + "x\n" * 50_000 + TAIL
    (tmp_path / "OUTCAR").write_text(text)
    assert read_account(tmp_path, 131.0) == {
        "wall_s": 131.0,
        "cores": cores,
        "cpu_s": 120.5 * ranks,
        "max_memory_bytes": 200_000 * 1024 * ranks,
    }


def test_a_run_that_was_killed_tells_only_its_cores(tmp_path):
    (tmp_path / "OUTCAR").write_text(" running on    4 total cores\n and then nothing")
    found = read_account(tmp_path, 9.0)
    assert found == {"wall_s": 9.0, "cores": 4, "cpu_s": None, "max_memory_bytes": None}


@pytest.mark.parametrize("text", [None, "", TAIL, "\x00\xff"])
def test_without_the_number_of_ranks_only_the_clock_is_known(tmp_path, text):
    if text is not None:
        (tmp_path / "OUTCAR").write_text(text)
    assert read_account(tmp_path, 9.0) == {"wall_s": 9.0}
