"""Face verification: losses and mining against loops, rates against scikit-learn, counts, the stored trainings."""

import json
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve
from torch import nn

from cnncourse.applications.face_verification import (
    DeepFace,
    FaceEmbedding,
    People,
    accuracy_at,
    alignment,
    audit,
    best_threshold,
    contrastive_loss,
    draw_pairs,
    embed,
    equal_error_rate,
    fold_accuracy,
    interval_over_people,
    layer_rows,
    pretrained,
    random_triplets,
    results,
    roc,
    semi_hard_triplets,
    squared_distances,
    tar_at_far,
    train,
    triplet_loss,
    wilson,
)
from cnncourse.applications.face_verification.deepface import (
    LAYERS,
    local_weights,
    parameters_of,
    positions_of,
    share_of,
)
from cnncourse.data import faces, orl_faces

SEEDS = st.integers(0, 10_000)


def unit_vectors(number, dimensions=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(number, dimensions, generator=generator, dtype=torch.float64), dim=1)


def judged_pairs(seed, number=60, levels=0):
    """Distances that overlap; with `levels`, many of them are equal."""
    dice = np.random.default_rng(seed)
    same = dice.random(number) < 0.5
    distances = dice.normal(1 - 0.5 * same, 0.4).clip(0)
    return torch.from_numpy(distances.round(1) if levels else distances), torch.from_numpy(same)


# Losses ---------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, margin=st.floats(0, 2))
def test_contrastive_loss_is_the_formula_pair_by_pair(seed, margin):
    first, second = unit_vectors(7, seed=seed), unit_vectors(7, seed=seed + 1)
    same = torch.arange(7) % 2 == 0
    by_hand = [
        0.5 * math.dist(a, b) ** 2 if s else 0.5 * max(0, margin - math.dist(a, b)) ** 2
        for a, b, s in zip(first.tolist(), second.tolist(), same.tolist(), strict=True)
    ]
    assert float(contrastive_loss(first, second, same, margin)) == pytest.approx(sum(by_hand) / 7, abs=1e-12)


def test_contrastive_loss_has_a_gradient_where_two_pictures_have_one_embedding():
    point = torch.ones(2, 3, requires_grad=True)
    loss = contrastive_loss(point, torch.ones(2, 3), torch.tensor([True, False]))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0.25)
    assert torch.equal(point.grad, torch.zeros(2, 3))


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, margin=st.floats(0.001, 1))
def test_triplet_loss_equals_torchs_up_to_the_square(seed, margin):
    anchor, positive, negative = (unit_vectors(9, seed=seed + k) for k in range(3))
    torchs = nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: ((a - b) ** 2).sum(1), margin=margin)
    assert float(triplet_loss(anchor, positive, negative, margin)) == pytest.approx(
        float(torchs(anchor, positive, negative)), abs=1e-12
    )


def test_no_pairs_and_no_triplets_cost_nothing():
    none = torch.zeros(0, 4, requires_grad=True)
    assert float(contrastive_loss(none, none, torch.zeros(0, dtype=torch.bool)).detach()) == 0
    triplet_loss(none, none, none).backward()
    assert float(triplet_loss(none, none, none).detach()) == 0


def test_distances_are_those_of_cdist_and_nothing_is_far_from_itself():
    vectors = unit_vectors(12)
    assert torch.allclose(squared_distances(vectors), torch.cdist(vectors, vectors) ** 2)
    assert (squared_distances(vectors.float()).diagonal() == 0).all()
    assert squared_distances(torch.zeros(0, 4)).shape == (0, 0)
    assert torch.allclose(squared_distances(vectors), 2 - 2 * vectors @ vectors.T)  # on the unit sphere


