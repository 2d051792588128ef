"""The ``tm23`` program: its commands and what happens to errors.

Owns the list of commands and the exit codes: 0 done, 1 done and something is
wrong (a failed job, a broken chain, an unhealthy installation), 2 not done,
with one sentence that says why.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tm23flows._version import __version__
from tm23flows.cli import (
    audit,
    bench,
    build,
    cost,
    dataset,
    db,
    demo,
    doctor,
    files,
    grid_search,
    learning_curve,
    model,
    plan,
    query,
    rare_events,
    recover,
    report,
    rerun,
    status,
    study,
    trace,
    train,
    worker,
)
from tm23flows.cli.console import fail
from tm23flows.cli.metals_or_study import metals_or_study
from tm23flows.errors import TM23Error
from tm23flows.store.connect import without_password

app = typer.Typer(
    name="tm23",
    help="From the name of a metal to benchmarked machine-learned force fields.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
) -> None:
    """From the name of a metal to benchmarked machine-learned force fields."""
    if version:
        typer.echo(f"tm23flows {__version__}")
        raise typer.Exit


app.command("demo")(demo.demo)
app.add_typer(db.app, name="db")
app.add_typer(metals_or_study(build.build, study.build), name="build")
app.add_typer(metals_or_study(build.run, study.run), name="run")
app.add_typer(metals_or_study(plan.plan, study.plan), name="plan")
app.add_typer(study.app, name="study")
app.command("status")(status.status)
app.command("cost")(cost.cost)
app.command("rerun")(rerun.rerun)
app.command("recover")(recover.recover)
app.command("query")(query.query)
app.command("trace")(trace.trace)
app.command("audit")(audit.audit)
app.add_typer(dataset.app, name="dataset")
app.command("train")(train.train)
app.command("grid-search")(grid_search.grid_search)
app.command("learning-curve")(learning_curve.learning_curve)
app.command("evaluate")(train.evaluate)
app.command("bench")(bench.bench)
app.add_typer(rare_events.app, name="rare-events")
app.add_typer(model.app, name="model")
app.command("import")(files.import_)
app.command("export")(files.export)
app.command("report")(report.report)
app.command("doctor")(doctor.doctor)
app.command("worker")(worker.worker)


def main() -> None:
    """Run the program; errors made for users become one line and an exit code."""
    try:
        app()
    except TM23Error as error:
        fail(str(error))
        sys.exit(error.exit_code)
    except _database_errors() as error:
        reason = without_password(str(error)).split(", Timeout")[0]
        fail(
            f"the database stopped answering ({reason}); see 'tm23 db status', then run this again."
        )
        sys.exit(TM23Error.exit_code)
    except KeyboardInterrupt:
        fail("stopped by you; what was finished is kept, run the same command to go on.")
        sys.exit(130)


def _database_errors() -> tuple[type[Exception], ...]:
    """Return pymongo's errors, if this command has come as far as loading pymongo."""
    errors = sys.modules.get("pymongo.errors")
    return () if errors is None else (errors.PyMongoError,)


if __name__ == "__main__":
    main()
