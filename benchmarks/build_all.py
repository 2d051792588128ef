"""The workflows of all 27 metals at the scale of the paper: time, bytes, Fireworks.

wire       the Makers make the flow
convert    jobflow makes FireWorks' workflow of it
ours       the file, as `tm23 build all` writes it
fireworks  the same file, by FireWorks' own `to_file`
json       the same as JSON
read       `lpad add` reads the YAML back
read_json  or the JSON

Metals take turns, so that a slow moment of the machine hits all ways.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

STEPS = ("wire", "convert", "ours", "fireworks", "json", "read", "read_json")


def main() -> None:
    options = parse()
    logging.disable(logging.WARNING)
    from tm23flows.science.metals import METALS

    metals = options.metals or list(METALS)
    with tempfile.TemporaryDirectory(prefix="tm23-build-all-") as name:
        build(metals[0], options, Path(name))  # imports count for nothing
        rows = []
        for metal in metals:
            rows.append(build(metal, options, Path(name)))
            print(f"{metal}: {rows[-1]['fireworks']} Fireworks", file=sys.stderr)
    report = {
        "benchmark": "build_all",
        "settings": {"scale": options.scale, "engine": options.engine, "metals": metals},
        "rows": rows,
        "summary": summarise(rows),
    }
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metals", nargs="+", help="these only")
    parser.add_argument("--scale", default="paper")
    parser.add_argument("--engine", default="vasp")
    parser.add_argument("--json", type=Path, help="write everything to this file")
    return parser.parse_args()


def build(metal: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Make and write one metal's workflow in every way; return seconds of CPU, and sizes."""
    from fireworks import Workflow

    from tm23flows.cli.execution import make_workflow
    from tm23flows.flows.scales import make_tm23
    from tm23flows.ops.cost.plan import plan_of
    from tm23flows.ops.workflow_files import write_workflow_file

    ours, theirs, as_json = (folder / name for name in ("ours.yaml", "theirs.yaml", "ours.json"))
    row: dict[str, Any] = {"metal": metal}

    def timed(step: str, do: Callable[[], Any]) -> Any:
        clock = time.process_time()
        made = do()
        row[f"{step}_s"] = time.process_time() - clock
        return made

    flow = timed("wire", lambda: make_tm23(metal, options.scale, options.engine).make(metal))
    workflow = timed("convert", lambda: make_workflow(flow))
    timed("ours", lambda: write_workflow_file(workflow, ours))
    timed("fireworks", lambda: workflow.to_file(str(theirs)))
    timed("json", lambda: write_workflow_file(workflow, as_json))
    timed("read", lambda: Workflow.from_file(str(ours)))
    timed("read_json", lambda: Workflow.from_file(str(as_json)))
    assert ours.read_bytes() == theirs.read_bytes()
    plan = plan_of(workflow)
    return row | {
        "fireworks": plan.fireworks,
        "labels": plan.labels,
        "frames": plan.frames,
        "steps": plan.aimd_steps,
        "yaml_bytes": ours.stat().st_size,
        "json_bytes": as_json.stat().st_size,
        "largest_document_bytes": plan.largest_document_bytes,
    }


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    total = {
        name: sum(row[name] for row in rows)
        for name in ("fireworks", "labels", "frames", "steps", "yaml_bytes", "json_bytes")
    }
    return {
        **total,
        "largest_document_bytes": max(row["largest_document_bytes"] for row in rows),
        "cpu_s": {step: sum(row[f"{step}_s"] for row in rows) for step in STEPS},
        "ms_per_firework": {
            step: 1e3 * median(row[f"{step}_s"] / row["fireworks"] for row in rows)
            for step in STEPS
        },
        "fireworks_to_ours": median(row["fireworks_s"] / row["ours_s"] for row in rows),
        "read_to_read_json": median(row["read_s"] / row["read_json_s"] for row in rows),
    }


def show(report: dict[str, Any]) -> None:
    summary = report["summary"]
    print(
        f"{len(report['rows'])} metals: {summary['fireworks']} Fireworks, {summary['steps']} "
        f"steps, {summary['frames']} frames, {summary['labels']} labels; "
        f"{summary['yaml_bytes'] / 1e6:.1f} MB of YAML, {summary['json_bytes'] / 1e6:.1f} MB of "
        f"JSON, largest document {summary['largest_document_bytes'] / 1e3:.1f} kB"
    )
    for step in STEPS:
        print(
            f"{step:<10}{summary['cpu_s'][step]:8.2f} s of CPU"
            f"{summary['ms_per_firework'][step]:8.2f} ms per Firework"
        )
    print(f"fireworks / ours: {summary['fireworks_to_ours']:.1f}")
    print(f"read / read json: {summary['read_to_read_json']:.1f}")


if __name__ == "__main__":
    main()