def semi_hard_by_loops(distances, people, margin):
    found = []
    for a in range(len(people)):
        for p in range(len(people)):
            if a == p or people[a] != people[p]:
                continue
            best, chosen = math.inf, None
            for n in range(len(people)):
                d = float(distances[a, n])
                if people[n] != people[a] and float(distances[a, p]) < d < float(distances[a, p]) + margin and d < best:
                    best, chosen = d, n
            if chosen is not None:
                found.append([a, p, chosen])
    return found


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, margin=st.floats(0, 2), people=st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_semi_hard_mining_is_the_definition_written_as_loops(seed, margin, people):
    distances = squared_distances(unit_vectors(len(people), 3, seed))
    mined = semi_hard_triplets(distances, torch.tensor(people), margin)
    assert mined.tolist() == semi_hard_by_loops(distances, people, margin)


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, people=st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_random_mining_takes_one_stranger_for_each_pair_of_a_person(seed, people):
    who = torch.tensor(people)
    mined = random_triplets(squared_distances(unit_vectors(len(people), 3, seed)), who)
    pairs = sum(a != p and people[a] == people[p] for a in range(len(people)) for p in range(len(people)))
    assert len(mined) == (pairs if len(set(people)) > 1 else 0)
    anchor, positive, negative = mined.T
    assert (who[anchor] == who[positive]).all()
    assert (anchor != positive).all()
    assert (who[anchor] != who[negative]).all()


# Rates ----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, levels=st.booleans())
def test_the_curve_is_scikit_learns(seed, levels):
    distances, same = judged_pairs(seed, levels=levels)
    ours = roc(distances, same)
    far, tar, thresholds = roc_curve(same.numpy(), -distances.numpy(), drop_intermediate=False)
    np.testing.assert_allclose(ours.far, far)
    np.testing.assert_allclose(ours.tar, tar)
    np.testing.assert_allclose(ours.thresholds[1:], -thresholds[1:])


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, levels=st.booleans())
def test_the_equal_error_rate_lies_where_scikit_learns_curve_crosses_the_diagonal(seed, levels):
    distances, same = judged_pairs(seed, levels=levels)
    far, tar, _ = roc_curve(same.numpy(), -distances.numpy(), drop_intermediate=False)
    fine = np.linspace(0, 1, 100_001)
    part = np.concatenate([np.arange(len(far) - 1)[:, None] + fine[None, ::2000]], axis=1).ravel()
    x, y = np.interp(part, np.arange(len(far)), far), np.interp(part, np.arange(len(far)), tar)
    nearest = np.abs(x + y - 1).argmin()
    assert equal_error_rate(roc(distances, same)) == pytest.approx(x[nearest], abs=0.01)


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, allowed=st.floats(0, 1), levels=st.booleans())
def test_tar_at_far_is_the_best_of_scikit_learns_points_that_are_allowed(seed, allowed, levels):
    distances, same = judged_pairs(seed, levels=levels)
    far, tar, _ = roc_curve(same.numpy(), -distances.numpy(), drop_intermediate=False)
    assert tar_at_far(roc(distances, same), allowed) == pytest.approx(tar[far <= allowed].max())


def test_perfect_and_useless_and_reversed_answers():
    same = torch.tensor([True, True, False, False])
    for distances, rate in (([0.1, 0.2, 0.8, 0.9], 0), ([0.5] * 4, 0.5), ([0.8, 0.9, 0.1, 0.2], 1)):
        assert equal_error_rate(roc(torch.tensor(distances), same)) == pytest.approx(rate)


def test_one_kind_of_pair_or_none_at_all_gives_no_rate():
    for same in (torch.ones(3, dtype=torch.bool), torch.zeros(3, dtype=torch.bool), torch.zeros(0, dtype=torch.bool)):
        curve = roc(torch.arange(len(same)).double(), same)
        assert math.isnan(equal_error_rate(curve))
        if not same.any():
            assert curve.tar.isnan().all()
    assert math.isnan(tar_at_far(roc(torch.ones(2), torch.ones(2, dtype=torch.bool)), 0.1))
    assert math.isnan(accuracy_at(torch.zeros(0), torch.zeros(0, dtype=torch.bool), 0.5))


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, levels=st.booleans(), number=st.integers(1, 30))
def test_no_threshold_is_better_than_the_best_one(seed, levels, number):
    distances, same = judged_pairs(seed, number, levels)
    chosen = accuracy_at(distances, same, best_threshold(distances, same))
    tried = [-1.0, *distances.tolist(), 9.0]
    assert chosen == pytest.approx(max(accuracy_at(distances, same, t) for t in tried))


