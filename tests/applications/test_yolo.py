"""YOLO: the grid's targets, each term of its loss alone against sums by hand, its detections, and the trained one."""

import math

import pytest
import torch
from applications.test_boxes import ANYTHING
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.applications import evaluate, iou
from cnncourse.applications.yolo import (
    TERMS,
    Yolo,
    YoloDetector,
    assign,
    corners,
    count_outputs,
    detect,
    load,
    look,
    loss_terms,
    responsible,
    scored_boxes,
    split,
    yolo_loss,
)
from cnncourse.applications.yolo import train as training
from cnncourse.data import scene_sets
from cnncourse.layers.receptive_field import receptive_field
from cnncourse.workbench.training import Settings, train

SEEDS = st.integers(0, 10**6)


def given_boxes(*boxes, labels=None):
    """One image with these boxes."""
    rows = torch.tensor(boxes, dtype=torch.float32).reshape(1, -1, 4)
    return rows, torch.tensor([labels or list(range(len(boxes)))], dtype=torch.int64).reshape(1, -1)


def silent(boxes=2, classes=3, grid=2, number=1):
    """A grid that says 0 everywhere."""
    return torch.zeros(number, grid, grid, 5 * boxes + classes, dtype=torch.float64)


def perfect(targets, boxes=2, classes=3):
    """A grid that says exactly what the targets ask for, with its first boxes."""
    said = torch.zeros(*targets.objects.shape, 5 * boxes + classes, dtype=torch.float64)
    said[..., :4] = targets.boxes
    said[..., 4] = targets.objects.double()
    there = targets.objects
    said[..., 5 * boxes :][there] = torch.nn.functional.one_hot(targets.labels[there], classes).double()
    return said


# --- the grid -----------------------------------------------------------------------------------------------------


def test_the_paper_has_1470_outputs():
    assert count_outputs() == 7 * 7 * 30 == 1470
    assert count_outputs((6, 4), boxes=3, classes=1) == 6 * 4 * 16


def test_the_cell_of_the_centre_gets_the_object():
    targets = assign(*given_boxes([20, 4, 60, 44], labels=[2]), size=96, grid=6)
    assert targets.objects.nonzero().tolist() == [[0, 1, 2]]  # the centre is (40, 24): column 2, row 1
    torch.testing.assert_close(targets.boxes[0, 1, 2], torch.tensor([0.5, 0.5, 40 / 96, 40 / 96]))
    assert targets.labels[0, 1, 2] == 2
    assert (targets.labels != -1).sum() == 1


@given(seed=SEEDS, number=st.integers(0, 5))
def test_corners_of_the_targets_are_the_boxes(seed, number):
    generator = torch.Generator().manual_seed(seed)
    start = torch.rand(2, number, 2, generator=generator) * 60
    boxes = torch.cat([start, start + 1 + 30 * torch.rand(2, number, 2, generator=generator)], dim=2)
    labels = torch.randint(-1, 4, (2, number), generator=generator)
    targets = assign(boxes, labels, (120, 96), (5, 4))
    back = corners(targets.boxes) * torch.tensor([96.0, 120, 96, 120])
    for image in range(2):
        wanted = [tuple(round(v, 2) for v in box.tolist()) for box in boxes[image][labels[image] >= 0]]
        found = back[image][targets.objects[image]]
        assert {tuple(round(v, 2) for v in box.tolist()) for box in found} <= _near(wanted, found)
        assert len(found) <= len(wanted)
        assert bool(len(found)) == bool(len(wanted))


def _near(wanted, found):
    """The rounded boxes of `found` that lie within a hundredth of one of `wanted`."""
    return {
        tuple(round(v, 2) for v in box.tolist())
        for box in found
        if any(max(abs(a - b) for a, b in zip(box.tolist(), one, strict=True)) < 0.02 for one in wanted)
    }


