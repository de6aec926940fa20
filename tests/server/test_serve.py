import http.client
import re

import pytest

import unitscope
from unitscope.errors import InputError

pytest.importorskip("uvicorn")


def status(url):
    port, path = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.*)", url).groups()
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=600)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_python_serves_until_it_is_stopped(served):
    handle = unitscope.view(served.folder)
    assert status(handle.url) in (200, 302, 303, 307)
    assert status(handle.url.partition("?")[0]) in (401, 403)
    assert handle.url in repr(handle)
    handle.stop()
    with pytest.raises(ConnectionRefusedError):
        status(handle.url)


def test_what_is_no_recording_is_said_at_once(tmp_path):
    with pytest.raises(InputError):
        unitscope.view(tmp_path)


def test_a_port_that_is_taken(served):
    handle = unitscope.view(unitscope.Recording.open(served.folder))
    try:
        port = int(re.search(r":(\d+)/", handle.url)[1])
        with pytest.raises(InputError, match="cannot listen"):
            unitscope.view(served.folder, port=port)
    finally:
        handle.stop()