def test_the_threshold_of_a_fold_comes_from_the_others():
    distances = torch.tensor([0.1, 0.3, 0.1, 0.3, 0.6, 0.9])
    same = torch.tensor([True, False, True, False, True, False])
    fold = torch.tensor([0, 0, 1, 1, 2, 2])
    judged = fold_accuracy(distances, same, fold)
    assert judged.accuracies.tolist() == [1, 1, 0.5]  # the last fold would have wanted a threshold of its own
    assert judged.thresholds[2] == pytest.approx(0.2)
    assert judged.standard_error == pytest.approx(np.std([1, 1, 0.5], ddof=1) / math.sqrt(3))
    with pytest.raises(ValueError, match="1 folds; at least two"):
        fold_accuracy(distances, same, torch.zeros(6, dtype=torch.int64))


# Pairs ----------------------------------------------------------------------------------------------------------


def test_folds_share_no_person_and_pairs_are_what_they_say():
    people = torch.arange(30).repeat_interleave(4)
    pairs = draw_pairs(people, 15, 5)
    assert len(pairs) == 150
    assert torch.equal(people[pairs.first] == people[pairs.second], pairs.same)
    assert (pairs.first != pairs.second).all()
    assert len({(a, b) for a, b in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)}) == 150
    for fold in range(5):
        here, there = (
            set(people[torch.cat([pairs.first[mask], pairs.second[mask]])].tolist())
            for mask in (pairs.fold == fold, pairs.fold != fold)
        )
        assert not here & there
        assert int(pairs.same[pairs.fold == fold].sum()) == 15


def test_with_groups_both_of_a_pair_are_of_one():
    people = torch.arange(12).repeat_interleave(3)
    groups = people % 2
    pairs = draw_pairs(people, 40, 2, groups=groups)
    assert (groups[pairs.first] == groups[pairs.second]).all()


def test_one_person_makes_no_pair_of_two_and_one_picture_none_at_all():
    alone = draw_pairs(torch.zeros(4, dtype=torch.int64), 9, 1)
    assert alone.same.all()
    assert len(alone) == 6
    assert len(draw_pairs(torch.zeros(1, dtype=torch.int64), 9, 1)) == 0
    assert not draw_pairs(torch.arange(5), 99, 1).same.any()
    with pytest.raises(ValueError, match="only 1 persons"):
        draw_pairs(torch.zeros(4, dtype=torch.int64), 9, 2)


# Audit ----------------------------------------------------------------------------------------------------------


def test_wilsons_interval_holds_the_share_and_does_not_vanish_without_errors():
    assert wilson(0, 100) == (0, pytest.approx(0.0370, abs=1e-4))
    assert wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(100, 100) == (pytest.approx(0.9630, abs=1e-4), 1)
    assert all(math.isnan(end) for end in wilson(0, 0))


def test_an_audit_counts_both_errors_of_each_group_and_an_empty_group_has_none():
    distances = torch.tensor([0.1, 0.9, 0.2, 0.8, 0.3, 0.7])
    same = torch.tensor([True, True, False, False, True, False])
    valley, coast, empty = audit(distances, same, torch.tensor([0, 0, 0, 0, 1, 1]), 0.5, ("valley", "coast", "nobody"))
    assert (valley.false_refusals.errors, valley.false_refusals.number) == (1, 2)
    assert (valley.false_matches.errors, valley.false_matches.share) == (1, 0.5)
    assert (coast.false_refusals.share, coast.false_matches.share) == (0, 0)
    assert math.isnan(empty.false_matches.share)
    assert math.isnan(empty.false_matches.low)
    with pytest.raises(ValueError, match="there are 1 names"):
        audit(distances, same, torch.tensor([0, 0, 0, 0, 1, 1]), 0.5, ("valley",))


