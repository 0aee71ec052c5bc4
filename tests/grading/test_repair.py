"""Repair: answers find their place, released cells are restored, and nothing of a student's work is lost."""

import copy

import pytest
from grading.classes import SmallCourse, code, text
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.grading.reading import RawCell, read_cells
from cnncourse.grading.repair import repair
from cnncourse.grading.source import bound_names, read_source

RIGHT_ADD = "def add(a, b):\n    return a + b"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return SmallCourse(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def source(small):
    return read_source(small.root / "solutions" / "ps1" / "ps1.ipynb")


def raw(cells):
    return [
        RawCell(
            cell.get("id", ""),
            cell["metadata"].get("nbgrader", {}).get("grade_id", ""),
            cell["cell_type"],
            cell["source"],
            cell["metadata"].get("nbgrader", {}),
        )
        for cell in cells
    ]


def repaired(source, cells):
    return repair(source, raw(cells))


def source_of(result, grade_id):
    return next(cell.source for cell in result.cells if cell.released and cell.released.grade_id == grade_id)


def at(cells, name):
    return next(cell for cell in cells if cell.get("id") == name)


@pytest.fixture
def cells(small):
    return copy.deepcopy(small.right()["cells"])


def test_an_untouched_structure_needs_no_repair(source, cells):
    result = repaired(source, cells)
    assert result.repairs == ()
    assert [cell.released for cell in result.cells] == list(source.cells)
    assert source_of(result, "add") == RIGHT_ADD


def test_an_edited_test_never_counts(source, cells):
    at(cells, "add-check")["source"] = "pass"
    result = repaired(source, cells)
    assert "assert add(1, 2) == 3" in source_of(result, "add-check")
    assert "test cell 'add-check' had been edited; the present one was used" in result.repairs


def test_a_test_of_an_earlier_release_is_not_called_edited(source, cells):
    from nbformat import from_dict
    from nbgrader.utils import compute_checksum

    check = at(cells, "add-check")
    check["source"] = "assert add(1, 1) == 2"
    check["metadata"]["nbgrader"]["checksum"] = compute_checksum(from_dict(check))
    words = repaired(source, cells).repairs
    assert words == ("test cell 'add-check' is of an earlier release; the present one was used",)


def test_deleted_tests_are_put_back_where_they_were(source, cells):
    result = repaired(source, [cell for cell in cells if not cell["id"].endswith("-check")])
    assert [cell.released.id for cell in result.cells] == [cell.id for cell in source.cells]
    assert len(result.repairs) == 2


def test_the_released_order_is_restored(source, cells):
    result = repaired(source, cells[::-1])
    assert [cell.released.id for cell in result.cells] == [cell.id for cell in source.cells]
    assert source_of(result, "add") == RIGHT_ADD
    assert any("another order" in words for words in result.repairs)


def test_lost_grading_marks_are_found_by_cell_id(source, cells):
    at(cells, "add")["metadata"] = {}
    result = repaired(source, cells)
    assert source_of(result, "add") == RIGHT_ADD
    assert result.repairs == ("answer 'add' had lost its grading marks; recognised by its cell id",)


def test_without_marks_and_ids_a_cell_is_known_by_what_it_defines(source, cells):
    for cell in cells:
        cell["metadata"] = {}
        del cell["id"]
    result = repaired(source, cells)
    assert source_of(result, "add") == RIGHT_ADD
    assert "return sum(v) / len(v)" in source_of(result, "mean")
    assert source_of(result, "why") == "I think so."
    assert [cell.released.id for cell in result.cells if cell.released] == [cell.id for cell in source.cells]


def test_of_several_copies_the_last_changed_one_that_defines_the_name_counts(source, cells):
    first = copy.deepcopy(at(cells, "add"))
    first["source"] = "def add(a, b):\n    return 0"
    broken = copy.deepcopy(at(cells, "add"))
    broken["source"] = "def add(a, b:"
    stub = copy.deepcopy(at(cells, "add"))
    stub["source"] = next(cell.released for cell in source.cells if cell.id == "add")
    place = cells.index(at(cells, "add"))
    cells[place:place] = [first]
    cells += [broken, stub]
    result = repaired(source, cells)
    assert source_of(result, "add") == RIGHT_ADD
    assert any("was there 4 times" in words for words in result.repairs)
    names = [cell.source for cell in result.cells]
    assert names.index(first["source"]) < names.index(RIGHT_ADD), "an earlier copy must not replace the later one"


def test_copies_of_tests_are_dropped(source, cells):
    result = repaired(source, [*cells, copy.deepcopy(at(cells, "add-check"))])
    assert len(result.cells) == len(source.cells)
    assert "test cell 'add-check' was there 2 times; it counts once" in result.repairs


def test_what_a_student_adds_stays_after_its_neighbour(source, cells):
    place = cells.index(at(cells, "add-check"))
    cells.insert(place, code("mine", "helper = 1"))
    cells.insert(0, text("note", "my notes"))
    result = repaired(source, cells)
    sources = [cell.source for cell in result.cells]
    assert sources[0] == "my notes"
    assert sources.index("helper = 1") == sources.index(RIGHT_ADD) + 1
    assert result.repairs == ()


def test_an_answer_that_became_text_is_code_again(source, cells):
    at(cells, "add")["cell_type"] = "markdown"
    result = repaired(source, cells)
    assert source_of(result, "add") == RIGHT_ADD
    assert "answer 'add' had become a markdown cell; made code again" in result.repairs


def test_changed_points_do_not_count(source, cells):
    at(cells, "add-check")["metadata"]["nbgrader"]["points"] = 100
    assert "the points of 'add-check' had been changed; it counts 2" in repaired(source, cells).repairs


def test_a_missing_answer_counts_as_not_answered(source, cells):
    result = repaired(source, [cell for cell in cells if cell["id"] != "add"])
    assert "NotImplementedError" in source_of(result, "add")
    assert any("was missing; the empty one" in words for words in result.repairs)


def test_an_edited_setup_cell_is_kept_as_the_student_s(source, cells):
    at(cells, "setup")["source"] = "import math\nimport statistics"
    at(cells, "setup").pop("id")
    result = repaired(source, cells)
    setup = next(cell for cell in result.cells if cell.released and cell.released.id == "setup")
    assert setup.was_changed
    assert "statistics" in setup.source


def test_an_empty_notebook_becomes_the_release(source):
    result = repaired(source, [])
    assert [cell.source for cell in result.cells] == [cell.released for cell in source.cells]


ANY_CELL = st.builds(
    RawCell,
    id=st.sampled_from(["", "add", "mean", "why", "setup", "other"]),
    grade_id=st.sampled_from(["", "add", "add-check", "mean", "mean-check", "why", "nothing"]),
    cell_type=st.sampled_from(["code", "markdown", "raw"]),
    source=st.sampled_from(["", RIGHT_ADD, "def mean(v): return 1", "import math", "x = 1", "def add(a, b:"]),
)


@given(st.lists(ANY_CELL, max_size=12))
def test_every_notebook_is_repaired_to_the_released_structure(source, handed_in):
    result = repair(source, handed_in)
    assert [cell.released for cell in result.cells if cell.released] == list(source.cells)
    for cell in result.cells:
        if cell.released and cell.released.from_release:
            assert cell.source == cell.released.released


@pytest.mark.parametrize(
    ("code_of_cell", "names"),
    [
        ("import math\nfrom os import path", ()),
        ("def f(): x = 1\nclass A: pass", ("f", "A")),
        ("a, (b, *c) = 1, (2, 3)\nd: int = 4\ne += 1", ("a", "b", "c", "d", "e")),
        ("for i in x:\n    y = i\nwith open(p) as h:\n    pass", ("i", "y", "h")),
        ("try:\n    a = 1\nexcept ValueError:\n    b = 2\nfinally:\n    c = 3", ("a", "b", "c")),
        ("if (n := 3) > 2: m = [k for k in range(n)]", ("n", "m")),
        ("%%time\nz = 1", ("z",)),
        ("%matplotlib inline\n!ls\nz = 1", ("z",)),
        ("def broken(", ()),
    ],
)
def test_names_that_a_cell_binds(code_of_cell, names):
    assert bound_names(code_of_cell) == names


def test_old_notebooks_are_read():
    old = b'{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\\n", "b = 2"]}]}]}'
    cells, remarks = read_cells(old)
    assert [cell.source for cell in cells] == ["a = 1\nb = 2"]
    assert "old notebook format" in remarks[0]
