"""The book on paper: chapters in one PDF, with their text, and each widget as a still."""

import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader

pytestmark = pytest.mark.site
TOOL = Path(__file__).parents[2] / "tools" / "print_book.py"
SCRIPT = f"import sys; sys.path.insert(0, {str(TOOL.parent)!r}); import pathlib, print_book; "


def test_chapters_become_sheets_with_an_outline(tmp_path):
    target = tmp_path / "course.pdf"
    call = f"print_book.print_book(['index', 'layers/pooling'], pathlib.Path({str(target)!r}))"
    subprocess.run([sys.executable, "-c", SCRIPT + call], check=True, timeout=300)
    book = PdfReader(target)
    text = "".join(sheet.extract_text() for sheet in book.pages)
    assert "One number for each window" in text
    assert [item.title for item in book.outline] == ["index", "layers/pooling"]
    assert len(book.pages) > 4


def test_a_page_that_is_not_built_is_named(tmp_path):
    call = f"print_book.print_book(['layers/none'], pathlib.Path({str(tmp_path / 'x.pdf')!r}))"
    result = subprocess.run([sys.executable, "-c", SCRIPT + call], capture_output=True, text=True, check=False)
    assert "layers/none is not built; run `make book` first" in result.stderr
    assert list(tmp_path.iterdir()) == []
