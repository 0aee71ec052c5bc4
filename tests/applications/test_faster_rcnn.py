"""Faster R-CNN: four losses by hand, regions against plain loops and on a ramp, sampling, odd images, and its mAP."""

import contextlib
import math

import pytest
import torch
import torch.nn.functional as F
from applications.test_boxes import ANYTHING, EMPTY, SEEDS
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncourse.applications import Detections, evaluate, iou
from cnncourse.applications.faster_rcnn import (
    FasterRCNN,
    joint_loss,
    label_regions,
    load,
    log,
    loss_box_reg,
    loss_classifier,
    loss_objectness,
    loss_rpn_box_reg,
    roi_align,
    roi_pool,
    sample,
    smooth_l1,
)
from cnncourse.applications.faster_rcnn.network import LOSSES
from cnncourse.applications.faster_rcnn.regions import bin_centres, rounded
from cnncourse.applications.faster_rcnn.train import PLACE, TESTED, main, mean_losses
from cnncourse.data import scene_sets
from cnncourse.workbench.training import Settings, train


def regions_of(number, seed, reach=40.0):
    """Boxes of broken coordinates, some over the border of a map of 8·8 cells of 4 pixels, some without area."""
    generator = torch.Generator().manual_seed(seed)
    corner = reach * torch.rand(number, 2, generator=generator, dtype=torch.float64) - 4
    size = 20 * torch.rand(number, 2, generator=generator, dtype=torch.float64)
    size[::5] = 0
    return torch.cat([corner, corner + size], dim=1)


def map_of(seed, images=2, channels=3, height=8, width=7):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(images, channels, height, width, generator=generator, dtype=torch.float64)


def ramp(height, width, down, across):
    """One channel whose value at cell (y, x) is that of a plane at the cell's centre, in cells."""
    y, x = torch.arange(height).double() + 0.5, torch.arange(width).double() + 0.5
    return (down * y[:, None] + across * x[None])[None, None]


# regions


def plain_pool(features, box, stride, bins):
    """RoI pooling of one map (C, H, W), cell by cell."""
    x1, y1, x2, y2 = (math.floor(float(value) / stride + 0.5) for value in box)
    x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
    result = torch.zeros(len(features), bins, bins, dtype=features.dtype)
    for i in range(bins):
        for j in range(bins):
            rows = range(y1 + math.floor(i * (y2 - y1) / bins), y1 + math.ceil((i + 1) * (y2 - y1) / bins))
            columns = range(x1 + math.floor(j * (x2 - x1) / bins), x1 + math.ceil((j + 1) * (x2 - x1) / bins))
            cells = [
                features[:, r, c]
                for r in rows
                for c in columns
                if 0 <= r < features.shape[1] and 0 <= c < features.shape[2]
            ]
            if cells:
                result[:, i, j] = torch.stack(cells).amax(dim=0)
    return result


