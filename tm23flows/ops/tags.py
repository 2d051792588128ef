"""What a stored Firework is about: its metal and its stage.

Owns the reading of the tags that :mod:`tm23flows.flows.naming` gives, and the order of stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STAGES = ("aimd", "label", "train-gpu", "analyse")
"""Categories of our jobs, in the order of the road."""

UNKNOWN_STAGE = "other"


def element_of(job: Mapping[str, Any]) -> str:
    """Return the metal of a stored Firework.

    Parameters
    ----------
    job
        With ``spec.tm23``.

    Returns
    -------
    Chemical symbol, or the words of a study of several metals; empty without the tag.
    """
    return str(_tags(job).get("element") or "")


def stage_of(job: Mapping[str, Any]) -> str:
    """Return the stage of a stored Firework.

    Parameters
    ----------
    job
        With ``spec.tm23`` or ``spec._category``.

    Returns
    -------
    Its category, or ``other``.
    """
    category = _tags(job).get("category") or (job.get("spec") or {}).get("_category")
    return category if isinstance(category, str) and category else UNKNOWN_STAGE


def stage_order(stage: str) -> tuple[int, str]:
    """Return what stages are sorted by.

    Parameters
    ----------
    stage
        A stage.

    Returns
    -------
    Those of the road first, in its order; others by name.
    """
    return (STAGES.index(stage) if stage in STAGES else len(STAGES), stage)


def _tags(job: Mapping[str, Any]) -> Mapping[str, Any]:
    tags = (job.get("spec") or {}).get("tm23")
    return tags if isinstance(tags, Mapping) else {}