def test_an_image_without_objects_gives_no_cell_work():
    targets = assign(torch.zeros(1, 0, 4), torch.zeros(1, 0, dtype=torch.int64), 96, 6)
    assert not targets.objects.any()
    targets = assign(torch.zeros(1, 2, 4), torch.full((1, 2), -1), 96, 6)
    assert not targets.objects.any()


def test_one_pixel_is_an_object_and_no_pixel_is_none():
    targets = assign(*given_boxes([95, 95, 96, 96], [10, 10, 10, 30]), size=96, grid=6)
    assert targets.objects.nonzero().tolist() == [[0, 5, 5]]
    assert targets.boxes[0, 5, 5].tolist() == pytest.approx([1 - 0.5 / 16, 1 - 0.5 / 16, 1 / 96, 1 / 96], abs=1e-5)


def test_a_box_outside_is_no_object_and_one_at_the_border_is_what_is_visible_of_it():
    outside = assign(*given_boxes([100, 10, 120, 30], [-40, -40, -10, 5], [96, 0, 110, 96]), size=96, grid=6)
    assert not outside.objects.any()
    partly = assign(*given_boxes([-16, 32, 16, 64], labels=[1]), size=96, grid=6)
    assert partly.objects.nonzero().tolist() == [[0, 3, 0]]
    torch.testing.assert_close(partly.boxes[0, 3, 0], torch.tensor([0.5, 0.0, 16 / 96, 32 / 96]))


def test_of_two_objects_in_one_cell_the_first_stays():
    boxes, labels = given_boxes([2, 2, 12, 12], [0, 0, 14, 16], labels=[2, 1])
    targets = assign(boxes, labels, 96, 6)
    assert targets.objects.sum() == 1
    assert targets.labels[0, 0, 0] == 2
    assert assign(boxes.flip(1), labels.flip(1), 96, 6).labels[0, 0, 0] == 1


# --- responsibility ------------------------------------------------------------------------------------------------


def test_the_box_that_overlaps_most_answers():
    targets = assign(*given_boxes([24, 24, 72, 72], labels=[0]), size=96, grid=1)
    said = silent(grid=1)
    said[0, 0, 0, :5] = torch.tensor([0.5, 0.5, 0.25, 0.25, 0])
    said[0, 0, 0, 5:10] = torch.tensor([0.5, 0.5, 0.6, 0.5, 0])
    chosen, overlaps = responsible(said, targets)
    assert chosen.tolist() == [[[[False, True]]]]
    torch.testing.assert_close(overlaps[0, 0, 0], torch.tensor([0.25, 0.5 / 0.6], dtype=torch.float64))


def test_where_none_overlaps_the_nearer_one_answers():
    targets = assign(*given_boxes([0, 0, 16, 16], labels=[0]), size=96, grid=1)
    said = silent(grid=1)
    said[0, 0, 0, :5] = torch.tensor([0.9, 0.9, 0.1, 0.1, 0])
    said[0, 0, 0, 5:10] = torch.tensor([0.4, 0.4, 0.1, 0.1, 0])
    chosen, overlaps = responsible(said, targets)
    assert chosen.tolist() == [[[[False, True]]]]
    assert (overlaps == 0).all()


@given(seed=SEEDS)
def test_one_box_answers_in_each_cell_with_an_object_and_none_elsewhere(seed):
    generator = torch.Generator().manual_seed(seed)
    start = torch.rand(2, 3, 2, generator=generator) * 60
    targets = assign(torch.cat([start, start + 20], dim=2), torch.zeros(2, 3, dtype=torch.int64), 96, 4)
    said = torch.rand(2, 4, 4, 3 * 5 + 3, generator=generator)
    chosen, overlaps = responsible(said, targets, boxes=3)
    assert torch.equal(chosen.sum(dim=3), targets.objects.long())
    there, mine = corners(targets.boxes)[targets.objects], corners(split(said, 3).boxes)[targets.objects]
    for row, (truth, guesses) in enumerate(zip(there, mine, strict=True)):
        torch.testing.assert_close(overlaps[targets.objects][row], iou(guesses, truth[None])[:, 0])