def plain_align(features, box, stride, bins, samples):
    """RoI align of one map (C, H, W), sample by sample and corner by corner."""
    x1, y1, x2, y2 = (float(value) / stride for value in box)
    height, width = features.shape[1:]
    result = torch.zeros(len(features), bins, bins, dtype=features.dtype)
    for i in range(bins * samples):
        for j in range(bins * samples):
            y = y1 + (y2 - y1) * (i + 0.5) / (bins * samples) - 0.5
            x = x1 + (x2 - x1) * (j + 0.5) / (bins * samples) - 0.5
            if not (-1 <= y <= height and -1 <= x <= width):
                continue
            y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
            top, left = math.floor(y), math.floor(x)
            for r, down in ((top, 1 - y + top), (min(top + 1, height - 1), y - top)):
                for c, across in ((left, 1 - x + left), (min(left + 1, width - 1), x - left)):
                    result[:, i // samples, j // samples] += features[:, r, c] * down * across / samples**2
    return result


@given(number=st.integers(0, 5), seed=SEEDS, bins=st.integers(1, 5))
@settings(max_examples=40)
def test_pooled_regions_are_what_the_loop_finds(number, seed, bins):
    features, boxes, owners = map_of(seed), regions_of(number, seed), torch.arange(number) % 2
    found = roi_pool(features, boxes, owners, 4, bins)
    assert found.shape == (number, 3, bins, bins)
    for one, box, owner in zip(found, boxes, owners, strict=True):
        assert torch.equal(one, plain_pool(features[owner], box, 4, bins))


@given(number=st.integers(0, 4), seed=SEEDS, bins=st.integers(1, 4), samples=st.integers(1, 3))
@settings(max_examples=40)
def test_aligned_regions_are_what_the_loop_finds(number, seed, bins, samples):
    features, boxes, owners = map_of(seed), regions_of(number, seed), torch.arange(number) % 2
    found = roi_align(features, boxes, owners, 4, bins, samples)
    assert found.shape == (number, 3, bins, bins)
    for one, box, owner in zip(found, boxes, owners, strict=True):
        torch.testing.assert_close(one, plain_align(features[owner], box, 4, bins, samples))


@given(
    seed=SEEDS,
    down=st.floats(-3, 3),
    across=st.floats(-3, 3),
    bins=st.integers(1, 6),
    samples=st.integers(1, 3),
    stride=st.sampled_from([1, 2, 8, 16]),
)
def test_align_on_a_ramp_is_the_value_at_the_centre_of_each_bin(seed, down, across, bins, samples, stride):
    corner, size = torch.rand(2, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    start = (0.5 + 4 * corner) * stride  # so that every sample lies between the centres of cells
    box = torch.cat([start, start + (0.1 + 4 * size) * stride])
    found = roi_align(ramp(10, 10, down, across), box[None], torch.zeros(1, dtype=torch.int64), stride, bins, samples)
    x, y = bin_centres(box, bins)
    torch.testing.assert_close(found[0, 0], (down * y[:, None] + across * x[None]) / stride)


@given(seed=SEEDS, moved=st.floats(-0.49, 0.49))
def test_pooling_does_not_notice_moves_that_round_away_and_align_does(seed, moved):
    features = ramp(12, 12, 1.0, 2.0)
    box = torch.tensor([[16.0, 24.0, 64.0, 72.0]], dtype=torch.float64)
    owner = torch.zeros(1, dtype=torch.int64)
    assert torch.equal(roi_pool(features, box + 8 * moved, owner, 8), roi_pool(features, box, owner, 8))
    difference = roi_align(features, box + 8 * moved, owner, 8) - roi_align(features, box, owner, 8)
    torch.testing.assert_close(difference, torch.full_like(difference, 3 * moved))


@given(number=st.integers(1, 5), seed=SEEDS, stride=st.integers(1, 16))
def test_rounding_moves_a_border_by_half_a_cell_at_most(number, seed, stride):
    boxes = regions_of(number, seed)
    moves = (rounded(boxes, stride) - boxes)[:, :2]
    assert (moves.abs() <= stride / 2 + 1e-9).all()


def test_a_region_of_one_value_has_that_value_in_every_bin_by_both_methods():
    boxes, owners = torch.tensor([[0.0, 0, 32, 32], [9, 5, 10, 6]]), torch.zeros(2, dtype=torch.int64)
    for method in (roi_pool, roi_align):
        assert torch.equal(method(torch.full((1, 2, 8, 8), 3.0), boxes, owners, 4), torch.full((2, 2, 7, 7), 3.0))


def test_a_region_outside_the_map_is_zero():
    far = torch.tensor([[400.0, 400, 430, 430], [-90, -90, -50, -60]])
    for method in (roi_pool, roi_align):
        assert not method(torch.ones(1, 2, 8, 8), far, torch.zeros(2, dtype=torch.int64), 4).any()


def test_gradients_of_regions_are_right():
    features, boxes, owners = map_of(1), regions_of(4, 3)[1:4], torch.tensor([0, 1, 1])
    features.requires_grad_()
    assert torch.autograd.gradcheck(lambda values: roi_align(values, boxes, owners, 4, 2), features)
    assert torch.autograd.gradcheck(lambda values: roi_pool(values, boxes, owners, 4, 2), features)


def test_align_passes_gradients_to_the_box_and_pooling_does_not():
    box = torch.tensor([[17.0, 21.0, 45.0, 60.0]], dtype=torch.float64, requires_grad=True)
    owner = torch.zeros(1, dtype=torch.int64)
    (gradient,) = torch.autograd.grad(roi_align(ramp(12, 12, 0, 1), box, owner, 8, 2).sum(), box)
    torch.testing.assert_close(gradient, torch.tensor([[0.25, 0, 0.25, 0]], dtype=torch.float64))  # four bins, half, /8
    features = ramp(12, 12, 0, 1).requires_grad_()
    assert torch.autograd.grad(roi_pool(features, box, owner, 8, 2).sum(), box, allow_unused=True) == (None,)


@given(first=ANYTHING, second=ANYTHING, third=ANYTHING, bins=st.sampled_from([0, 1, 2.5, None]))
def test_nothing_but_value_and_type_errors_escape_from_regions(first, second, third, bins):
    for method in (roi_pool, roi_align):
        with contextlib.suppress(TypeError, ValueError):
            method(first, second, third, 4, bins)


@pytest.mark.parametrize("method", [roi_pool, roi_align])
def test_owners_must_number_the_images(method):
    box = torch.tensor([[0.0, 0, 8, 8]])
    with pytest.raises(ValueError, match="owners must lie from 0 to 1"):
        method(torch.zeros(2, 1, 4, 4), box, torch.tensor([2]), 4)
    with pytest.raises(TypeError, match=r"float32.*long"):
        method(torch.zeros(2, 1, 4, 4), box, torch.tensor([1.0]), 4)


# the four losses, each alone


def test_objectness_by_hand():
    """ln 2 for a doubtful anchor; −ln 0.9 for one that is 90 % sure and right; −ln 0.1 for one sure and wrong."""
    sure = math.log(9)
    found = loss_objectness(torch.tensor([0.0, sure, sure]), torch.tensor([True, True, False]))
    assert float(found) == pytest.approx((math.log(2) - math.log(0.9) - math.log(0.1)) / 3)


@given(number=st.integers(1, 20), seed=SEEDS, scale=st.sampled_from([1.0, 30.0]))
def test_objectness_is_the_library_s_logistic_loss(number, seed, scale):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(number, generator=generator, dtype=torch.float64)
    positive = torch.rand(number, generator=generator) < 0.5
    expected = F.binary_cross_entropy_with_logits(logits, positive.double())
    torch.testing.assert_close(loss_objectness(logits, positive), expected)
    two = torch.stack([torch.zeros_like(logits), logits], dim=1)  # the paper's softmax over two numbers
    torch.testing.assert_close(F.cross_entropy(two, positive.long()), expected)


def test_the_moves_of_anchors_by_hand():
    """With β = 1/9: 0.1 lies in the parabola, 9·0.01/2 = 0.045; 1 does not, 1 − 1/18; 64 anchors were sampled."""
    moves = torch.tensor([[0.1, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    found = loss_rpn_box_reg(moves, torch.zeros(2, 4), 64)
    assert float(found) == pytest.approx((0.045 + 17 / 18) / 64)
    assert float(loss_rpn_box_reg(moves, moves, 64)) == 0


def test_the_classifier_by_hand():
    """Probabilities (1/2, 1/4, 1/4) for the background, and the same for class 1."""
    logits = torch.tensor([[2.0, 1, 1], [2, 1, 1]]).log()
    assert float(loss_classifier(logits, torch.tensor([0, 1]))) == pytest.approx(1.5 * math.log(2))


@given(number=st.integers(1, 12), seed=SEEDS)
def test_the_classifier_is_the_library_s_cross_entropy(number, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 5 * torch.randn(number, 7, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 7, (number,), generator=generator)
    torch.testing.assert_close(loss_classifier(logits, labels), F.cross_entropy(logits, labels))


def test_the_moves_of_regions_by_hand():
    """Region 0 is background and does not count, but is counted; region 1 is of class 1 and misses by 2 and by 0.5."""
    moves = torch.zeros(2, 3, 4)
    moves[0] = 7
    moves[1, 0] = 9
    moves[1, 1] = torch.tensor([2.0, 0.5, 0.0, 0.0])
    found = loss_box_reg(moves, torch.zeros(2, 4), torch.tensor([0, 2]))
    assert float(found) == pytest.approx((1.5 + 0.125) / 2)


def test_the_moves_of_regions_teach_the_true_class_alone():
    moves = torch.randn(3, 4, 4, requires_grad=True)
    loss_box_reg(moves, torch.randn(3, 4), torch.tensor([0, 1, 4])).backward()
    taught = moves.grad.abs().sum(dim=2) > 0
    assert taught.tolist() == [[False] * 4, [True, False, False, False], [False, False, False, True]]


@given(seed=SEEDS, beta=st.floats(0.05, 3))
def test_smooth_l1_is_the_library_s(seed, beta):
    difference = 3 * torch.randn(30, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    expected = F.smooth_l1_loss(difference, torch.zeros_like(difference), beta=beta, reduction="none")
    torch.testing.assert_close(smooth_l1(difference, beta), expected)
    torch.testing.assert_close(smooth_l1(difference, 0), difference.abs())


def test_losses_of_nothing_are_zero_and_pass_gradients():
    logits, moves = torch.zeros(0, requires_grad=True), torch.zeros(0, 4, requires_grad=True)
    parts = [
        loss_objectness(logits, torch.zeros(0)),
        loss_rpn_box_reg(moves, torch.zeros(0, 4), 0),
        loss_classifier(moves, torch.zeros(0, dtype=torch.int64)),
        loss_box_reg(moves[:, None], torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)),
    ]
    assert [float(part.detach()) for part in parts] == [0, 0, 0, 0]
    torch.stack(parts).sum().backward()


@given(first=ANYTHING, second=ANYTHING, third=ANYTHING)
def test_nothing_but_value_and_type_errors_escape_from_losses(first, second, third):
    for call in (
        lambda: loss_objectness(first, second),
        lambda: loss_rpn_box_reg(first, second, third),
        lambda: loss_classifier(first, second),
        lambda: loss_box_reg(first, second, third),
    ):
        with contextlib.suppress(TypeError, ValueError):
            call()


def test_labels_must_fit_the_columns():
    with pytest.raises(ValueError, match="from 0, the background, to 2"):
        loss_classifier(torch.zeros(1, 3), torch.tensor([3]))
    with pytest.raises(TypeError, match="count classes, as int64"):
        loss_classifier(torch.zeros(1, 3), torch.tensor([1.0]))


# sampling


@given(
    positive=st.integers(0, 30),
    background=st.integers(0, 30),
    between=st.integers(0, 10),
    number=st.integers(1, 40),
    share=st.sampled_from([0, 0.25, 0.5, 1]),
    seed=SEEDS,
)
def test_a_sample_holds_as_many_as_it_may_of_either_kind(positive, background, between, number, share, seed):
    matches = torch.tensor([3] * positive + [-1] * background + [-2] * between, dtype=torch.int64)
    generator = torch.Generator().manual_seed(seed)
    matches = matches[torch.randperm(len(matches), generator=generator)]
    first, second = sample(matches, number, share, generator)
    assert (matches[first] >= 0).all()
    assert (matches[second] == -1).all()
    assert len(first) == min(positive, int(number * share))
    assert len(second) == min(background, number - len(first))
    assert len(set(first.tolist())) == len(first)
    assert len(set(second.tolist())) == len(second)


def test_every_anchor_is_drawn_as_often_as_its_equals():
    matches, generator = torch.tensor([-1] * 8), torch.Generator().manual_seed(1)
    counts = sum(torch.bincount(sample(matches, 2, 0.5, generator)[1], minlength=8) for _ in range(2000))
    assert ((counts - 500).abs() < 90).all()  # four standard deviations


def test_regions_take_the_class_of_the_object_that_they_overlap_most():
    boxes = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10]])
    regions = torch.tensor([[0.0, 0, 10, 10], [21, 0, 31, 10], [5, 0, 15, 10], [50, 50, 60, 60]])
    matches, classes = label_regions(regions, boxes, torch.tensor([4, 0]))
    assert matches.tolist() == [0, 1, -1, -1]
    assert classes.tolist() == [5, 1, 0, 0]
    empty, background = label_regions(regions, EMPTY, torch.zeros(0, dtype=torch.int64))
    assert empty.tolist() == [-1] * 4
    assert background.tolist() == [0] * 4


# the whole network


@pytest.fixture(scope="module")
def held_out():
    return scene_sets.load("test", 24, 96)


def untrained(seed=0):
    torch.manual_seed(seed)
    return FasterRCNN()


def test_there_are_four_losses_and_all_parts_learn_from_their_sum(held_out):
    network = untrained().train()
    losses = network.losses(*held_out.for_detection().batch(torch.arange(4)))
    assert tuple(losses) == LOSSES
    assert all(part.dim() == 0 and part > 0 for part in losses.values())
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize(
    ("name", "silent"),
    [
        ("loss_objectness", ("rpn.moves", "head.")),
        ("loss_rpn_box_reg", ("rpn.objectness", "head.")),
        ("loss_classifier", ("rpn.", "head.moves")),
        ("loss_box_reg", ("rpn.", "head.classes")),
    ],
)
def test_each_loss_teaches_its_own_layers_and_the_shared_ones(held_out, name, silent):
    """No gradient of the head's losses reaches the proposal network: where a proposal lies is a fact for the head."""
    network = untrained().train()
    network.losses(*held_out.for_detection().batch(torch.arange(4)))[name].backward()
    for parameter, value in network.named_parameters():
        quiet = value.grad is None or not value.grad.any()
        assert quiet == parameter.startswith(silent), parameter


def test_untrained_the_classifier_doubts_as_chance_says(held_out):
    losses = mean_losses(untrained().eval(), held_out)
    assert losses["loss_objectness"] == pytest.approx(math.log(2), abs=0.02)
    assert losses["loss_classifier"] == pytest.approx(math.log(7), abs=0.1)


def test_mean_losses_leave_the_random_numbers_alone(held_out):
    network = untrained().eval()
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    assert mean_losses(network, held_out) == mean_losses(network, held_out)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("size", [(96, 96), (97, 61), (8, 8), (7, 130), (1, 1)])
@pytest.mark.parametrize("seed", [0, None])
def test_images_of_odd_sizes_have_boxes_inside_them(size, seed):
    network = load() if seed is None else untrained(seed).eval()
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        answers = network(images)
        _, proposals = network.propose(images)
    assert len(answers) == 2
    border = torch.tensor([size[1], size[0]] * 2)
    for one, proposed in zip(answers, proposals, strict=True):
        assert isinstance(one, Detections)
        assert ((one.boxes >= 0) & (one.boxes <= border)).all()
        assert (one.boxes[:, 2:] > one.boxes[:, :2]).all()
        assert ((one.labels >= 0) & (one.labels < 6)).all()
        assert (one.scores.diff() <= 0).all()
        assert proposed.boxes.shape == (len(network.anchors(size)), 4)


def test_no_image_gives_no_answer():
    assert load()(torch.zeros(0, 3, 96, 96)) == []


@pytest.mark.parametrize("size", [(96, 96), (40, 57)])
def test_a_batch_finds_what_single_images_find(held_out, size):
    images = held_out.for_detection().batch(torch.arange(3))[0][:, :, : size[0], : size[1]]
    with torch.no_grad():
        together = load()(images)
        alone = [load()(image[None])[0] for image in images]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one.boxes, other.boxes, rtol=1e-3, atol=1e-2)
        assert torch.equal(one.labels, other.labels)


EDGES = {
    "an image without objects": (torch.zeros(1, 2, 4), torch.full((1, 2), -1)),
    "no room for objects at all": (torch.zeros(1, 0, 4), torch.zeros(1, 0, dtype=torch.int64)),
    "a box of one pixel": (torch.tensor([[[40.0, 50, 41, 51]]]), torch.tensor([[2]])),
    "a box outside the image": (torch.tensor([[[200.0, 200, 230, 230]]]), torch.tensor([[2]])),
    "a box over the border": (torch.tensor([[[-20.0, 70, 30, 130]]]), torch.tensor([[2]])),
    "a box without area": (torch.tensor([[[40.0, 50, 40, 70]]]), torch.tensor([[2]])),
}


@pytest.mark.parametrize("name", EDGES)
def test_it_can_learn_from(name):
    boxes, labels = EDGES[name]
    network = untrained().train()
    losses = network.losses(torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(1)), boxes, labels)
    assert all(bool(part.isfinite()) for part in losses.values())
    torch.stack(list(losses.values())).sum().backward()
    there = name in ("a box of one pixel", "a box over the border")
    assert (float(losses["loss_rpn_box_reg"].detach()) > 0) == there
    assert (float(losses["loss_box_reg"].detach()) > 0) == there


def test_it_refuses_images_that_are_none():
    for images in (torch.zeros(3, 96, 96), torch.zeros(1, 1, 96, 96), "image", torch.zeros(1, 3, 0, 5)):
        with pytest.raises((TypeError, ValueError), match="image"):
            load()(images)


def test_a_few_steps_lower_the_sum_of_the_losses():
    few = scene_sets.load("train", 8, 64)
    settings_ = Settings(epochs=8, batch_size=8, learning_rate=2e-3, optimizer="adamw", precision="float32")
    history = train(untrained(), few.for_detection(), settings_, loss=joint_loss, progress=False)
    assert history.loss[-1] < 0.75 * history.loss[0]


# what comes with the course


def test_the_stored_network_is_as_good_as_its_log_says(held_out):
    """The log is about 500 scenes; the first 24 of them say nearly the same."""
    result = evaluate(load(), held_out, batch_size=8)
    assert log()["runs"][0]["mean_average_precision"] > 0.9
    assert abs(result.mean_average_precision - log()["runs"][0]["mean_average_precision"]) < 0.06


def test_the_log_tells_of_several_seeds_and_of_all_losses():
    stored = log()
    assert len({run["seed"] for run in stored["runs"]}) == len(stored["runs"]) >= 2
    for run in stored["runs"]:
        assert run["mean_average_precision"] > 0.9
        assert {len(run["history"][name]) for name in (*LOSSES, "loss", "score")} == {stored["settings"]["epochs"]}
    assert str(TESTED) in stored["data"]
    assert PLACE.stat().st_size == stored["bytes"] < 1.5e6


def test_an_image_of_nothing_shows_nothing():
    (found,) = load()(torch.zeros(1, 3, 96, 96))
    assert len(found.boxes) == 0 or found.scores.max() < 0.5


def test_each_detection_is_apart_from_better_ones_of_its_class(held_out):
    with torch.no_grad():
        for found in load()(held_out.for_detection().batch(torch.arange(8))[0]):
            same = (found.labels[:, None] == found.labels).triu(diagonal=1)
            assert (iou(found.boxes, found.boxes)[same] <= load().choices.detection_iou).all()


def test_training_writes_weights_and_log(tmp_path, monkeypatch):
    module = "cnncourse.applications.faster_rcnn.train"
    for name, value in {"SIZE": 32, "SCENES": 16, "WATCHED": 4, "TESTED": 4}.items():
        monkeypatch.setattr(f"{module}.{name}", value)
    output = tmp_path / "weights.pt"
    main(["--output", str(output), "--seeds", "1", "2", "--epochs", "1", "--checkpoints", str(tmp_path)])
    assert output.stat().st_size < 1.5e6
    assert '"seed": 2' in output.with_suffix(".json").read_text(encoding="utf-8")