def test_pairs_that_share_people_make_the_interval_wider():
    people = torch.arange(20).repeat_interleave(10)
    pairs = draw_pairs(people, 900, 1)
    pairs = pairs.select(pairs.same)
    errors = people[pairs.first] < 4  # four persons are always refused
    low, high = interval_over_people(errors, pairs, people)
    narrow = wilson(int(errors.sum()), len(errors))
    assert low < 0.2 < high
    assert high - low > 3 * (narrow[1] - narrow[0])
    nothing = pairs.select(torch.zeros(0, dtype=torch.int64))
    assert math.isnan(interval_over_people(torch.zeros(0, dtype=torch.bool), nothing, people)[0])


# DeepFace -------------------------------------------------------------------------------------------------------


def test_deepface_has_the_sizes_and_the_count_of_its_layout():
    rows = {row.name: row for row in layer_rows()}
    assert tuple(rows) == LAYERS
    assert [rows[name].shape[1] for name in LAYERS[:6]] == [142, 71, 63, 55, 25, 21]
    assert parameters_of() == 118_923_774
    assert (local_weights("L4"), local_weights("L4", shared=True)) == (62_726_400, 20_736)
    assert positions_of("L4") == 55 * 55
    assert share_of(("L4", "L5", "L6", "F7", "F8")) == pytest.approx(0.9996, abs=1e-4)
    assert parameters_of(shared=True) < 50e6
    with pytest.raises(ValueError, match="no layer 'L9'"):
        parameters_of("L9")
    with pytest.raises(ValueError, match="'C1' is no local layer"):
        local_weights("C1")


def test_deepface_maps_shapes_on_meta_and_refuses_other_sizes():
    network = DeepFace(device="meta")
    images = torch.zeros(2, 3, 152, 152, device="meta")
    assert network(images).shape == (2, 4030)
    assert network.features(images).shape == (2, 4096)
    with pytest.raises(ValueError, match="expected"):
        network(torch.zeros(2, 3, 153, 152, device="meta"))


# Embeddings and trainings ---------------------------------------------------------------------------------------


def test_embeddings_are_unit_vectors_and_a_pair_costs_one_forward_or_two():
    network = FaceEmbedding()
    some = faces.load("test", 3, 4)
    vectors = embed(network, some)
    assert network.training
    assert vectors.shape == (12, 64)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(12))
    network.eval()
    with torch.no_grad():
        halves = torch.cat([network(some.prepared()[:6]), network(some.prepared()[6:])])
    assert torch.allclose(halves, vectors, atol=1e-6)
    with pytest.raises(ValueError, match="images has shape"):
        network(torch.zeros(1, 3, 32, 32))


def test_a_batch_shows_several_pictures_of_each_person():
    samples = People(faces.load("train", 6, 5), pictures=3)
    images, people = samples.batch(torch.tensor([4, 1]), torch.Generator().manual_seed(1))
    assert images.shape == (6, 1, 32, 32)
    assert people.tolist() == [4, 4, 4, 1, 1, 1]
    assert torch.equal(samples.batch(torch.tensor([0]))[0], samples.source.prepared()[:3])
    assert len(samples) == 6
    with pytest.raises(ValueError, match="pictures is 1"):
        People(samples.source, 1)


@pytest.mark.parametrize("loss", train.LOSSES)
def test_each_loss_learns_a_little_in_a_few_epochs_and_the_same_every_time(loss):
    training = faces.load("train", 30, 6)
    first, history = train.learn(loss, training, seed=1, epochs=6, batch_size=15)
    second, again = train.learn(loss, training, seed=1, epochs=6, batch_size=15)
    assert history.loss == again.loss
    assert torch.equal(embed(first, training), embed(second, training))
    assert history.loss[-1] < history.loss[0]