# --- the five terms, one at a time -----------------------------------------------------------------------------------

OBJECT = given_boxes([48, 16, 64, 80], labels=[1])  # centre (56, 48), 16 wide, 64 high


@pytest.fixture
def targets():
    """On a grid of 2×2: cell (1, 1), x = 1/6, y = 0, w = 1/6, h = 2/3."""
    return assign(*OBJECT, size=96, grid=2)


def only(terms, **expected):
    """All terms but the expected ones are zero."""
    assert tuple(terms) == TERMS
    for name, value in terms.items():
        assert float(value) == pytest.approx(expected.get(name, 0), rel=1e-6, abs=1e-10), name


def test_a_perfect_grid_has_no_loss(targets):
    only(loss_terms(perfect(targets), targets))


def test_the_centre_costs_five_times_its_squared_distance_in_cells(targets):
    said = perfect(targets)
    said[0, 1, 1, 0] += 0.1
    said[0, 1, 1, 1] += 0.2
    overlap = float(responsible(said, targets)[1][0, 1, 1, 0])
    # moved by (0.05, 0.1) of the image: (1/6 − 0.05)·(2/3 − 0.1) are shared
    shared = (1 / 6 - 0.05) * (2 / 3 - 0.1)
    assert overlap == pytest.approx(shared / (2 * 1 / 9 - shared), rel=1e-6)
    only(loss_terms(said, targets), centre=5 * (0.01 + 0.04), object=(1 - overlap) ** 2)


def test_the_size_costs_five_times_the_squared_difference_of_roots(targets):
    said = perfect(targets)
    said[0, 1, 1, 2] = 4 / 6  # the root doubles
    size = 5 * (math.sqrt(4 / 6) - math.sqrt(1 / 6)) ** 2  # 5/6
    assert size == pytest.approx(5 / 6)
    only(loss_terms(said, targets), size=size, object=0.75**2)  # IoU 1/4
    only(loss_terms(said, targets, roots=False), size=5 * 0.5**2, object=0.75**2)


def test_the_responsible_confidence_is_drawn_to_the_overlap_and_not_to_one(targets):
    said = perfect(targets)
    said[0, 1, 1, 2] = 2 / 6
    said[0, 1, 1, 4] = 0.5  # the IoU
    only(loss_terms(said, targets), size=5 * (math.sqrt(2 / 6) - math.sqrt(1 / 6)) ** 2)
    said[0, 1, 1, 4] = 0.9
    assert float(loss_terms(said, targets)["object"]) == pytest.approx(0.4**2)


def test_every_other_confidence_costs_half_its_square_even_in_the_cell_of_an_object(targets):
    said = perfect(targets)
    said[0, 0, 0, 4] = 0.4
    said[0, 0, 1, 9] = 0.2
    said[0, 1, 1, 9] = 0.6  # the second box of the cell with the object
    only(loss_terms(said, targets), no_object=0.5 * (0.16 + 0.04 + 0.36))


def test_the_class_costs_its_squared_error_once_for_a_cell_and_only_where_an_object_is(targets):
    said = perfect(targets)
    said[0, 1, 1, 10:] = torch.tensor([0.5, 0.3, 0.2])
    said[0, 0, 0, 10:] = torch.tensor([1.0, 0, 0])
    only(loss_terms(said, targets), **{"class": 0.25 + 0.49 + 0.04})


def test_boxes_that_do_not_answer_may_be_anywhere(targets):
    said = perfect(targets)
    said[0, 0, 0, :4] = 0.7
    said[0, 1, 1, 5:9] = torch.tensor([0.9, 0.9, 0.1, 0.1])
    only(loss_terms(said, targets))


