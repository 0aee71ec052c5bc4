"""A gradebook in PostgreSQL: a real server, started here, holds the same as a file of SQLite."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from grading.classes import SmallCourse, code, grades, standard_cells

from cnncourse.grading.course import with_driver

PROGRAMS = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *Path("/usr/local").glob("pgsql/bin")]


def program(name):
    found = next((folder / name for folder in PROGRAMS if (folder / name).exists()), None) or shutil.which(name)
    if not found:
        pytest.skip(f"PostgreSQL's {name} is not installed (Debian: apt-get install postgresql)")
    return str(found)


def as_ordinary_user():
    """PostgreSQL refuses to run as root."""
    if os.geteuid() == 0:
        return {"user": "nobody", "group": "nogroup", "extra_groups": []}
    return {}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("psycopg2")
    initdb, pg_ctl = program("initdb"), program("pg_ctl")
    folder = Path(tempfile.mkdtemp(prefix="cnncourse-postgresql-", dir="/tmp"))  # short: a socket's path is limited
    user = as_ordinary_user()
    if user:
        shutil.chown(folder, user["user"], user["group"])
    settings = {"cwd": folder, "check": True, "stdout": subprocess.DEVNULL, "timeout": 120, **user}
    port = free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off -c shared_buffers=16MB"
    try:
        subprocess.run([initdb, "-D", folder / "data", "-U", "course", "--auth=trust", "-E", "UTF8"], **settings)
        control = [pg_ctl, "-D", folder / "data", "-l", folder / "log", "-w"]
        subprocess.run([*control, "-o", options, "start"], **settings)
        yield f"postgresql://course@127.0.0.1:{port}/postgres"
    finally:
        with suppress(Exception):
            subprocess.run([*control, "-m", "immediate", "stop"], **settings)
        shutil.rmtree(folder, ignore_errors=True)


def plain(row):
    """A row without how a database spells times and truth."""
    return [str(int(cell) if isinstance(cell, bool) else cell).removesuffix(".000000") for cell in row]


def test_a_class_is_recorded_as_in_sqlite(server, tmp_path_factory):
    courses = [SmallCourse(tmp_path_factory.mktemp("course"), db=db) for db in (server, None)]
    results = []
    for course in courses:
        for number in range(5):
            course.submit(f"student{number}", timestamp=f"2026-01-0{number + 1} 00:00:00 UTC")
        course.submit("Zoë", course.answered(why="a zero \0 and an astral 𝄞"))
        course.submit("gus", "{")
        course.grade()
        cells = standard_cells()
        cells.insert(4, code("more", "assert add(1, 1) == 2, 'two'", grade=True, points=1))
        course.set_source(cells)
        course.grade()
        results.append(course.grade())
    stored, file = (grades(server), grades(courses[1].root))
    assert [plain(row) for row in stored] == [plain(row) for row in file]
    assert results[0].failed == results[1].failed == []
    assert len({row[1] for row in stored if len(row) == 10}) == 7


def test_nbgrader_reads_what_we_recorded(server):
    from nbgrader.api import Gradebook

    with Gradebook(with_driver(server), "small") as gradebook:
        assert gradebook.find_submission("ps1", "student0").score == 6
        assert gradebook.find_grade("more", "ps1", "ps1", "student0").auto_score == 1


def test_an_unreachable_server_is_named_without_its_password(tmp_path):
    course = SmallCourse(tmp_path, db=f"postgresql://me:geheim@127.0.0.1:{free_port()}/grades")
    with pytest.raises(OSError, match=r"the gradebook postgresql.*://me:\*\*\*@127") as error:
        course.grade()
    assert "geheim" not in str(error.value)