@pytest.mark.parametrize("uneven", [False, True])
def test_the_stored_embedding_reaches_its_logged_accuracy(uneven):
    test = faces.load("test", *train.TESTED_ON)
    found = train.measure(embed(pretrained(uneven), test), test)
    coast = results.UNEVEN if uneven else results.EVEN
    logged = results.result(coast=coast, seed=0)
    assert found.accuracy == pytest.approx(logged, abs=0.004)
    path = results.WEIGHTS / ("face_verification_uneven.pt" if uneven else "face_verification.pt")
    assert path.stat().st_size < 1_500_000


def test_the_log_holds_every_run_of_the_plan():
    log = results.measured()
    assert [(row["loss"], row["coast"], row["seed"]) for row in log["runs"]] == [
        (loss, coast, seed) for seed in train.SEEDS for loss, coast in train.PLAN
    ]
    assert results.of_pixels() < 0.6 < 0.9 < results.result()
    assert results.result(group="coast", coast=results.UNEVEN) < results.result(group="coast") - 0.05
    assert 0 < results.spread() < 0.02
    assert results.lost_by_coast() > 3
    assert 0.5 < results.on_photographs("pixels") < 1
    with pytest.raises(ValueError, match="not measured"):
        results.result("hope")
    with pytest.raises(ValueError, match="not measured"):
        results.on_photographs("hope")
    with pytest.raises(ValueError, match="seed is 9"):
        results.result(seed=9)


def test_training_people_and_test_people_are_different_ones():
    still = faces.Variation(0, 0, 0, 0, 0, 0)
    seen, unseen = (faces.load(split, 40, 1, variation=still).images.flatten(1) for split in ("train", "test"))
    assert not (seen[:, None] == unseen[None]).all(dim=2).any()


@pytest.mark.skipif(not orl_faces.at_hand(), reason="the ORL faces are not on this machine")
def test_the_number_on_photographs_is_recomputed():
    everybody = orl_faces.load()
    test = everybody.select((everybody.people % 2 == 1).nonzero().flatten())
    found = train.measure(embed(pretrained(), test), test, each=90)
    logged = results.measured()["photographs"][0]["drawn"]["accuracy"]
    assert found.accuracy == pytest.approx(logged, abs=0.004)


# Alignment ------------------------------------------------------------------------------------------------------


def test_the_local_network_begins_as_a_copy_of_the_shared_one():
    images = faces.load("test", 2, 2).prepared()
    networks = []
    for kind in alignment.KINDS:
        torch.manual_seed(0)
        networks.append(alignment.Namer(kind, 7))
    networks[1].last.load_state_dict(networks[0].last.state_dict())
    assert torch.allclose(networks[0](images), networks[1](images), atol=1e-5)
    with pytest.raises(ValueError, match="kind is 'full'"):
        alignment.Namer("full")


def test_moving_repeats_the_border():
    ramp = torch.arange(5.0).expand(1, 1, 2, 5)
    assert alignment.moved(ramp, 2)[0, 0, 0].tolist() == [0, 0, 0, 1, 2]
    assert alignment.moved(ramp, -1)[0, 0, 0].tolist() == [1, 2, 3, 4, 4]


def test_local_layers_win_on_aligned_faces_and_lose_on_shifted_ones_in_the_log():
    assert alignment.mean_right("local") > alignment.mean_right("shared")
    assert alignment.mean_right("local", 3) < alignment.mean_right("shared", 3)
    with pytest.raises(ValueError, match="not measured"):
        alignment.mean_right("local", 5)


def test_a_small_training_names_people_it_knows():
    training, test = alignment.pictures(0, people=5, number=24)
    network = alignment.learn_names("shared", training)
    assert alignment.right_names(network, test) > 0.6
    assert json.loads(alignment.PLACE.read_text(encoding="utf-8"))["shifts"] == list(alignment.SHIFTS)
