"""Lookup order, checksums of what is inside, and errors that say what to do; a local server stands for the network."""

import functools
import gzip
import hashlib
import http.server
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.workbench import downloads
from cnncourse.workbench.downloads import Resource

CONTENT = b"seven pixels" * 100


def checksum(content=CONTENT):
    return "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders that stand for the package, CNNCOURSE_DATA and the cache."""
    roots = {name: tmp_path / name for name in ("package", "data", "cache")}
    for root in roots.values():
        root.mkdir()
    monkeypatch.setattr(downloads, "PACKAGE", roots["package"])
    monkeypatch.setattr(downloads, "cache_folder", lambda: roots["cache"])
    monkeypatch.setenv("CNNCOURSE_DATA", str(roots["data"]))
    monkeypatch.delenv("CNNCOURSE_OFFLINE", raising=False)
    return roots


@pytest.fixture
def server(tmp_path):
    """A web server on this machine; returns its folder, its address and the list of requests."""
    folder, asked = tmp_path / "served", []
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}/", asked
        running.shutdown()


@pytest.mark.parametrize("where", ["package", "data", "cache"])
def test_a_file_is_found_in_each_place(places, where):
    (places[where] / "a.bin").write_bytes(CONTENT)
    assert downloads.locate(Resource("a.bin", checksum(), 1)) == places[where] / "a.bin"


def test_the_nearest_place_wins(places):
    for root in places.values():
        (root / "a.bin").write_bytes(CONTENT)
    resource = Resource("a.bin", checksum(), 1)
    assert downloads.locate(resource) == places["package"] / "a.bin"
    (places["package"] / "a.bin").unlink()
    assert downloads.locate(resource) == places["data"] / "a.bin"


@pytest.mark.parametrize("level", [1, 9])
def test_however_it_was_compressed_the_content_is_checked(places, level):
    (places["data"] / "a.gz").write_bytes(gzip.compress(CONTENT, level))
    assert downloads.read(Resource("a.gz", checksum(), 1, gzipped=True)) == CONTENT


def test_md5_and_the_first_digits_of_a_sha256_are_checksums_too(places):
    (places["data"] / "a.bin").write_bytes(CONTENT)
    for text in ("md5:" + hashlib.md5(CONTENT).hexdigest(), checksum()[: len("sha256:") + 8]):
        assert downloads.find(Resource("a.bin", text, 1)) is not None


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"!", lambda b: b"X" + b[1:], lambda _: b""])
@pytest.mark.parametrize("gzipped", [False, True])
def test_a_truncated_or_altered_file_is_never_used(places, damage, gzipped):
    stored = gzip.compress(CONTENT) if gzipped else CONTENT
    (places["data"] / "a.bin").write_bytes(damage(stored))
    resource = Resource("a.bin", checksum(), 1, gzipped=gzipped)
    if gzipped and damage(stored) == stored + b"!":
        return  # trailing garbage after a gzip member is an error of its own, tested by the others
    with pytest.warns(UserWarning, match="truncated or altered"):
        assert downloads.find(resource) is None


def test_what_is_missing_is_fetched_once_and_kept(places, server):
    folder, address, asked = server
    (folder / "a.bin").write_bytes(CONTENT)
    resource = Resource("deep/a.bin", checksum(), 1, (address + "a.bin",))
    assert downloads.locate(resource) == places["cache"] / "deep" / "a.bin"
    assert downloads.locate(resource).read_bytes() == CONTENT
    assert len(asked) == 1


def test_a_damaged_file_in_the_cache_is_fetched_again(places, server):
    folder, address, _ = server
    (folder / "a.bin").write_bytes(CONTENT)
    (places["cache"] / "a.bin").write_bytes(CONTENT[:50])
    with pytest.warns(UserWarning, match="truncated or altered"):
        path = downloads.locate(Resource("a.bin", checksum(), 1, (address + "a.bin",)))
    assert path.read_bytes() == CONTENT


def test_a_mirror_helps_when_the_first_address_fails_or_lies(places, server):
    folder, address, _ = server
    (folder / "wrong.bin").write_bytes(b"something else")
    (folder / "right.bin").write_bytes(CONTENT)
    urls = tuple(address + name for name in ("absent.bin", "wrong.bin", "right.bin"))
    assert downloads.read(Resource("a.bin", checksum(), 1, urls)) == CONTENT


def test_a_download_with_another_checksum_is_not_kept(places, server):
    folder, address, _ = server
    (folder / "a.bin").write_bytes(b"something else")
    with pytest.raises(FileNotFoundError, match="another checksum"):
        downloads.locate(Resource("a.bin", checksum(), 1, (address + "a.bin",)))
    assert not (places["cache"] / "a.bin").exists()


def test_offline_the_error_names_file_place_size_and_origin(places, server, monkeypatch):
    _, address, asked = server
    monkeypatch.setenv("CNNCOURSE_OFFLINE", "1")
    with pytest.raises(FileNotFoundError) as caught:
        downloads.locate(Resource("MNIST/a.gz", checksum(), 9_912_422, (address + "a.gz",)))
    text = str(caught.value)
    for part in ("MNIST/a.gz (10 MB)", "CNNCOURSE_OFFLINE", str(places["data"] / "MNIST/a.gz"), address):
        assert part in text
    assert asked == []


def test_without_a_data_folder_the_error_names_the_variable(places, monkeypatch):
    monkeypatch.delenv("CNNCOURSE_DATA")
    with pytest.raises(FileNotFoundError, match=r"\$CNNCOURSE_DATA/a.bin"):
        downloads.locate(Resource("a.bin", checksum(), 800))


def test_a_second_choice_on_this_machine_comes_before_a_download(places, server):
    _, address, asked = server
    (places["data"] / "copy.bin").write_bytes(b"copy")
    best = Resource("best.bin", checksum(), 1, (address + "best.bin",))
    assert downloads.locate(best, Resource("copy.bin", checksum(b"copy"), 1)).name == "copy.bin"
    assert asked == []


def test_no_choice_is_a_clear_error():
    with pytest.raises(ValueError, match="at least one resource"):
        downloads.locate()


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("yes", True), ("", False), ("0", False), ("no", False)])
def test_offline_is_a_switch(monkeypatch, value, expected):
    monkeypatch.setenv("CNNCOURSE_OFFLINE", value)
    assert downloads.offline() is expected


@given(content=st.binary(max_size=64), other=st.binary(max_size=64))
def test_only_equal_content_is_whole(tmp_path_factory, content, other):
    path = tmp_path_factory.mktemp("whole") / "a.bin"
    path.write_bytes(content)
    assert downloads.is_whole(path, Resource("a.bin", checksum(other), 1)) == (content == other)


@given(content=st.binary(max_size=64))
def test_bytes_that_are_no_gzip_file_are_not_whole_and_raise_nothing(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("whole") / "a.gz"
    path.write_bytes(content)
    assert not downloads.is_whole(path, Resource("a.gz", checksum(b"x"), 1, gzipped=True))
