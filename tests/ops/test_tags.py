from jobflow import job
from jobflow.managers.fireworks import job_to_firework

from tm23flows.flows.naming import tagged
from tm23flows.ops.tags import STAGES, element_of, stage_of, stage_order


@job
def nothing() -> None:
    """Do nothing."""


def test_our_own_jobs_say_what_they_are_about():
    firework = job_to_firework(tagged(nothing(), "Cu labels", "label", "Cu"), store=None)
    stored = firework.to_db_dict()
    assert (element_of(stored), stage_of(stored)) == ("Cu", "label")


def test_jobs_of_others_have_a_stage_too():
    assert (element_of({}), stage_of({})) == ("", "other")
    assert stage_of({"spec": {"_category": "mine"}}) == "mine"
    assert stage_of({"spec": {"_category": ["a", "b"], "tm23": None}}) == "other"


def test_stages_come_in_the_order_of_the_road():
    assert sorted(("other", "analyse", "aimd", "label", "a"), key=stage_order) == [
        "aimd", "label", "analyse", "a", "other",
    ]  # fmt: skip
    assert len(STAGES) == 4
