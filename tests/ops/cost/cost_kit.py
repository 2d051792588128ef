"""Plans of flows, with the package's own Makers."""

from jobflow.managers.fireworks import flow_to_workflow

from tm23flows.jobs.structure import make_structure
from tm23flows.ops.cost.planned_work import Makers, planned_tasks
from tm23flows.trainers.base import get_trainer


def hyperparameters(trainer, given):
    return get_trainer(trainer).hyperparameters(**given).model_dump(mode="json")


MAKERS = Makers(make_structure, hyperparameters)


def tasks_of(flow):
    """What the Fireworks of a flow are going to do."""
    return planned_tasks(flow_to_workflow(flow, store=None), MAKERS)
