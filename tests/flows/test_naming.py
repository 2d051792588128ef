"""Names, categories and tags of jobs."""

from jobflow import job

from tm23flows.flows.naming import tagged


@job
def nothing():
    """Do nothing."""


def test_a_job_gets_its_name_its_workers_and_its_tags():
    one = nothing()
    assert tagged(one, "Cu nothing", "dft", "Cu") is one
    assert one.name == "Cu nothing"
    assert one.config.manager_config["_category"] == "dft"
    assert one.metadata["tm23"] == {"element": "Cu", "category": "dft"}


def test_the_category_reaches_the_firework():
    from jobflow.managers.fireworks import job_to_firework

    firework = job_to_firework(tagged(nothing(), "Cu nothing", "train", "Cu"), None)
    assert firework.spec["_category"] == "train"


def test_jobs_do_not_share_their_category():
    one, other = tagged(nothing(), "a", "dft", "Cu"), tagged(nothing(), "b", "data", "Cu")
    assert one.config.manager_config["_category"] == "dft"
    assert other.config.manager_config["_category"] == "data"
