"""How long workers wait for the launchpad: claims per second, and latencies of each.

claim      FireWorks' `checkout_fw`: a READY Firework becomes RUNNING, with its launch
complete   FireWorks' `complete_launch`: it becomes COMPLETED
look       `run_exists`: is there anything to do?

Workers are processes that do these three and nothing else, as fast as they can, with a
launchpad on the embedded database (or on that of `--uri`). Each number of READY Fireworks
is measured with one worker and with all; then all workers empty the largest launchpad.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

if TYPE_CHECKING:
    from fireworks import LaunchPad

STEPS = ("look", "claim", "complete")


def main() -> None:
    options = parse()
    logging.disable(logging.WARNING)
    if options.work_for is not None:
        work(options)
        return
    crews = dict.fromkeys((1, options.workers))
    asked = [(waiting, crew, options.claims) for waiting in options.waiting for crew in crews]
    asked.append((max(options.waiting), options.workers, max(options.waiting)))
    with database(options) as (uri, pid):
        rows = [measure(uri, pid, options, *one) for one in asked]
    shown = {
        name: value
        for name, value in vars(options).items()
        if name in ("waiting", "workers", "claims", "jobs")
    }
    report = {"benchmark": "load", "settings": shown, "rows": rows, "summary": summarise(rows)}
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--waiting", type=int, nargs="+", default=[100, 500, 2000])
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--claims", type=int, default=80, help="claims of each measurement")
    parser.add_argument("--jobs", type=int, default=1, help="Fireworks of each workflow")
    parser.add_argument("--uri", help="another database; its databases tm23-load-* are dropped")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    parser.add_argument("--work-for", help=argparse.SUPPRESS)
    parser.add_argument("--launchpad", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


@contextmanager
def database(options: argparse.Namespace) -> Iterator[tuple[str, int | None]]:
    """Have a database; the process of the embedded one is known."""
    from tm23flows.store.embedded.process import start, stop

    if options.uri:
        yield options.uri, None
        return
    with tempfile.TemporaryDirectory(prefix="tm23-load-") as name:
        server = start(Path(name) / "database", 0)
        try:
            yield server.uri, server.pid
        finally:
            stop(Path(name) / "database")


def measure(
    uri: str,
    pid: int | None,
    options: argparse.Namespace,
    waiting: int,
    workers: int,
    claims: int,
) -> dict[str, Any]:
    """Let workers take some of the Fireworks of a launchpad with so many on the average."""
    name = f"tm23-load-{waiting}-{workers}-{claims}"
    is_all = claims == waiting
    launchpad = open_launchpad(uri, name)
    launchpad.reset("", require_password=False, max_reset_wo_password=10**6)
    fill(launchpad, waiting if is_all else waiting + claims // 2, options.jobs)
    try:
        done, wall, server = crew(uri, name, workers, claims, pid)
        check(launchpad, claims)
    finally:
        launchpad.connection.drop_database(name)
        launchpad.connection.close()
    taken = {step: [one for each in done for one in each[step]] for step in STEPS}
    row = {
        "waiting": waiting,
        "workers": workers,
        "claims": claims,
        "emptied": is_all,
        "wall_s": wall,
        "per_s": claims / wall,
        "server_cpu_s": server,
        "server_ms_per_firework": None if server is None else 1e3 * server / claims,
        "worker_ms_per_firework": 1e3 * sum(each["cpu_s"] for each in done) / claims,
        "ms": {step: spread(taken[step]) for step in STEPS},
    }
    print(f"{waiting} waiting, {workers} workers: {row['per_s']:.1f} / s", file=sys.stderr)
    return row


def open_launchpad(uri: str, name: str) -> LaunchPad:
    from fireworks import LaunchPad

    return LaunchPad(host=uri, uri_mode=True, name=name, strm_lvl="CRITICAL")


def fill(launchpad: LaunchPad, count: int, jobs: int) -> None:
    """Add label jobs as a flow of the package makes them, without parents."""
    from jobflow import Flow
    from jobflow.managers.fireworks import flow_to_workflow

    from tm23flows.documents.recipe import Recipe
    from tm23flows.flows.naming import tagged
    from tm23flows.jobs.label import LabelJobMaker

    recipe = Recipe(engine="vasp", kmesh=(5, 5, 5), sigma_eV=0.2).model_dump(mode="json")
    frames = [f"{number:064x}" for number in range(50)]
    flows = []
    for first in range(0, count, jobs):
        made = [
            tagged(LabelJobMaker().make(frames, [recipe], 0, 50), f"labels {number}", "label", "Cu")
            for number in range(first, min(first + jobs, count))
        ]
        flows.append(flow_to_workflow(Flow(made), store=None))
    with redirect_stderr(StringIO()):  # a bar of its progress
        launchpad.bulk_add_wfs(flows)


def crew(
    uri: str, name: str, workers: int, claims: int, pid: int | None
) -> tuple[list[dict[str, Any]], float, float | None]:
    """Let processes work at once.

    Returns
    -------
    What each measured, the time of all in s, and the processor time of the database.
    """
    shares = [claims // workers + (number < claims % workers) for number in range(workers)]
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, "--work-for", uri, "--launchpad", name,
             "--limit", str(share)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in shares
    ]  # fmt: skip
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    before, clock = cpu_s(pid), time.perf_counter()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    done = [json.loads(process.stdout.readline()) for process in processes]
    wall = time.perf_counter() - clock
    server = None if pid is None else cpu_s(pid) - before
    for process in processes:
        process.communicate()
    return done, wall, server


def work(options: argparse.Namespace) -> None:
    """Be a worker: wait for the word, then take and complete Fireworks."""
    from fireworks import FWAction, FWorker

    launchpad = open_launchpad(options.work_for, options.launchpad)
    worker = FWorker("load", category="label")
    launchpad.run_exists(worker)
    print("ready", flush=True)
    sys.stdin.readline()
    taken: dict[str, list[float]] = {step: [] for step in STEPS}
    cpu = time.process_time()
    for _ in range(options.limit):
        times = [time.perf_counter()]
        assert launchpad.run_exists(worker)
        times.append(time.perf_counter())
        firework, launch = launchpad.checkout_fw(worker, str(Path.cwd()))
        times.append(time.perf_counter())
        if firework is not None:
            launchpad.complete_launch(launch, FWAction())
        times.append(time.perf_counter())
        for step, begun, ended in zip(STEPS, times[:-1], times[1:], strict=True):
            taken[step].append(1e3 * (ended - begun))
    print(json.dumps({**taken, "cpu_s": time.process_time() - cpu}), flush=True)


def cpu_s(pid: int | None) -> float:
    import psutil

    if pid is None:
        return 0.0
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def check(launchpad: LaunchPad, claims: int) -> None:
    """Make sure that every claim was one, and of another Firework."""
    completed = launchpad.fireworks.count_documents({"state": "COMPLETED"})
    launches = launchpad.launches.distinct("fw_id")
    assert completed == len(launches) == claims, (completed, len(launches), claims)


def spread(values: list[float]) -> dict[str, float]:
    cuts = quantiles(values, n=100, method="inclusive") if len(values) > 1 else values * 99
    return {"median": median(values), "p95": cuts[94], "p99": cuts[98], "largest": max(values)}


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Take ratios to one worker, and to the fewest Fireworks."""
    most = max(row["workers"] for row in rows)
    by = {(row["waiting"], row["workers"]): row for row in rows if not row["emptied"]}
    sizes = sorted({waiting for waiting, _ in by})
    first = by[sizes[0], most]
    return {
        "workers": most,
        "throughput_to_one_worker": {
            str(size): by[size, most]["per_s"] / by[size, 1]["per_s"] for size in sizes
        },
        "claim_to_one_worker": {
            str(size): by[size, most]["ms"]["claim"]["median"]
            / by[size, 1]["ms"]["claim"]["median"]
            for size in sizes
        },
        "claim_to_fewest_waiting": {
            str(size): by[size, most]["ms"]["claim"]["median"] / first["ms"]["claim"]["median"]
            for size in sizes
        },
        "worker_cpu_to_server_cpu": {
            str(size): by[size, most]["worker_ms_per_firework"]
            / by[size, most]["server_ms_per_firework"]
            for size in sizes
            if by[size, most]["server_ms_per_firework"]
        },
    }


def show(report: dict[str, Any]) -> None:
    print(
        "waiting workers  per s   look ms  claim ms: median, p95, p99  complete ms"
        "  CPU ms per Firework: server, worker"
    )
    for row in report["rows"]:
        look, claim, complete = (row["ms"][step] for step in STEPS)
        server = row["server_ms_per_firework"]
        print(
            f"{row['waiting']:7}{'*' if row['emptied'] else ' '}{row['workers']:7}"
            f"{row['per_s']:7.1f}{look['median']:10.1f}{claim['median']:10.1f}"
            f"{claim['p95']:9.1f}{claim['p99']:9.1f}{complete['median']:13.1f}"
            f"{'-' if server is None else format(server, '.1f'):>19}"
            f"{row['worker_ms_per_firework']:9.1f}"
        )
    print("* until none was left")
    for name, values in report["summary"].items():
        if isinstance(values, dict):
            words = ", ".join(f"{size}: {ratio:.2f}" for size, ratio in values.items())
            print(f"{name.replace('_', ' ')}: {words}")


if __name__ == "__main__":
    main()
