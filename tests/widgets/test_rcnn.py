"""The hierarchy to unfold: the vectors are the module's, and the properties follow the traits."""

import json

import pytest
import traitlets
from vectors.rcnn import FILE, vectors

from cnncourse.widgets import Rcnn


def test_the_vectors_are_what_the_module_computes():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


def test_boxes_and_recall_only_grow():
    widget = Rcnn()
    last = len(widget.hierarchy.merges)
    recalls, numbers = [], []
    for merges in range(last + 1):
        widget.merges = merges
        recalls.append(widget.recall)
        numbers.append(len(widget.boxes))
    assert recalls == sorted(recalls)
    assert numbers == list(range(last + 1, 2 * last + 2))
    assert recalls[-1] == 1


def test_what_is_left_out_changes_the_hierarchy():
    trees = {Rcnn(without=kind).hierarchy.merges.flatten().tolist().__str__() for kind in ("", "colour", "size")}
    assert len(trees) == 3


def test_unknown_similarities_are_refused():
    with pytest.raises(traitlets.TraitError):
        Rcnn(without="smell")


def test_the_still_picture_counts_the_segments():
    widget = Rcnn()
    assert f"{len(widget.hierarchy.merges) + 1} segments" in widget.still().alt