def test_the_weights_multiply_their_terms_alone(targets):
    generator = torch.Generator().manual_seed(0)
    said = torch.rand(1, 2, 2, 13, generator=generator)
    plain = loss_terms(said, targets, coordinates=1, no_object=1)
    weighted = loss_terms(said, targets, coordinates=3, no_object=7)
    factors = {"centre": 3, "size": 3, "object": 1, "no_object": 7, "class": 1}
    for name in TERMS:
        torch.testing.assert_close(weighted[name], plain[name] * factors[name])
    torch.testing.assert_close(yolo_loss(said, targets), torch.stack(list(loss_terms(said, targets).values())).sum())


def test_an_image_without_objects_costs_its_confidences_alone():
    nothing = assign(torch.zeros(1, 0, 4), torch.zeros(1, 0, dtype=torch.int64), 96, 2)
    said = torch.full((1, 2, 2, 13), 0.5)
    only(loss_terms(said, nothing), no_object=0.5 * 8 * 0.25)


def test_the_loss_of_a_batch_is_the_mean_of_its_images():
    boxes = torch.tensor([[[10.0, 10, 40, 40]], [[50, 60, 90, 90]]])
    labels = torch.tensor([[0], [2]])
    said = torch.rand(2, 3, 3, 13, generator=torch.Generator().manual_seed(1))
    both = yolo_loss(said, assign(boxes, labels, 96, 3))
    single = [yolo_loss(said[i : i + 1], assign(boxes[i : i + 1], labels[i : i + 1], 96, 3)) for i in range(2)]
    torch.testing.assert_close(both, torch.stack(single).mean())


@given(seed=SEEDS, number=st.integers(0, 3))
def test_the_loss_is_what_plain_loops_add_up(seed, number):
    generator = torch.Generator().manual_seed(seed)
    start = torch.rand(1, number, 2, generator=generator) * 60
    boxes = torch.cat([start, start + 5 + 30 * torch.rand(1, number, 2, generator=generator)], dim=2).double()
    targets = assign(boxes, torch.randint(0, 3, (1, number), generator=generator), 96, 3)
    said = torch.rand(1, 3, 3, 13, generator=generator, dtype=torch.float64)
    assert float(yolo_loss(said, targets)) == pytest.approx(plain_loss(said[0], targets))


def plain_loss(said, targets):
    total = 0.0
    for row in range(3):
        for column in range(3):
            cell = said[row, column]
            guesses = [cell[0:5].tolist(), cell[5:10].tolist()]
            best, overlap = None, 0
            if targets.objects[0, row, column]:
                truth = targets.boxes[0, row, column].tolist()
                overlaps = [plain_iou(guess, truth) for guess in guesses]
                distances = [plain_distance(guess, truth) for guess in guesses]
                best = overlaps.index(max(overlaps)) if max(overlaps) > 0 else distances.index(min(distances))
                overlap = overlaps[best]
                total += 5 * plain_distance(guesses[best], truth) + (guesses[best][4] - overlap) ** 2
                label = int(targets.labels[0, row, column])
                total += sum((float(p) - (index == label)) ** 2 for index, p in enumerate(cell[10:]))
            total += 0.5 * sum(guess[4] ** 2 for index, guess in enumerate(guesses) if index != best)
    return total


def plain_distance(guess, truth):
    x, y, w, h = (a - b for a, b in zip(_roots(guess), _roots(truth), strict=True))
    return x * x + y * y + w * w + h * h


def _roots(box):
    return box[0], box[1], math.sqrt(box[2]), math.sqrt(box[3])


def plain_iou(first, second):
    """Of two boxes of one cell of a 3×3 grid."""
    shared = 1.0
    for place, size in ((0, 2), (1, 3)):
        start = max(b[place] / 3 - b[size] / 2 for b in (first, second))
        end = min(b[place] / 3 + b[size] / 2 for b in (first, second))
        shared *= max(0.0, end - start)
    return shared / (first[2] * first[3] + second[2] * second[3] - shared)


