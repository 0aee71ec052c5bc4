"""The workspace of `make lab`: chapters as notebooks, and a student's edits survive every update."""

import json

import notebooks


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
