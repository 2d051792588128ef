"""The benchmarks run, and report what they say they do; how fast is not for tests to say."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def run(name, folder, *options):
    path = folder / "report.json"
    done = subprocess.run(
        [sys.executable, BENCHMARKS / f"{name}.py", "--json", path, *map(str, options)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(path.read_text())
    assert report["benchmark"] == name
    return report, done.stdout


def is_positive(number):
    return math.isfinite(number) and number > 0


def test_relabel_reuse_compares_every_frame_both_ways(tmp_path):
    report, table = run("relabel_reuse", tmp_path, "--engine", "emt", "--frames", 3)
    assert [row["frame"] for row in report["frames"]] == [0, 1, 2]
    for part in ("batch", "after_first"):
        assert is_positive(report["summary"][f"{part}_cpu_s"]["ratio"])
        assert report["summary"][f"{part}_iterations"]["ratio"] is None  # EMT has none
    assert report["summary"]["largest_force_difference_eV_per_A"] < 1e-10
    assert "ratio" in table


def test_relabel_reuse_refuses_a_batch_of_one(tmp_path):
    with pytest.raises(AssertionError, match="nothing to reuse"):
        run("relabel_reuse", tmp_path, "--frames", 1)


@pytest.mark.gpaw
@pytest.mark.slow
def test_relabel_reuse_counts_iterations_of_gpaw(tmp_path):
    options = ("--frames", 2, "--cutoff", 200, "--kmesh", "1x1x1")
    report, _ = run("relabel_reuse", tmp_path, *options)
    summary = report["summary"]
    assert is_positive(summary["after_first_iterations"]["ratio"])
    assert is_positive(summary["after_first_cpu_s"]["ratio"])
    assert 0 < summary["largest_force_difference_eV_per_A"] < 0.05


def test_sigma_sweep_labels_every_frame_in_three_ways(tmp_path):
    report, table = run("sigma_sweep", tmp_path, "--engine", "emt", "--frames", 3)
    assert [row["frame"] for row in report["frames"]] == [0, 1, 2]
    for part in ("batch", "after_first"):
        summary = report["summary"][part]
        assert all(is_positive(one) for one in summary["cpu_s_median"].values())
        for way in ("separate", "cold"):
            assert summary[f"to_{way}"]["met"] == (summary[f"to_{way}"]["ratio"] <= 0.6)
        assert summary["iterations_median"] is None  # EMT has none
    assert report["summary"]["shared_largest_force_difference_eV_per_A"] < 1e-10
    assert "shared / separate" in table


def test_sigma_sweep_refuses_what_is_no_sweep(tmp_path):
    with pytest.raises(AssertionError, match="no sweep"):
        run("sigma_sweep", tmp_path, "--sigma", 0.2)
    with pytest.raises(AssertionError, match="nothing to reuse"):
        run("sigma_sweep", tmp_path, "--frames", 1)


@pytest.mark.gpaw
@pytest.mark.slow
def test_sigma_sweep_counts_iterations_of_gpaw(tmp_path):
    options = ("--frames", 2, "--cutoff", 200, "--kmesh", "1x1x1", "--sigma", 0.2, 1.0)
    options += ("--nbands", "130%")
    report, _ = run("sigma_sweep", tmp_path, *options)
    counts = report["summary"]["batch"]["iterations_median"]
    assert all(is_positive(one) for one in counts.values())
    assert 0 < report["summary"]["shared_largest_force_difference_eV_per_A"] < 0.05


@pytest.mark.fireworks
def test_orchestration_splits_what_a_batch_costs(tmp_path):
    report, table = run("orchestration", tmp_path, "--batches", 2, "--batch-size", 3)
    assert len(report["batches"]) == 2
    for row in report["batches"]:
        assert all(is_positive(value) for value in row.values())
    frame = report["summary"]["ms_per_frame"]
    assert {"not_engine", "documents_and_store", "fireworks_and_jobflow", "write"} <= set(frame)
    assert all(math.isfinite(value) for value in frame.values())
    assert is_positive(report["summary"]["launched_to_direct"])
    assert "launched / direct" in table


def test_trajectory_reads_the_same_frames_in_every_way(tmp_path):
    options = ("--steps", 60, "--atoms", 5, "--discard", 20, "--repeats", 1, "--slow-repeats", 1)
    report, table = run("trajectory", tmp_path, *options)
    for kind in ("plain", "gz"):
        rows = {row["contestant"]: row for row in report["runs"][kind]}
        assert {rows[name]["frames"] for name in ("tm23flows", "pymatgen", "ase")} == {4}
        assert rows["tm23flows, every step"]["steps"] == 60
        assert all(is_positive(one["wall_s"]) for one in report["summary"][kind].values())
    assert report["bytes"]["gz"] < report["bytes"]["plain"]
    for one in report["aims"]:
        assert one["met"] == ((one["value"] >= one["aim"]) == one["at_least"])
    assert "plain: tm23flows / expat" in table


def test_store_puts_the_same_questions_to_all(tmp_path):
    options = ("--sizes", 810, 1620, "--batch", 10, "--dataset", 60, "--repeats", 1)
    report, table = run("store", tmp_path, *options, "--files-until", 810, "--folder", tmp_path)
    small, large = report["sizes"]
    assert [small["frames"], large["frames"]] == [810, 1620]
    assert large["raw_bytes"] > 1.9 * small["raw_bytes"]
    for question in ("read", "write", "export", "query", "count"):
        assert set(small["medians"][question]) == {"tm23flows", "ase.db", "files"}
        assert set(large["medians"][question]) == {"tm23flows", "ase.db"}
        assert all(is_positive(one) for one in small["medians"][question].values())
    assert small["rows"]["read"] == small["rows"]["export"] >= 60
    assert large["rows"]["count"] == 1620
    assert all(is_positive(one["ms_per_frame"]) for one in large["ingest"].values())
    assert large["disk_bytes"]["tm23flows"] > small["disk_bytes"]["tm23flows"]
    assert is_positive(report["start_s"])
    for one in report["aims"]:
        assert one["met"] == ((one["value"] >= one["aim"]) == one["at_least"])
    assert "count, ase.db" in table
    assert not list(tmp_path.glob("tm23-store-*"))


def test_store_refuses_sizes_that_cut_a_batch(tmp_path):
    with pytest.raises(AssertionError, match="multiple of the batch"):
        run("store", tmp_path, "--sizes", 25, "--batch", 10)


def test_evaluation_tables_have_the_same_numbers_both_ways(tmp_path):
    options = ("--frames", 60, "--atoms", 3, "--samples", 100, "--arrays", 1, "--repeats", 1)
    report, table = run("evaluation_tables", tmp_path, *options)
    assert [row["way"] for row in report["runs"]] == ["sums", "arrays"]
    assert is_positive(report["summary"]["arrays_to_sums"])
    assert report["summary"]["largest_difference"] < 1e-9
    assert "arrays / sums" in table


def test_the_report_of_a_made_archive_shows_all_of_it(tmp_path):
    options = ("--metals", 7, "--frames", 12, "--repeat", 1)
    report, table = run("report", tmp_path, *options)
    # every frame has 31 atoms, and each of three models predicted them
    assert report["summary"]["forces"] == 7 * 12 * 3 * 31
    assert is_positive(report["summary"]["report_to_read"])
    assert 0.1 < report["summary"]["megabytes"] < 10
    assert "7 metals x 12 frames x 3 models" in table


@pytest.mark.fireworks
def test_build_all_writes_the_same_files_in_every_way(tmp_path):
    options = ("--metals", "Ti", "Cu", "--scale", "demo", "--engine", "emt")
    report, table = run("build_all", tmp_path, *options)
    assert [row["metal"] for row in report["rows"]] == ["Ti", "Cu"]
    summary = report["summary"]
    assert summary["fireworks"] == sum(row["fireworks"] for row in report["rows"]) > 0
    assert summary["largest_document_bytes"] < summary["yaml_bytes"]
    assert all(is_positive(one) for one in summary["ms_per_firework"].values())
    assert is_positive(summary["fireworks_to_ours"])
    assert "fireworks / ours" in table


@pytest.mark.fireworks
def test_load_measures_every_step_of_every_crew(tmp_path):
    options = ("--waiting", 6, 12, "--workers", 2, "--claims", 4)
    report, table = run("load", tmp_path, *options)
    rows = report["rows"]
    crews = [(row["waiting"], row["workers"], row["claims"]) for row in rows]
    assert crews == [(6, 1, 4), (6, 2, 4), (12, 1, 4), (12, 2, 4), (12, 2, 12)]
    assert [row["emptied"] for row in rows] == [False] * 4 + [True]
    for row in rows:
        assert is_positive(row["per_s"])
        assert is_positive(row["worker_ms_per_firework"])
        for spread in row["ms"].values():
            assert 0 < spread["median"] <= spread["p95"] <= spread["p99"] <= spread["largest"]
    assert set(report["summary"]["throughput_to_one_worker"]) == {"6", "12"}
    assert "throughput to one worker" in table
