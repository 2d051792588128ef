"""What ``tm23 status`` draws: every number where a person looks for it."""

import io

import pytest
from failing_jobs import job, run_all
from fireworks import Workflow
from rich.console import Console
from rich.table import Table

from tm23flows.cli.status_view import MOST_LINES, overview_parts, show
from tm23flows.documents.base import Provenance
from tm23flows.documents.label import Rejection
from tm23flows.documents.recipe import Recipe
from tm23flows.ops.status.overview import Observer
from tm23flows.store.archive import Archive

MARKUP = "[red]labels[/red] [1, 2]"


@pytest.fixture
def drawn(launchpad):
    """A function that draws what is to be seen now, in a terminal of some width."""

    def draw(width=160):
        out = Console(width=width, file=io.StringIO())
        show(Observer(Archive.open()).look(), out)
        return out.file.getvalue()

    return draw


def test_nothing_at_all(drawn):
    text = drawn()
    assert text.startswith("jobs: 0 of 0 done (none)")
    assert "archive: 0 structures" in text
    assert "time left" not in text


def test_metals_stages_failures_and_what_to_do(drawn, launchpad, tmp_path):
    failing = [job(f"Cu labels {number}", "builtins.MemoryError", "x") for number in range(3)]
    launchpad.add_wf(
        Workflow([*failing, job("Cu labels 3"), job(MARKUP, "builtins.OSError", MARKUP)])
    )
    run_all(launchpad, tmp_path)
    launchpad.add_wf(Workflow([job("Ti trajectory", element="Ti", stage="aimd")]))
    text = drawn()
    rows = {line.split()[0]: line for line in text.splitlines() if line.split()}
    assert "1/5 4 failed" in rows["Cu"]
    assert "0/1" in rows["Ti"]
    assert "1 of 5 done, 4 failed" in rows["label"]
    assert "0 of 1 done, 1 ready" in rows["aimd"]
    assert "failed, memory (there was not enough memory): 3" in text
    assert "tm23 rerun --where class=memory" in text
    assert "and 2 more: MemoryError: x" in text
    assert f"failed: {MARKUP}: OSError: {MARKUP}" in text
    assert "time left: unknown (the pace of aimd is not known yet)" in text


def test_a_worker_that_never_said_anything(drawn, launchpad):
    launchpad.add_wf(Workflow([job("Cu labels")]))
    launchpad.fireworks.update_many({}, {"$set": {"state": "RUNNING"}})
    assert "running: Cu labels on -, never heard of\n" in drawn()


def test_long_lists_end(drawn, launchpad, tmp_path):
    number = MOST_LINES + 3
    kinds = [job(f"job {n}", "builtins.ValueError", f"number {n}") for n in range(number)]
    launchpad.add_wf(Workflow(kinds))
    run_all(launchpad, tmp_path)
    text = drawn()
    assert text.count("failed: job ") == MOST_LINES
    assert "and 3 more: tm23 status --json" in text


def test_refused_labels_come_with_what_one_of_them_says(drawn, launchpad, make_frame):
    frame, recipe = make_frame(1), Recipe(engine="emt", xc="none")
    reason = "the electrons did not converge in 60 iterations"
    refused = Rejection(
        provenance=Provenance.now(), frame_id=frame.id, recipe=recipe, reason=reason
    )
    Archive.open().put(frame, refused)
    assert f"rejected labels, not_converged: 1, such as: {reason}" in drawn()


def test_on_a_screen_the_long_table_comes_last(launchpad):
    launchpad.add_wf(Workflow([job("Cu labels")]))
    view = Observer(Archive.open()).look()

    def titles(parts):
        return [part.columns[0].header for part in parts if isinstance(part, Table)]

    assert titles(overview_parts(view)) == ["metal", "stage"]
    assert titles(overview_parts(view, metals_last=True)) == ["stage", "metal"]
