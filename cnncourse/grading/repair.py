"""Repair: a student's answers are put into the structure that was released; edited tests never count.

Cells are recognised by grade_id, then by cell id, then by the names that they define. Chapter: `teaching`.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field

from cnncourse.grading.reading import RawCell
from cnncourse.grading.source import SourceCell, SourceNotebook, bound_names

_ALIKE = 0.6  # of the characters must agree for an unmarked cell to be the released one, edited


@dataclass(frozen=True)
class RepairedCell:
    """A cell of the notebook that is graded: what was released for it (None: the student added it) and its source."""

    released: SourceCell | None
    source: str
    cell_type: str
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def was_changed(self) -> bool:
        """Whether the student wrote something of their own."""
        return self.released is None or not same_text(self.source, self.released.released)


@dataclass(frozen=True)
class Repaired:
    """The notebook that is graded, and in words what had to be put right."""

    cells: tuple[RepairedCell, ...]
    repairs: tuple[str, ...]


def repair(notebook: SourceNotebook, handed_in: Sequence[RawCell]) -> Repaired:
    """Transplant a student's answers into the released notebook.

    Parameters
    ----------
    notebook
        What was released.
    handed_in
        The student's cells, in their order.
    """
    return _Repair(notebook, handed_in).result()


def same_text(one: str, other: str) -> bool:
    """Whether two sources differ at most in blanks at the ends of lines and in empty lines around."""
    return one == other or _plain(one) == _plain(other)


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip("\n").splitlines()).strip()


class _Repair:
    """The steps of one repair; `place[i]` is the index of the released cell that the student's cell i is for."""

    def __init__(self, notebook: SourceNotebook, handed_in: Sequence[RawCell]) -> None:
        self.released = notebook.cells
        self.handed_in = list(handed_in)
        self.place: dict[int, int] = {}
        self.chosen: dict[int, int] = {}  # released index -> student's index
        self.repairs: list[str] = []

    def result(self) -> Repaired:
        self._recognise_by_marks()
        self._recognise_answers_by_definition()
        self._recognise_the_rest()
        for index, cell in enumerate(self.released):
            self._choose(index, cell)
        self._remark_on_order()
        return Repaired(tuple(self._assembled()), tuple(self.repairs))

    # who is who

    def _recognise_by_marks(self) -> None:
        by_grade_id = {cell.grade_id: index for index, cell in enumerate(self.released) if cell.grade_id}
        by_id = {cell.id: index for index, cell in enumerate(self.released)}
        for number, cell in enumerate(self.handed_in):
            if cell.grade_id in by_grade_id:
                self.place[number] = by_grade_id[cell.grade_id]
            elif cell.id in by_id:
                index = by_id[cell.id]
                self.place[number] = index
                if self.released[index].grade_id:
                    self._say(f"{self._name(index)} had lost its grading marks; recognised by its cell id")

    def _recognise_answers_by_definition(self) -> None:
        for index, cell in enumerate(self.released):
            if not cell.binds or self._candidates(index):
                continue
            wanted = set(cell.binds)
            found = [
                (len(wanted & set(bound_names(other.source))), number)
                for number, other in self._unplaced()
                if not same_text(other.source, cell.released)
            ]
            most, number = max(found, default=(0, -1))
            if most:
                self.place[number] = index
                self._say(f"{self._name(index)} had lost its marks; recognised because it defines {cell.binds[0]}")

    def _recognise_the_rest(self) -> None:
        """Unmarked cells by their text; answers in words by their neighbours."""
        for index, cell in enumerate(self.released):
            if self._candidates(index):
                continue
            unplaced = [(n, c) for n, c in self._unplaced() if c.cell_type == cell.cell_type]
            exact = [number for number, other in unplaced if same_text(other.source, cell.released)]
            if exact:
                self.place[exact[0]] = index
            elif not cell.grade_id:
                self._place_most_alike(index, unplaced)
            elif cell.is_manual and not cell.binds:
                low, high = self._neighbours(index)
                between = [number for number, _ in unplaced if low < number < high]
                if between:
                    self.place[between[0]] = index
                    self._say(f"{self._name(index)} had lost its marks; recognised by its neighbours")

    def _place_most_alike(self, index: int, unplaced: list[tuple[int, RawCell]]) -> None:
        text = self.released[index].released
        matcher = difflib.SequenceMatcher(b=text, autojunk=False)
        best, ratio = -1, _ALIKE
        for number, other in unplaced:
            if not text or not 0.3 < (len(other.source) + 1) / (len(text) + 1) < 3:
                continue
            if _plain(text) in other.source:
                best = number
                break
            matcher.set_seq1(other.source[:4000])
            if matcher.quick_ratio() > ratio and matcher.ratio() > ratio:
                best, ratio = number, matcher.ratio()
        if best >= 0:
            self.place[best] = index

    # which copy counts

    def _choose(self, index: int, cell: SourceCell) -> None:
        copies = self._candidates(index)
        if cell.from_release:
            self._judge_locked(cell, copies)
        if not copies:
            if cell.solution:
                self._say(f"{self._name(index)} was missing; the empty one was put back and counts as not answered")
            return
        best = copies[-1] if not cell.from_release else copies[0]
        if cell.solution and len(copies) > 1:
            best = max(copies, key=lambda number: self._claim(number, cell))
            self._say(
                f"{self._name(index)} was there {len(copies)} times; the last changed copy that defines what is "
                "asked for counts"
                if cell.binds
                else f"{self._name(index)} was there {len(copies)} times; the last changed copy counts"
            )
        self.chosen[index] = best
        handed_in = self.handed_in[best]
        if cell.solution and handed_in.cell_type != cell.cell_type:
            self._say(f"{self._name(index)} had become a {handed_in.cell_type} cell; made {cell.cell_type} again")

    def _claim(self, number: int, cell: SourceCell) -> tuple[int, bool, int]:
        """How good a copy's claim is to be the answer: it defines the names, it was changed, it stands last."""
        source = self.handed_in[number].source
        changed = not same_text(source, cell.released)
        defined = len(set(cell.binds) & set(bound_names(source))) if changed else 0
        return defined, changed, number

    def _judge_locked(self, cell: SourceCell, copies: list[int]) -> None:
        what = "test cell" if cell.is_check else "cell"
        if not copies:
            self._say(f"{what} {cell.grade_id!r} was missing; it was put in")
            return
        if len(copies) > 1:
            self._say(f"{what} {cell.grade_id!r} was there {len(copies)} times; it counts once")
        for number in copies:
            handed_in = self.handed_in[number]
            if not same_text(handed_in.source, cell.released) and not same_text(handed_in.source, cell.recorded):
                how = "is of an earlier release" if handed_in.is_as_released else "had been edited"
                self._say(f"{what} {cell.grade_id!r} {how}; the present one was used")
            if cell.grade and "points" in handed_in.metadata and handed_in.metadata["points"] != cell.points:
                self._say(f"the points of {cell.grade_id!r} had been changed; it counts {cell.points:g}")

    def _remark_on_order(self) -> None:
        order = [index for _, index in sorted((number, index) for index, number in self.chosen.items())]
        if order != sorted(order):
            self._say("cells stood in another order; the released order was used")

    # the notebook that is graded

    def _assembled(self) -> list[RepairedCell]:
        """Released cells in their order, each followed by what the student added after it."""
        before: dict[int, list[int]] = {}
        after: dict[int, list[int]] = {}
        anchor = -1
        counted = {number: index for index, number in self.chosen.items()}
        for number, cell in enumerate(self.handed_in):
            if number in counted:
                anchor = counted[number]
            elif self._is_kept(number, cell):
                slot = self.place.get(number)
                if slot is not None and number < self.chosen[slot] and anchor >= slot:
                    before.setdefault(slot, []).append(number)  # an earlier copy must not replace the one that counts
                else:
                    after.setdefault(anchor, []).append(number)
        cells = [self._extra(number) for number in after.get(-1, [])]
        for index in range(len(self.released)):
            cells.extend(self._extra(number) for number in before.get(index, []))
            cells.append(self._cell(index))
            cells.extend(self._extra(number) for number in after.get(index, []))
        return cells

    def _is_kept(self, number: int, cell: RawCell) -> bool:
        """Whether a cell that fills no slot is the student's own work: copies of tests and of empty answers are not."""
        if not cell.source.strip():
            return False
        slot = self.place.get(number)
        if slot is None:
            return not any(r.from_release and same_text(r.released, cell.source) for r in self.released)
        released = self.released[slot]
        return not released.from_release and not same_text(cell.source, released.released)

    def _extra(self, number: int) -> RepairedCell:
        cell = self.handed_in[number]
        return RepairedCell(None, cell.source, cell.cell_type, cell.attachments)

    def _cell(self, index: int) -> RepairedCell:
        released = self.released[index]
        if released.from_release or index not in self.chosen:
            return RepairedCell(released, released.released, released.cell_type)
        handed_in = self.handed_in[self.chosen[index]]
        return RepairedCell(released, handed_in.source, released.cell_type, handed_in.attachments)

    # small things

    def _candidates(self, index: int) -> list[int]:
        return [number for number in sorted(self.place) if self.place[number] == index]

    def _unplaced(self) -> list[tuple[int, RawCell]]:
        return [(number, cell) for number, cell in enumerate(self.handed_in) if number not in self.place]

    def _neighbours(self, index: int) -> tuple[int, int]:
        """The student's cells between which a released cell should stand."""
        low = max((n for n, at in self.place.items() if at < index), default=-1)
        high = min((n for n, at in self.place.items() if at > index), default=len(self.handed_in))
        return low, high

    def _name(self, index: int) -> str:
        cell = self.released[index]
        kind = "answer" if cell.solution else "test cell" if cell.is_check else "cell"
        return f"{kind} {cell.grade_id or cell.id!r}"

    def _say(self, words: str) -> None:
        if words not in self.repairs:
            self.repairs.append(words)