def test_no_gradient_reaches_the_place_of_a_box_that_does_not_answer_nor_flows_through_the_overlap(targets):
    said = torch.rand(1, 2, 2, 13, generator=torch.Generator().manual_seed(2), dtype=torch.float64, requires_grad=True)
    chosen, _ = responsible(said, targets)
    loss_terms(said, targets)["object"].backward()
    assert torch.count_nonzero(said.grad) == 1  # one confidence, and no coordinate
    said.grad = None
    yolo_loss(said, targets).backward()
    places = split(said.grad).boxes
    assert (places[~chosen] == 0).all()
    assert (places[chosen] != 0).all()


def test_a_side_of_zero_has_a_finite_gradient(targets):
    said = silent().requires_grad_()
    yolo_loss(said, targets).backward()
    assert said.grad.isfinite().all()


# --- detections ----------------------------------------------------------------------------------------------------


def test_what_the_targets_ask_for_is_detected():
    boxes, labels = given_boxes([20, 4, 60, 44], [70, 70, 90, 96], labels=[2, 0])
    found = detect(perfect(assign(boxes, labels, 96, 6)).float(), 96)[0]
    order = found.labels.argsort(descending=True)
    torch.testing.assert_close(found.boxes[order], boxes[0])
    assert found.labels[order].tolist() == [2, 0]
    assert found.scores.tolist() == [1, 1]


def test_a_score_is_confidence_times_class_and_the_cell_has_one_class_distribution():
    said = silent(grid=1)
    said[0, 0, 0, :5] = torch.tensor([0.5, 0.5, 1.5, 0.5, 0.8])
    said[0, 0, 0, 5:10] = torch.tensor([0.2, 0.2, 0.2, 0.2, 0.5])
    said[0, 0, 0, 10:] = torch.tensor([0.1, 0.6, 0.3])
    places, scores = scored_boxes(said, (40, 80))
    expected = torch.tensor([[[0.08, 0.48, 0.24], [0.05, 0.3, 0.15]]])
    torch.testing.assert_close(scores, expected.double(), atol=1e-6, rtol=0)
    assert places[0, 0].tolist() == [0, 10, 80, 30]  # cut at the border
    found = detect(said, (40, 80), threshold=0.2)[0]
    assert found.labels.tolist() == [1, 1, 2]
    assert detect(said, (40, 80), threshold=0.5)[0].boxes.shape == (0, 4)


def test_both_boxes_of_a_cell_on_one_object_become_one():
    said = silent(grid=1)
    said[0, 0, 0, :5] = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.8])
    said[0, 0, 0, 5:10] = torch.tensor([0.5, 0.5, 0.52, 0.5, 0.9])
    said[0, 0, 0, 10] = 1
    assert detect(said, 96)[0].scores.tolist() == pytest.approx([0.9])


# --- the network ----------------------------------------------------------------------------------------------------


