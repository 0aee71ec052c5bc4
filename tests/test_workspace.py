"""The workspace of `make lab`: chapters as notebooks, and a student's edits survive every update."""

import json
import re

import nbformat
import notebooks
import pytest
from nbclient import NotebookClient


def test_a_chapter_becomes_a_notebook_without_roles_of_the_website():
    notebook = json.loads(notebooks.as_notebook(notebooks.BOOK / "layers" / "stride_arithmetic.md"))
    text = "".join("".join(cell["source"]) for cell in notebook["cells"])
    assert "{number}" not in text
    assert "{cite" not in text
    assert "Dumoulin and Visin, 2016" in text


def test_a_chapter_links_its_exercise_where_the_workspace_has_it():
    files = notebooks._workspace_files()
    assert (
        "[download it here](../exercises/stride_arithmetic/stride_arithmetic.ipynb)"
        in files["layers/stride_arithmetic.ipynb"]
    )
    assert "exercises/stride_arithmetic/stride_arithmetic.ipynb" in files


def test_an_update_never_overwrites_an_edited_notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "_workspace_files", lambda: {"a.ipynb": "old", "b.ipynb": "same"})
    notebooks.update_workspace(tmp_path)
    (tmp_path / "a.ipynb").write_text("mine")
    monkeypatch.setattr(notebooks, "_workspace_files", lambda: {"a.ipynb": "new", "b.ipynb": "same"})
    lines = notebooks.update_workspace(tmp_path)
    assert (tmp_path / "a.ipynb").read_text() == "mine"
    assert (tmp_path / "a.new.ipynb").read_text() == "new"
    assert len(lines) == 1
    assert notebooks.update_workspace(tmp_path) == []


def test_an_update_renews_what_was_not_edited(tmp_path, monkeypatch):
    for version in ("old", "new"):
        monkeypatch.setattr(notebooks, "_workspace_files", lambda version=version: {"a.ipynb": version})
        notebooks.update_workspace(tmp_path)
    assert (tmp_path / "a.ipynb").read_text() == "new"


def test_a_notebook_to_take_home_begins_by_installing_the_course_and_one_of_the_workspace_does_not():
    page = notebooks.BOOK / "layers" / "stride_arithmetic.md"
    alone, inside = (json.loads(notebooks.as_notebook(page, alone=flag)) for flag in (True, False))
    assert re.search(
        r'%pip install --quiet "cnncourse\[widgets\] @ git\+https://.*@v\d', "".join(alone["cells"][0]["source"])
    )
    assert not any("%pip" in "".join(cell["source"]) for cell in inside["cells"])
    assert len(alone["cells"]) == len(inside["cells"]) + 1


def test_binder_finds_the_notebooks_and_what_to_install(tmp_path):
    count = notebooks.publish_for_services(tmp_path)
    assert len(list(tmp_path.rglob("*.ipynb"))) == count
    assert "cnncourse[widgets] @ git+https://" in (tmp_path / "requirements.txt").read_text()


@pytest.mark.nbgrader
def test_a_notebook_to_take_home_runs_by_itself_in_an_empty_folder(tmp_path):
    page = notebooks.BOOK / "layers" / "stride_arithmetic.md"
    notebook = nbformat.reads(notebooks.as_notebook(page, alone=True), as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert all(cell.get("execution_count") for cell in notebook.cells if cell.cell_type == "code")
    assert list(tmp_path.iterdir()) == []
