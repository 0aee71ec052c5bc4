"""Intake: whatever lies in the submitted folder, one remark says so and everyone else is graded."""

import json
import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from grading.classes import SmallCourse, line_of, write
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.grading.intake import find_submissions, open_plain
from cnncourse.grading.reading import UnreadableError, read_cells


def deep(levels):
    return "[" * levels + "]" * levels


BROKEN = {
    "empty": (b"", "is empty"),
    "cut-off": (b'{"cells": [', "is not valid JSON"),
    "a-list": (b"[1, 2]", "is JSON, but not a notebook"),
    "without-cells": (b'{"nbformat": 4}', "it has no cells"),
    "deep": (deep(200_000).encode(), "nested too deeply"),
    "binary": (bytes(range(256)) * 10, "is not valid JSON"),
    "long-number": (b'{"cells": ' + b"9" * 5000 + b"}", "is not valid JSON"),
    "conflict": (b'{"cells": [\n<<<<<<< HEAD\n', "merge conflict"),
}
ENCODINGS = {
    "byte-order-mark": lambda content: b"\xef\xbb\xbf" + content.encode(),
    "utf-16": lambda content: content.encode("utf-16"),
    "utf-16-without-mark": lambda content: content.encode("utf-16-le"),
    "utf-32": lambda content: content.encode("utf-32"),
    "latin-1": lambda content: content.replace("I think so", "Más o menos").encode("latin-1"),
    "windows-lines": lambda content: content.replace("\n", "\r\n").encode(),
}
MISNAMED = ["ps1 (1).ipynb", "PS1.ipynb", "ps1-final.ipynb", "homework.IPYNB", "ps1.ipynb.txt"]
ALPHABETS = ["Zoë Ångström", "李小龙", "o'brien; drop table", "-rf", "a,b", "=1+1"]


def without_metadata(notebook):
    for cell in notebook["cells"]:
        cell["metadata"] = 3


def other_schema(notebook):
    for cell in notebook["cells"]:
        cell["metadata"].get("nbgrader", {})["schema_version"] = 99


def other_kernel(notebook):
    notebook["metadata"] = {"kernelspec": {"name": "julia-1.9", "language": "julia"}}


def odd_cells(notebook):
    notebook["cells"] += [None, 3, {"cell_type": "code"}, {"cell_type": "code", "source": 7}, {"source": "x"}]


def surrogates(notebook):
    notebook["cells"][2]["source"] += "  # \ud800"


def no_version(notebook):
    notebook.update(nbformat="four", nbformat_minor=None)


def huge_output(notebook):
    notebook["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 20_000_000}]


ODD = [without_metadata, other_schema, other_kernel, odd_cells, surrogates, no_version, huge_output]


def hand_in_links(course):
    solution = course.root / "solutions" / "ps1" / "ps1.ipynb"
    (course.folder("symbolic") / "ps1.ipynb").symlink_to(solution)
    os.link(solution, course.folder("hard") / "ps1.ipynb")
    os.link(course.folder("ana") / "ps1.ipynb", course.folder("shared") / "ps1.ipynb")
    course.folder("linked").rmdir()
    (course.root / "submitted" / "linked" / "ps1").symlink_to(course.folder("ana"))
    (course.root / "submitted" / "other").symlink_to(course.root / "submitted" / "ana")


def hand_in_no_files(course):
    os.mkfifo(course.folder("pipe") / "ps1.ipynb")
    (course.folder("folder") / "ps1.ipynb").mkdir()
    course.submit("company")
    os.mkfifo(course.folder("company") / "data")
    (course.folder("company") / "endless").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(course.folder("company"))  # the name of a socket may not be long
        try:
            listener.bind("sock")
        finally:
            os.chdir(here)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """One class in which everybody handed in something odd, but for Ana."""
    course = SmallCourse(tmp_path_factory.mktemp("odd"))
    course.submit("ana")
    for name, (content, _) in BROKEN.items():
        (course.folder(name) / "ps1.ipynb").write_bytes(content)
    right = json.dumps(course.right(), ensure_ascii=False, indent=1)
    for name, encode in ENCODINGS.items():
        (course.folder(name) / "ps1.ipynb").write_bytes(encode(right))
    for number, name in enumerate(MISNAMED):
        course.submit(f"misnamed{number}", name=name)
    for change in ODD:
        notebook = course.right()
        change(notebook)
        course.submit(change.__name__, notebook)
    for name in ALPHABETS:
        course.submit(name)
    hand_in_links(course)
    hand_in_no_files(course)
    course.submit("both")
    course.submit("both", course.answered(), name="ps1 (1).ipynb")
    course.submit("copy", "{")
    course.submit("copy", name="ps1 (1).ipynb")
    course.submit("holiday", {"cells": [{"cell_type": "code", "source": "1"}]}, name="holiday.ipynb")
    course.folder("nothing")
    write(course.root / "submitted" / "README.txt", "hello")
    (course.root / "submitted" / "absent").mkdir()
    course.submit("renamed")
    (course.root / "submitted" / "renamed" / "ps1").rename(course.root / "submitted" / "renamed" / "PS1 (2)")
    course.submit("helper", course.right(add="def add(a, b):\n    return a + b + int(open('data/zero.csv').read())"))
    write(course.folder("helper") / "data" / "zero.csv", "0")
    return course


@pytest.fixture(scope="module")
def summary(course, tmp_path_factory):
    here = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("work"))  # the rehearsal writes where it runs; the engine has a folder of its own
    try:
        return course.grade()
    finally:
        os.chdir(here)


