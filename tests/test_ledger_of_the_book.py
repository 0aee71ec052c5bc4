"""The numbers of the book: each is recomputed, each source exists, and no chapter states one by hand."""

import re
from pathlib import Path

import pytest
from pybtex.database import parse_file

from cnncourse.workbench.ledger import load_ledger

BOOK = Path(__file__).parents[1] / "book"
LEDGER = load_ledger()
CHAPTERS = sorted(path for path in BOOK.rglob("*.md") if "_" not in path.parent.name)


@pytest.mark.parametrize("entry", list(LEDGER.computable()), ids=lambda entry: entry.key)
def test_every_computable_number_is_what_its_function_returns(entry):
    assert entry.agrees_with(entry.recompute()), f"{entry.key}: ledger {entry.value}, computed {entry.recompute()}"


def test_every_source_stands_in_the_bibliography():
    known = set(parse_file(str(BOOK / "references.bib")).entries)
    assert {entry.source for entry in LEDGER.values() if entry.source} <= known


def prose(text: str) -> str:
    """The text of a chapter without front matter, code, mathematics, roles and directive options."""
    text = re.sub(r"\A---.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^(`{3,})\{code-cell\}.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", "", text, flags=re.DOTALL)
    text = re.sub(r"\{[a-z:]+\}`[^`]*`|`[^`]*`", "", text)
    return re.sub(r"^:\w+:.*$", "", text, flags=re.MULTILINE)


def stated_by_hand(chapter: str, text: str) -> list[str]:
    """Keys of ledger numbers whose text stands in the prose.

    Numbers of three digits or more are looked for in every chapter, shorter ones such as "5×5" in their own only,
    and a bare number below 100 nowhere, because prose is full of small numbers that state nothing.
    """
    found = []
    for entry in LEDGER.values():
        digits = sum(character.isdigit() for character in entry.text)
        everywhere = digits >= 3
        here = len(entry.text) >= 3 and entry.key.split(".")[0] == chapter
        pattern = rf"(?<![\w.,×]){re.escape(entry.text)}(?![\w×]|[.,]\d)"
        if (everywhere or here) and re.search(pattern, prose(text)):
            found.append(entry.key)
    return found


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_chapter_states_a_ledger_number_by_hand(path):
    found = stated_by_hand(path.stem, path.read_text(encoding="utf-8"))
    # 3×3 is both an output size here and the size of the kernel that every example uses
    kernel_not_output = {key for key in found if LEDGER[key].text == "3×3"}
    assert set(found) <= kernel_not_output, f"write {{number}}`key` for {found}"


def test_a_number_typed_by_hand_is_found():
    assert "stride_arithmetic.stride1" in stated_by_hand("stride_arithmetic", "The output is 5×5 here.")
    assert not stated_by_hand("stride_arithmetic", "The output is {number}`stride_arithmetic.stride1` here.")


def test_every_number_that_a_chapter_asks_for_exists():
    asked = {key for path in CHAPTERS for key in re.findall(r"\{number\}`([^`]+)`", path.read_text(encoding="utf-8"))}
    assert asked <= set(LEDGER)