def test_any_size_of_image_is_a_grid_with_cells_of_16_pixels():
    network = Yolo(classes=4, boxes=3).eval()
    for height, width in ((96, 96), (64, 112), (16, 16)):
        said = network(torch.zeros(2, 3, height, width))
        assert said.shape == (2, height // 16, width // 16, 3 * 5 + 4)
        assert ((said >= 0) & (said <= 1)).all()
        torch.testing.assert_close(split(said, 3).classes.sum(dim=3), torch.ones(2, height // 16, width // 16))


def test_a_cell_sees_more_than_the_whole_picture():
    fields = receptive_field(Yolo().features, (3, 96, 96))
    assert (fields[""].size, fields[""].stride) == (109, 16)


def test_a_trained_network_reaches_what_its_log_says():
    held_out = scene_sets.load("test", 60)
    result = evaluate(load(), held_out, batch_size=20)
    assert len(training.measured()) == 2
    assert all(run.mean_average_precision > 0.9 for run in training.measured())
    assert result.mean_average_precision == pytest.approx(training.stated(0) / 100, abs=0.05)


def test_a_scene_without_objects_is_left_alone():
    empty = scene_sets.load("test", 8, objects=(0, 0))
    found = YoloDetector(load().network, threshold=0.3)(empty.for_detection().batch(torch.arange(8))[0])
    assert sum(len(one.scores) for one in found) == 0


def test_look_shows_the_boxes_that_detect_chooses_from():
    network = load().network
    image = scene_sets.load("test", 1).for_detection().batch(torch.tensor([0]))[0][0]
    boxes, confidences, classes = look(network, image)
    assert boxes.shape == (6, 6, 2, 4)
    best = load()(image[None])[0]
    scores = (confidences[..., None] * classes[:, :, None]).flatten(0, 2)
    assert float(scores.max()) == pytest.approx(float(best.scores[0]))
    assert best.boxes[0].tolist() == boxes.flatten(0, 2)[scores.max(dim=1).values.argmax()].tolist()


def test_the_training_begins_again_with_the_same_numbers():
    few = scene_sets.load("train", 16)
    losses = []
    for _ in range(2):
        torch.manual_seed(0)
        network = Yolo(width=4)
        settings = Settings(epochs=2, batch_size=8, learning_rate=1e-3, optimizer="adamw", precision="float32")
        history = train(network, few.for_detection(), settings, loss=training.batch_loss, progress=False)
        losses.append(history.loss)
    assert losses[0] == losses[1]
    assert losses[0][1] < losses[0][0]


# --- complaints ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: count_outputs(0), "at least one cell"),
        (lambda: count_outputs(7, boxes=0), "boxes is 0"),
        (lambda: split(torch.zeros(1, 2, 2, 10)), "2 boxes need 10"),
        (lambda: assign(torch.zeros(1, 2, 4), torch.zeros(1, 3, dtype=torch.int64), 96, 6), r"expected \(1, 2\)"),
        (lambda: assign(torch.tensor([[[5.0, 5, 1, 9]]]), torch.zeros(1, 1).long(), 96, 6), "reversed corners"),
        (lambda: assign(torch.full((1, 1, 4), math.nan), torch.zeros(1, 1).long(), 96, 6), "finite"),
        (lambda: assign(torch.zeros(1, 1, 4), torch.full((1, 1), -2), 96, 6), "labels hold -2"),
        (lambda: loss_terms(silent(classes=2), assign(*given_boxes([0, 0, 9, 9], labels=[2]), 96, 2)), "2 classes"),
        (lambda: loss_terms(silent(grid=3), assign(*given_boxes([0, 0, 9, 9]), 96, 2)), "assign the boxes to the grid"),
        (lambda: loss_terms(silent() * math.nan, assign(*given_boxes([0, 0, 9, 9]), 96, 2)), "diverged"),
        (lambda: loss_terms(silent(), assign(*given_boxes([0, 0, 9, 9]), 96, 2), no_object=-1), "no_object is -1"),
        (lambda: detect(silent(), 96, threshold=2), "threshold is 2"),
        (lambda: Yolo()(torch.zeros(1, 3, 8, 8)), "too small"),
        (lambda: corners(torch.zeros(3, 4)), "all cells of a grid"),
        (lambda: training.stated(9), "seed 9"),
    ],
)
def test_impossible_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@given(value=ANYTHING)
def test_nothing_but_value_and_type_errors_escape(value):
    labels = torch.zeros(1, 1, dtype=torch.int64)
    targets = assign(*given_boxes([0, 0, 9, 9]), 96, 2)
    for call in (
        lambda: count_outputs(value, value, value),
        lambda: split(value),
        lambda: assign(value, labels, 96, 6),
        lambda: assign(torch.zeros(1, 1, 4), value, 96, 6),
        lambda: assign(torch.zeros(1, 1, 4), labels, value, value),
        lambda: corners(value),
        lambda: responsible(value, targets),
        lambda: loss_terms(silent(), value),
        lambda: detect(value, 96),
        lambda: scored_boxes(silent(), value, value),
    ):
        try:
            call()
        except (ValueError, TypeError):
            continue
