"""Names, categories and tags of jobs."""

from jobflow import job

from tm23flows.flows.naming import tagged


@job
def nothing():
    """Do nothing."""


def test_a_job_gets_its_name_its_workers_and_its_tags():
    one = nothing()
    assert tagged(one, "Cu nothing", "aimd", "Cu") is one
    assert one.name == "Cu nothing"
    assert one.config.manager_config["_category"] == "aimd"
    assert one.metadata["tm23"] == {"element": "Cu", "category": "aimd"}


def test_the_category_reaches_the_firework():
    from jobflow.managers.fireworks import job_to_firework

    firework = job_to_firework(tagged(nothing(), "Cu nothing", "train-gpu", "Cu"), None)
    assert firework.spec["_category"] == "train-gpu"


def test_jobs_do_not_share_their_category():
    one, other = tagged(nothing(), "a", "aimd", "Cu"), tagged(nothing(), "b", "analyse", "Cu")
    assert one.config.manager_config["_category"] == "aimd"
    assert other.config.manager_config["_category"] == "analyse"
