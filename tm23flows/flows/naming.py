"""Names, categories and tags of jobs.

Owns the words that queues and users filter by. The category decides which
workers may take a job: ``aimd`` for trajectories, ``label`` for labels and
densities of states, ``train-gpu`` for training and for what needs a model,
``analyse`` for everything that takes seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from jobflow import Job

Category = Literal["aimd", "label", "train-gpu", "analyse"]


def tagged(job: Job, name: str, category: Category, element: str) -> Job:
    """Give a job its name, the category of its workers, and searchable tags.

    Parameters
    ----------
    job
        The job; it is changed.
    name
        Human, unique within its flow, stable.
    category
        Which workers may take it.
    element
        Chemical symbol.

    Returns
    -------
    The job.
    """
    job.name = name
    job.config.manager_config["_category"] = category
    job.update_metadata({"tm23": {"element": element, "category": category}})
    return job
