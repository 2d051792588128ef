"""The server over a real socket: who may ask for what."""

import http.client
import json
import threading
from contextlib import contextmanager

import pytest
from pymongo.errors import AutoReconnect
from status_kit import fill_launchpad

from tm23flows.errors import InputError
from tm23flows.ops.launchpad import open_launchpad
from tm23flows.ops.status.overview import Observer
from tm23flows.ops.status.server import HOST, Latest, make_server
from tm23flows.store.archive import Archive


@contextmanager
def serving(look, every_s=1):
    server = make_server(look, 0, every_s)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def port(database_server, tmp_path_factory):
    archive = Archive.open(database_server.uri, "status-server")
    launchpad = open_launchpad(database_server.uri, "status-server-jobs")
    fill_launchpad(launchpad, tmp_path_factory.mktemp("server"))
    with serving(Observer(archive, launchpad=launchpad.name).look) as port:
        yield port


def ask(port, path="/", method="GET", host=None):
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    headers = {} if host is None else {"Host": host}
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


def test_the_page_and_its_data(port):
    answer, page = ask(port)
    assert answer.status == 200
    assert "<table" in page
    answer, data = ask(port, "/status.json")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert json.loads(data)["jobs"]["COMPLETED"] == 2
    assert json.loads(data)["problem"] is None


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_it_answers_to_its_own_names(port, name):
    assert ask(port, host=f"{name}:{port}")[0].status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "0.0.0.0:{port}", ""],
)
@pytest.mark.parametrize("path", ["/", "/status.json"])
def test_a_foreign_name_is_refused(port, host, path):
    answer, body = ask(port, path, host=host.format(port=port))
    assert answer.status == 403
    assert "Cu" not in body


@pytest.mark.parametrize(
    "path", ["/x", "/../setup.cfg", "//etc/passwd", "/status.json?x=1", "/?x", "/page.css"]
)
def test_there_is_no_other_path(port, path):
    assert ask(port, path)[0].status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_only_reading_is_possible(port, method):
    assert ask(port, method=method)[0].status == 501


def test_head_has_no_body(port):
    answer, body = ask(port, method="HEAD")
    assert (answer.status, body) == (200, "")


def test_every_answer_says_what_the_browser_must_not_do(port):
    for path in ("/", "/status.json", "/x"):
        answer, _ = ask(port, path)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Python" not in answer.headers["Server"]


def test_it_listens_on_loopback_only():
    server = make_server(lambda: None, 0, 1)
    assert server.socket.getsockname()[0] == "127.0.0.1"
    taken = server.server_address[1]
    with pytest.raises(InputError, match="--port"):
        make_server(lambda: None, taken, 1)
    server.server_close()


def test_a_database_that_is_away_does_not_end_it(archive, launchpad):
    observer, broken = Observer(archive, launchpad=launchpad.name), []

    def look():
        if broken:
            raise AutoReconnect("mongodb://me:S3CRET-word@host: connection closed")
        return observer.look()

    latest = Latest(look, 0.0)
    assert latest.get()[1] is None
    broken.append(True)
    view, problem = latest.get()
    assert view is not None
    assert "connection closed" in problem
    assert "S3CRET" not in problem
    broken.clear()
    assert latest.get()[1] is None


def test_many_browsers_are_one_look():
    looks = []
    latest = Latest(lambda: looks.append(1), 1000.0)
    for _ in range(5):
        latest.get()
    assert len(looks) == 1