def notes(summary, student):
    return " ".join(line_of(summary, student).notes)


@pytest.mark.parametrize("student", BROKEN)
def test_broken_content_costs_only_its_student(summary, student):
    assert line_of(summary, student).status == "unreadable"
    assert line_of(summary, student).score == 0
    assert BROKEN[student][1] in notes(summary, student)


def test_everybody_has_one_line_and_nobody_failed(course, summary):
    folders = [path.name for path in (course.root / "submitted").iterdir() if path.is_dir() and not path.is_symlink()]
    assert sorted(line.student for line in summary.lines) == sorted(set(folders) - {"absent", "linked"})
    assert summary.failed == []
    assert line_of(summary, "ana").text == "5 of 9; to be graded by hand"


@pytest.mark.parametrize("student", [*ENCODINGS, *(change.__name__ for change in ODD), *ALPHABETS])
def test_odd_but_readable_is_graded_in_full(summary, student):
    assert (line_of(summary, student).status, line_of(summary, student).score) == ("graded", 5)


@pytest.mark.parametrize("number", range(len(MISNAMED)))
def test_a_misnamed_notebook_is_graded_and_remarked_on(summary, number):
    assert line_of(summary, f"misnamed{number}").score == 5
    assert f"{MISNAMED[number]} was graded in its place" in notes(summary, f"misnamed{number}")


def test_the_exact_name_wins_unless_it_is_broken(summary):
    assert line_of(summary, "both").score == 5
    assert line_of(summary, "copy").score == 5
    assert "ps1.ipynb is not valid JSON" in notes(summary, "copy")


def test_a_notebook_of_something_else_is_not_graded(summary):
    assert (line_of(summary, "holiday").status, line_of(summary, "holiday").score) == ("unreadable", 0)
    assert "the folder holds holiday.ipynb" in notes(summary, "holiday")
    assert "the folder is empty" in notes(summary, "nothing")


def test_links_to_the_solution_give_no_points(summary):
    assert line_of(summary, "symbolic").score == 0
    assert "ps1.ipynb is a symbolic link" in notes(summary, "symbolic")
    assert line_of(summary, "hard").score == 0
    assert "is a hard link to a file that lies outside the submissions" in notes(summary, "hard")


def test_submissions_that_share_disk_blocks_are_graded(summary):
    assert line_of(summary, "shared").score == 5


def test_pipes_sockets_and_folders_hold_nobody_up(summary):
    assert "is a named pipe" in notes(summary, "pipe")
    assert "is a folder" in notes(summary, "folder")
    assert line_of(summary, "company").score == 5
    assert sorted(line_of(summary, "company").notes) == [
        "data is a named pipe; left out",
        "endless is a symbolic link; left out",
        "sock is a socket; left out",
    ]


def test_huge_outputs_are_not_kept(course, summary):
    assert line_of(summary, "huge_output").score == 5
    assert (course.root / "autograded" / "huge_output" / "ps1" / "ps1.ipynb").stat().st_size < 100_000


def test_what_is_no_submission_is_remarked_on(summary):
    assert sorted(summary.remarks) == [
        "README.txt: is a file, not a student's folder; left out",
        "linked: ps1 is a symbolic link; left out",
        "other: is a symbolic link, not a student's folder; left out",
    ]


def test_a_misnamed_assignment_folder_is_found(summary):
    assert line_of(summary, "renamed").score == 5
    assert "the folder is called 'PS1 (2)'" in notes(summary, "renamed")


def test_files_that_a_student_adds_are_there_when_the_answers_run(summary):
    assert line_of(summary, "helper").score == 5


def test_folders_that_may_be_one_student_s_are_named(tmp_path):
    course = SmallCourse(tmp_path)
    for name in ("ana", "Ana", "ana (1)"):
        course.submit(name)
    found, remarks = find_submissions(course.course, "ps1")
    assert len(found) == 3
    assert remarks == ["'Ana', 'ana', 'ana (1)': may be one student's folders; each was graded under its own name"]


def test_too_large_is_said_with_its_size(tmp_path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(3 * 2**20)
    with pytest.raises(UnreadableError, match=r"is 3.0 MiB large; at most 2 are read"):
        open_plain(large, 2 * 2**20)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_said_so(tmp_path):
    secret = tmp_path / "secret"
    secret.touch(mode=0)
    with pytest.raises(UnreadableError, match="cannot be read"):
        open_plain(secret, 10)


@given(st.binary(max_size=300))
def test_nothing_but_unreadable_escapes(content):
    with suppress(UnreadableError):
        read_cells(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["cells", "source", "cell_type", "metadata", "id"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["cells", "worksheets", "metadata"]), JSON))
def test_no_structure_escapes(record):
    with suppress(UnreadableError):
        read_cells(json.dumps(record).encode())
