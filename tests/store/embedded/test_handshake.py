import os


def test_hello_promises_no_sessions(run):
    reply = run(hello=1)
    assert "logicalSessionTimeoutMinutes" not in reply
    assert reply["localTime"].tzinfo is None
    assert reply["maxBsonObjectSize"] == 16 * 1024 * 1024
    assert reply["maxWireVersion"] >= 17


def test_the_server_says_who_it_is(run):
    assert run(serverStatus=1)["pid"] == os.getpid()
    assert run(buildInfo=1)["tm23flows"]
    assert run(isMaster=1)["ismaster"]
    assert run(endSessions=[])["ok"] == 1.0
