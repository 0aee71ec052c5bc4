"""R-CNN: each stage against a trusted peer, then the edges, then the detector that comes with the course."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.segmentation import felzenszwalb
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

from cnncourse.applications.boxes import iou
from cnncourse.applications.rcnn import (
    FOR_SCENES,
    KINDS,
    SIMPLE,
    CropNetwork,
    Strategy,
    best_overlaps,
    fit_machine,
    fit_ridge,
    group,
    hierarchy,
    in_space,
    mine,
    propose,
    recall,
    segment,
    similarities,
    warp,
    with_context,
)
from cnncourse.applications.rcnn.train import propose_all
from cnncourse.data import scene_sets, scenes

SEEDS = st.integers(0, 10**6)


def noise(*shape, seed=0, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def same_partition(first, second):
    """Whether two maps of regions differ by their numbers alone."""
    pairs = np.unique(np.stack([np.asarray(first).ravel(), np.asarray(second).ravel()]), axis=1).shape[1]
    return pairs == len(np.unique(first)) == len(np.unique(second))


# Graph segmentation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [10, 100, 400])
@pytest.mark.parametrize("smallest", [1, 8])
@pytest.mark.parametrize("sigma", [0, 0.8])
def test_segments_match_scikit_image(scale, smallest, sigma):
    image = noise(3, 30, 40, dtype=torch.float64)
    theirs = felzenszwalb(image.permute(1, 2, 0).numpy(), scale=scale, sigma=sigma, min_size=smallest)
    assert same_partition(segment(image, scale, smallest, sigma), theirs)


@given(seed=SEEDS, height=st.integers(1, 12), width=st.integers(1, 12), smallest=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_segments_are_numbered_in_reading_order_and_none_is_too_small(seed, height, width, smallest):
    regions = segment(noise(3, height, width, seed=seed), 50.0, smallest)
    first_seen = list(dict.fromkeys(regions.flatten().tolist()))
    assert first_seen == list(range(len(first_seen)))
    assert len(first_seen) == 1 or int(regions.flatten().bincount().min()) >= smallest


def test_flat_colours_with_sharp_edges_become_one_region_each():
    image = torch.zeros(3, 12, 12)
    image[:, 3:8, 4:9] = 1
    regions = segment(image, 100, 1, sigma=0)
    assert torch.equal(regions, (image[0] > 0).long())


# Grouping --------------------------------------------------------------------------------------------------------


@given(seed=SEEDS, kinds=st.lists(st.sampled_from(KINDS), min_size=1, unique=True))
@settings(max_examples=25, deadline=None)
def test_grouping_matches_a_plain_search_for_the_best_pair(seed, kinds):
    image = noise(3, 9, 11, seed=seed)
    segments = segment(image, 40.0, 6)
    found = group(image, segments, tuple(kinds))
    now = segments.clone()
    for step, pair in enumerate(found.merges.tolist()):
        worth = {}
        for a, b in neighbours(now):
            # describing the merged regions anew gives the same histograms as averaging theirs
            ids, numbered = now.unique(return_inverse=True)
            place = ids.tolist().index
            four = similarities(image, numbered, place(a), place(b))
            worth[a, b] = sum(four[kind] for kind in kinds)
        assert worth[tuple(sorted(pair))] == pytest.approx(max(worth.values()))
        assert found.similarities[step].item() == pytest.approx(max(worth.values()))
        new = int(segments.max()) + 1 + step
        now[(now == pair[0]) | (now == pair[1])] = new
        assert torch.equal(found.regions_after(step + 1), now)
        assert found.sizes[new] == (now == new).sum()
        assert torch.equal(found.boxes[new], scenes.tight_boxes((now == new)[None])[0])
    assert now.unique().numel() == 1


def neighbours(regions):
    pairs = set()
    for a, b in ((regions[:, 1:], regions[:, :-1]), (regions[1:], regions[:-1])):
        pairs |= {tuple(sorted(pair)) for pair in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True)}
    return sorted((a, b) for a, b in pairs if a != b)


def test_similarities_by_hand():
    image = torch.zeros(3, 4, 8)
    image[:, :, 4:] = 0.5
    segments = torch.tensor([0, 0, 1, 1, 2, 2, 2, 2]).expand(4, 8).contiguous()
    alike, other = similarities(image, segments, 0, 1), similarities(image, segments, 0, 2)
    assert alike["colour"] == pytest.approx(1)
    assert other["colour"] == pytest.approx(0)
    assert alike["size"] == pytest.approx(1 - 16 / 32)
    assert alike["fill"] == pytest.approx(1)
    assert other["fill"] == pytest.approx(1 - (32 - 8 - 16) / 32)


def test_one_region_has_nothing_to_merge():
    found = group(torch.zeros(3, 5, 5), torch.zeros(5, 5, dtype=torch.int64))
    assert len(found.merges) == 0
    assert found.boxes.tolist() == [[0, 0, 5, 5]]
    assert torch.equal(found.regions_after(0), found.segments)
    with pytest.raises(ValueError, match="only 0"):
        found.regions_after(1)


# Proposals -------------------------------------------------------------------------------------------------------


def test_proposals_find_the_objects_of_drawn_scenes():
    drawn = [scenes.draw(index, 64, (1, 3), seed=5) for index in range(6)]
    found = [propose(one.image, FOR_SCENES) for one in drawn]
    boxes = [one.boxes for one in drawn]
    assert recall(found, boxes) == 1
    rising = [recall(found, boxes, number) for number in (0, 1, 2, 5, 20, 50)]
    assert rising == sorted(rising)
    assert rising[0] == 0


def test_proposals_lie_in_the_image_have_a_size_and_come_once():
    found = propose(noise(3, 40, 30), SIMPLE, shortest=4)
    assert len(found.unique(dim=0)) == len(found)
    assert (found >= 0).all()
    assert (found <= torch.tensor([30.0, 40, 30, 40])).all()
    assert (found[:, 2:] - found[:, :2] >= 4).all()
    assert len(propose(noise(3, 40, 30), SIMPLE, number=3)) == 3


def test_the_order_comes_from_the_seed():
    image = scenes.draw(1, 64).image
    assert torch.equal(propose(image, SIMPLE, seed=1), propose(image, SIMPLE, seed=1))
    assert not torch.equal(propose(image, SIMPLE, seed=1), propose(image, SIMPLE, seed=2))


def test_an_image_without_edges_has_one_proposal_or_none():
    assert propose(torch.full((3, 20, 20), 0.5), SIMPLE).tolist() == [[0, 0, 20, 20]]
    assert propose(torch.full((3, 2, 2), 0.5), SIMPLE).shape == (0, 4)


@pytest.mark.parametrize("space", ["rgb", "hsv", "lab"])
def test_every_colour_space_stays_in_the_unit_range(space):
    converted = in_space(noise(3, 8, 8), space)
    assert converted.shape == (3, 8, 8)
    assert converted.min() >= 0
    assert converted.max() <= 1


def test_best_overlaps_are_those_of_the_table():
    some, truth = torch.tensor([[0.0, 0, 4, 4], [2, 0, 6, 4]]), torch.tensor([[2.0, 0, 6, 4], [50, 50, 60, 60]])
    assert best_overlaps(some, truth).tolist() == [1, 0]
    assert best_overlaps(some, truth, 1)[0] == iou(truth, some)[0, 0]
    assert best_overlaps(torch.zeros(0, 4), truth).tolist() == [0, 0]
    with pytest.raises(ValueError, match="no object"):
        recall([some], [torch.zeros(0, 4)])


# Warping ---------------------------------------------------------------------------------------------------------


def test_a_crop_of_its_own_size_is_a_slice_of_the_image():
    images = noise(2, 3, 20, 24)
    crops = warp(images, torch.tensor([[3.0, 5, 11, 13], [8, 2, 16, 10]]), 8, 0, torch.tensor([1, 0]))
    torch.testing.assert_close(crops[0], images[1, :, 5:13, 3:11])
    torch.testing.assert_close(crops[1], images[0, :, 2:10, 8:16])


def test_context_shows_what_is_around_the_box():
    boxes = torch.tensor([[6.0, 8, 14, 16]])
    assert with_context(boxes, 16, 4).tolist() == [[2, 4, 18, 20]]
    images = noise(1, 3, 30, 30)
    torch.testing.assert_close(warp(images, boxes, 16, 4)[0], images[0, :, 4:20, 2:18])


def test_boxes_outside_of_the_image_show_the_mean():
    crops = warp(noise(1, 3, 20, 20) + 1, torch.tensor([[-40.0, -40, -20, -20], [100, 5, 120, 25]]), 8, 2)
    assert (crops == 0).all()


def test_a_box_of_one_pixel_is_stretched_and_one_without_area_refused():
    images = noise(1, 3, 9, 9)
    crop = warp(images, torch.tensor([[4.0, 3, 5, 4]]), 7, 0)
    torch.testing.assert_close(crop[0, :, 3, 3], images[0, :, 3, 4])
    with pytest.raises(ValueError, match="no area"):
        warp(images, torch.tensor([[4.0, 3, 4, 9]]))
    assert warp(images, torch.zeros(0, 4), 8, 0).shape == (0, 3, 8, 8)


# Machines and regression -----------------------------------------------------------------------------------------


def clouds(seed=0, positives=40, negatives=3000):
    random = torch.Generator().manual_seed(seed)
    return (
        torch.randn(positives, 6, generator=random) + torch.tensor([2.0, 1, 0, 0, 0, 0]),
        torch.randn(negatives, 6, generator=random),
    )


def test_a_machine_is_scikit_learn_s():
    positives, negatives = clouds(negatives=200)
    machine = fit_machine(positives, negatives, 0.5)
    x, y = torch.cat([positives, negatives]).numpy(), np.array([1] * 40 + [-1] * 200)
    theirs = LinearSVC(C=0.5, dual=False, class_weight="balanced").fit(x, y).decision_function(x)
    np.testing.assert_allclose(machine(torch.from_numpy(x)).numpy(), theirs, atol=1e-4)


def test_mining_ends_where_all_negatives_would_have_led():
    positives, negatives = clouds()
    balanced = fit_machine(positives, negatives, 1.0)
    mined = mine(positives, negatives, chunk=500, rounds=3)
    assert max(mined.cache) < len(negatives)
    everything = torch.cat([positives, negatives])
    agreement = torch.corrcoef(torch.stack([mined(everything), balanced(everything)]))[0, 1]
    assert agreement > 0.97


def test_no_hard_negative_is_forgotten():
    positives, negatives = clouds(seed=3)
    machine = mine(positives, negatives, chunk=500, rounds=4)
    assert machine.cache[-1] >= int((machine(negatives) > -0.9).sum())


def test_regression_is_scikit_learn_s_ridge():
    features, targets = noise(50, 7, seed=1), noise(50, 4, seed=2)
    weight, bias = fit_ridge(features, targets, 3.0)
    theirs = Ridge(alpha=3.0).fit(features.double().numpy(), targets.double().numpy())
    np.testing.assert_allclose(weight.T.numpy(), theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(bias.numpy(), theirs.intercept_, atol=1e-5)


def test_a_large_penalty_leaves_the_mean_target():
    features, targets = noise(50, 7, seed=1), noise(50, 4, seed=2)
    weight, bias = fit_ridge(features, targets, 1e9)
    assert weight.abs().max() < 1e-6
    torch.testing.assert_close(bias, targets.mean(dim=0), atol=1e-4, rtol=0)


# Errors ----------------------------------------------------------------------------------------------------------

ANYTHING = st.one_of(
    st.none(), st.text(max_size=3), st.just(True), st.floats(max_value=-1.0), st.just(float("nan")),
    st.just(torch.tensor(float("nan"))), st.just(torch.full((3, 5, 5), torch.nan)), st.just(torch.zeros(3, 0, 5)),
    st.builds(lambda shape: torch.zeros(shape, dtype=torch.int32), st.lists(st.integers(0, 3), max_size=4)),
)  # fmt: skip


@given(value=ANYTHING)
@settings(deadline=None)
def test_nothing_but_value_and_type_errors_escape(value):
    image, boxes, flat = noise(3, 5, 5), torch.tensor([[0.0, 0, 2, 2]]), torch.zeros(5, 5, dtype=torch.int64)
    x, y = noise(4, 3), noise(4, 2)
    calls = [
        lambda: segment(value), lambda: segment(image, value), lambda: segment(image, 1, value),
        lambda: segment(image, 1, 1, value), lambda: group(value, flat), lambda: group(image, value),
        lambda: group(image, flat, value), lambda: propose(value), lambda: propose(image, value),
        lambda: propose(image, SIMPLE, value), lambda: propose(image, SIMPLE, 5, value),
        lambda: propose(image, SIMPLE, 5, 0, value), lambda: in_space(value, "rgb"), lambda: in_space(image, value),
        lambda: hierarchy(image, Strategy(space=value)), lambda: recall([value], [boxes]),
        lambda: recall([boxes], [boxes], threshold=value), lambda: best_overlaps(value, boxes),
        lambda: warp(value, boxes), lambda: warp(image[None], value), lambda: warp(image[None], boxes, value),
        lambda: warp(image[None], boxes, 8, value), lambda: with_context(value),
        lambda: similarities(image, flat, value, 0), lambda: fit_machine(value, x), lambda: fit_machine(x, value),
        lambda: fit_machine(x, x, value), lambda: mine(value, x), lambda: mine(x, value), lambda: mine(x, x, value),
        lambda: mine(x, x, 2, value), lambda: fit_ridge(value, y), lambda: fit_ridge(x, value),
        lambda: fit_ridge(x, y, value),
    ]  # fmt: skip
    for number, call in enumerate(calls):
        with pytest.raises((ValueError, TypeError)):  # noqa: PT012
            call()
            pytest.fail(f"call {number} took {value!r}")


# Training and network ---------------------------------------------------------------------------------------------


def test_the_objects_themselves_stand_among_the_proposals():
    source = scene_sets.load("train", 6, 48)
    proposals = propose_all(source)
    assert set(proposals.labels[proposals.exact].tolist()) <= set(range(6))
    assert (proposals.overlaps[proposals.exact].max(dim=1).values == 1).all()
    assert (proposals.targets[proposals.exact].abs() < 1e-5).all()


def test_the_network_has_maps_features_and_one_class_more():
    network = CropNetwork(6).eval()
    crops = noise(2, 3, 24, 24)
    assert network.maps(crops).shape == (2, 576)
    assert network.features(crops).shape == (2, 128)
    assert network(crops).shape == (2, 7)
