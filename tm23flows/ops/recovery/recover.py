"""``tm23 recover``: everything that stopped without an end goes on.

Owns the order of the steps. Results come first, so that no job computes again what waits in a
file; then the launchpad; then the claims, whose loss told the launchpad's step which workers are
dead. Each step can be killed and done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tm23flows.log import get_log
from tm23flows.ops.recovery.claims import give_back_tasks
from tm23flows.ops.recovery.failures import run_failures_again
from tm23flows.ops.recovery.jobs import mend_launchpad
from tm23flows.ops.recovery.one_at_a_time import one_recovery
from tm23flows.ops.recovery.outbox import take_in_results
from tm23flows.ops.recovery.record import Mended, Report, Work
from tm23flows.ops.recovery.sweep import sweep_blobs

if TYPE_CHECKING:
    from tm23flows.ops.failures import Failure


def recover(work: Work) -> Report:
    """Bring everything back to work.

    Parameters
    ----------
    work
        Where, and what may be done.

    Returns
    -------
    What was wrong, and what became of it. Doing it twice is doing it once.

    Raises
    ------
    StaleClaimError
        If this process was not heard of for so long that another recovery has taken over.
    """
    if work.dry_run:
        return _report(work)
    with one_recovery(work.archive) as (still_ours, other):
        if still_ours is None:
            return Report(other=other)
        return _report(replace(work, still_ours=still_ours))


def _report(work: Work) -> Report:
    report = Report(dry_run=work.dry_run)
    for step in _steps(work):
        for one in step(work):
            report.mended.append(one)
            if not work.dry_run:
                log = get_log()
                say = log.info if one.problem is None else log.warning
                say("recovery.mended", step=one.step, subject=one.subject, what=one.what,
                    done=one.done, problem=one.problem)  # fmt: skip
    if work.launchpad is not None:
        report.notes += _left(work)
    return report


def _steps(work: Work) -> Iterator[Callable[[Work], Iterator[Mended]]]:
    yield take_in_results
    if work.launchpad is not None:
        yield mend_launchpad
    yield give_back_tasks
    if work.launchpad is not None:
        yield run_failures_again
    if work.sweep:
        yield sweep_blobs


def _left(work: Work) -> Iterator[str]:
    from tm23flows.ops.failures import list_failures

    others = [one for one in list_failures(work.launchpad.db) if _is_for_its_owner(one)]
    if others:
        yield (
            f"{len(others)} jobs failed of something else: 'tm23 status' says of what, "
            "'tm23 rerun' runs them again"
        )


def _is_for_its_owner(failure: Failure) -> bool:
    return failure.error_class not in ("database", "decode")
