"""Full-resolution residual networks: shapes, sums, sizes, and every gradient's short way."""

import contextlib

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncourse.applications.frrn import (
    FRRN,
    STAGES,
    FullResolutionResidualUnit,
    ResidualUnit,
    Stage,
    bootstrapped_cross_entropy,
    frrn,
    hardest_pixels,
    narrow,
    pixel_losses,
    unpool,
)
from cnncourse.applications.frrn.network import padded, resized
from cnncourse.applications.frrn.streams import (
    gradient_norms,
    measured_table,
    parameters_of,
    stream_bytes,
    stream_ratio,
    stream_table,
    training_bytes,
    training_gibibytes,
)
from cnncourse.applications.frrn.train import (
    FILES,
    KINDS,
    SIDE,
    TESTED,
    WEIGHTS,
    Kind,
    main,
    mean_of,
    measure,
    measured,
    run,
    scenes,
    trained,
)
from cnncourse.models.counting import parameters

ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(-3, 40), st.floats(), st.text(max_size=3), st.tuples())


def test_a_unit_is_the_formula_of_the_paper():
    torch.manual_seed(0)
    unit = FullResolutionResidualUnit(6, 10, lanes=4, factor=2).eval()
    pooling, residual = torch.randn(2, 6, 3, 4), torch.randn(2, 4, 6, 8)
    maps, after = unit(pooling, residual)
    conv1, norm1, _ = unit.maps[0]
    conv2, norm2, _ = unit.maps[1]
    both = torch.cat([pooling, F.max_pool2d(residual, 2)], dim=1)
    wanted = F.relu(norm2(F.conv2d(F.relu(norm1(F.conv2d(both, conv1.weight, padding=1))), conv2.weight, padding=1)))
    torch.testing.assert_close(maps, wanted)
    change = F.conv2d(wanted, unit.change.weight, unit.change.bias)
    torch.testing.assert_close(after - residual, change.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_a_unit_whose_change_is_zero_leaves_the_residual_stream_alone():
    unit = FullResolutionResidualUnit(6, 10, lanes=4, factor=4)
    torch.nn.init.zeros_(unit.change.weight)
    torch.nn.init.zeros_(unit.change.bias)
    residual = torch.randn(2, 4, 8, 8)
    assert torch.equal(unit(torch.randn(2, 6, 2, 2), residual)[1], residual)


def test_without_lanes_a_unit_is_two_plain_layers():
    unit = FullResolutionResidualUnit(6, 10, lanes=0, factor=2)
    pooling, residual = torch.randn(2, 6, 3, 4), torch.empty(2, 0, 6, 8)
    maps, after = unit(pooling, residual)
    assert unit.change is None
    assert torch.equal(maps, unit.maps(pooling))
    assert after is residual


def test_a_residual_unit_adds_and_projects_only_where_channels_change():
    torch.manual_seed(0)
    maps = torch.randn(2, 5, 4, 4)
    same, other = ResidualUnit(5, 5).eval(), ResidualUnit(5, 7).eval()
    torch.testing.assert_close(same(maps), maps + same.change(maps))
    torch.testing.assert_close(other(maps), F.conv2d(maps, other.shortcut.weight) + other.change(maps))
    assert (same(-torch.ones(1, 5, 4, 4)) < 0).any(), "nothing is rectified behind the sum"


def test_unpooling_repeats_and_average_pooling_undoes_it():
    maps = torch.randn(2, 3, 4, 5)
    assert torch.equal(unpool(maps, 4), maps.repeat_interleave(4, 2).repeat_interleave(4, 3))
    torch.testing.assert_close(F.avg_pool2d(unpool(maps, 4), 4), maps)
    assert unpool(maps, 1) is maps


def test_streams_of_wrong_sizes_are_refused():
    unit = FullResolutionResidualUnit(6, 10, lanes=4, factor=2)
    with pytest.raises(ValueError, match="needs 6×8"):
        unit(torch.zeros(1, 6, 3, 4), torch.zeros(1, 4, 6, 7))


@pytest.mark.parametrize(("variant", "units", "wanted"), [("A", 17, 17_746_803), ("B", 21, 24_755_699)])
def test_the_networks_of_the_paper_have_their_units_and_size(variant, units, wanted):
    network = frrn(variant, device="meta")
    assert len(network.units) == units
    assert parameters(network) == parameters_of(variant) == wanted
    assert network.largest_factor == {"A": 16, "B": 32}[variant]
    assert network(torch.zeros(1, 3, 64, 96, device="meta")).shape == (1, 19, 64, 96)


def test_channels_are_those_of_the_paper():
    table = stream_table(frrn("A", device="meta"), (256, 512))
    assert [row.pooling_channels for row in table] == [48] + 3 * [96] + 4 * [192] + 4 * [384] + 4 * [192] + 2 * [96]
    assert {row.residual_channels for row in table} == {32}
    assert [row.factor for row in table] == [1] + 3 * [2] + 4 * [4] + 2 * [8] + 2 * [16] + 2 * [8] + 2 * [4] + 2 * [2]


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([0, 3]))
def test_every_size_gives_scores_for_every_pixel(height, width, lanes):
    network = narrow(5, base=2, lanes=lanes).eval()
    assert network(torch.zeros(1, 3, height, width)).shape == (1, 5, height, width)


def test_padding_repeats_the_last_pixels_and_fitting_pictures_stay():
    images = torch.arange(6.0).view(1, 1, 2, 3)
    assert padded(images, 2)[0, 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5]]
    assert padded(images, 1) is images
    network = narrow(5, base=2, lanes=2).eval()
    picture = torch.randn(1, 3, 13, 16)
    torch.testing.assert_close(network(picture), network(padded(picture, 8))[:, :, :13])


def test_the_pooling_stream_is_max_pooled_and_enlarged_bilinearly():
    maps = torch.randn(1, 2, 4, 4)
    assert torch.equal(resized(maps, 2), F.max_pool2d(maps, 2))
    assert torch.equal(resized(maps, 0.5), F.interpolate(maps, size=(8, 8), mode="bilinear"))
    assert resized(maps, 1) is maps


def test_the_last_residual_stream_is_the_first_one_and_all_changes():
    torch.manual_seed(0)
    network = narrow(base=3, lanes=2).eval()
    changes = []
    for unit in network.units:
        unit.change.register_forward_hook(lambda _m, _i, out: changes.append(out))
    streams = list(network.streams(torch.randn(1, 3, 16, 24)))
    total = streams[0].residual + sum(
        unpool(change, unit.factor) for change, unit in zip(changes, network.units, strict=True)
    )
    torch.testing.assert_close(streams[-1].residual, total)


@pytest.mark.parametrize("variant", ["A", "B", "narrow"])
def test_the_table_of_streams_is_what_the_tensors_take(variant):
    network = FRRN(variant, device="meta")
    for size in ((64, 96), (33, 70)):
        assert stream_table(network, size) == measured_table(network, size)


def test_the_residual_stream_takes_more_memory_than_the_pooling_stream():
    for variant in "AB":
        assert stream_bytes(variant, "residual") > 2 * stream_bytes(variant, "pooling")
        assert stream_ratio(variant) > 2
    assert stream_bytes("A", "residual") == 17 * 32 * 256 * 512 * 4


def test_memory_of_training_grows_with_the_pixels_and_needs_no_weights():
    network = narrow(device="meta")
    small, large = (training_bytes(network, (size, size)) for size in (32, 64))
    assert 3.8 < large / small < 4.2
    assert training_bytes(network, (32, 32), 2) > 1.9 * small
    assert training_gibibytes("A", (32, 32)) * 2**30 > small


def test_on_the_residual_stream_alone_every_unit_gets_its_gradient_and_without_it_none():
    torch.manual_seed(0)
    images, truth = torch.randn(2, 3, 29, 32), torch.randint(0, 7, (2, 29, 32))
    network = narrow()
    direct = gradient_norms(network, images, truth, "residual")
    assert len(direct) == len(network.units)
    assert min(direct) > max(direct) / 3, "the first units are as near to the loss as the last"
    assert gradient_norms(narrow(lanes=0), images, truth, "residual") == [0.0] * 7
    assert min(gradient_norms(narrow(lanes=0), images, truth)) > 0


def test_the_kept_gradients_are_those_of_the_network():
    torch.manual_seed(0)
    images, truth = torch.randn(2, 3, 16, 16), torch.randint(0, 7, (2, 16, 16))
    network = narrow()
    kept = []
    for unit in network.units:
        unit.maps.register_forward_hook(lambda _m, _i, out: kept.append(out))
    wanted = torch.autograd.grad(F.cross_entropy(network(images), truth), kept)
    assert gradient_norms(network, images, truth) == pytest.approx([float(one.norm()) for one in wanted], rel=1e-4)


# The loss -----------------------------------------------------------------------------------------------------------


def by_sorting(scores, truth, k, ignore=255):
    means = []
    for one, wanted in zip(F.log_softmax(scores.double(), dim=1), truth, strict=True):
        counted = [
            -float(one[wanted[y, x], y, x])
            for y in range(wanted.shape[0])
            for x in range(wanted.shape[1])
            if wanted[y, x] != ignore
        ]
        hardest = sorted(counted, reverse=True)[:k]
        means += [sum(hardest) / len(hardest)] if hardest else []
    return sum(means) / len(means) if means else 0.0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(1, 40), st.floats(0, 1))
def test_the_loss_is_what_sorting_gives(seed, k, hidden):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(3, 4, 5, 6, generator=generator).round()  # rounded: many ties
    truth = torch.randint(0, 4, (3, 5, 6), generator=generator)
    truth[torch.rand(3, 5, 6, generator=generator) < hidden] = 255
    assert float(bootstrapped_cross_entropy(scores, truth, k)) == pytest.approx(by_sorting(scores, truth, k), abs=1e-5)


def test_with_all_pixels_it_is_the_cross_entropy():
    scores, truth = torch.randn(2, 3, 4, 5), torch.randint(0, 3, (2, 4, 5))
    for k in (20, 10**6):
        torch.testing.assert_close(bootstrapped_cross_entropy(scores, truth, k), F.cross_entropy(scores, truth))


def test_only_the_hardest_pixels_get_a_gradient():
    torch.manual_seed(0)
    scores = torch.randn(2, 3, 4, 5, requires_grad=True)
    truth = torch.randint(0, 3, (2, 4, 5))
    truth[:, 0] = 255
    bootstrapped_cross_entropy(scores, truth, 4).backward()
    chosen = hardest_pixels(scores, truth, 4)
    assert torch.equal(scores.grad.abs().sum(dim=1) > 0, chosen)
    assert chosen.flatten(1).sum(dim=1).tolist() == [4, 4]
    assert not chosen[truth == 255].any()
    losses = pixel_losses(scores, truth)
    assert losses[0][chosen[0]].min() >= losses[0][~chosen[0]].max()


def test_of_equal_pixels_exactly_k_are_taken():
    scores, truth = torch.zeros(1, 3, 4, 5), torch.zeros(1, 4, 5, dtype=torch.int64)
    assert hardest_pixels(scores, truth, 7).sum() == 7
    assert float(bootstrapped_cross_entropy(scores, truth, 7)) == pytest.approx(torch.tensor(3.0).log().item())


def test_pictures_without_labels_cost_nothing_and_do_not_dilute_others():
    scores = torch.randn(2, 3, 4, 5, requires_grad=True)
    truth = torch.randint(0, 3, (2, 4, 5))
    alone = bootstrapped_cross_entropy(scores[:1], truth[:1], 6)
    truth[1] = 255
    torch.testing.assert_close(bootstrapped_cross_entropy(scores, truth, 6), alone)
    nothing = bootstrapped_cross_entropy(scores, torch.full_like(truth, 255), 6)
    nothing.backward()
    assert float(nothing.detach()) == 0
    assert not scores.grad.any()


def test_sure_answers_of_a_perfect_network_cost_nothing():
    truth = torch.randint(0, 3, (1, 4, 5))
    scores = 100 * F.one_hot(truth, 3).permute(0, 3, 1, 2).float()
    assert float(bootstrapped_cross_entropy(scores, truth, 3)) == 0
    assert hardest_pixels(scores, truth, 3).sum() == 3


# The experiment -----------------------------------------------------------------------------------------------------


def test_every_kind_was_trained_from_the_same_seeds_and_none_is_smaller_than_the_two_streams():
    seeds = {kind: [one.seed for one in measured() if one.kind == kind] for kind in KINDS}
    assert len(set(map(tuple, seeds.values()))) == 1
    assert len(seeds["two streams"]) >= 2
    counts = {one.kind: one.parameters for one in measured()}
    assert counts == {kind: parameters(KINDS[kind].network()) for kind in KINDS}
    assert counts["pooling stream"] >= counts["two streams"]


def test_the_residual_stream_raises_both_measures_from_every_seed():
    by_kind = {kind: [one for one in measured() if one.kind == kind] for kind in KINDS}
    for with_stream, without in zip(by_kind["two streams"], by_kind["pooling stream"], strict=True):
        assert with_stream.mean_iou > without.mean_iou
        assert with_stream.boundary_f > without.boundary_f
    assert mean_of("two streams", "boundary_f") > mean_of("pooling stream", "boundary_f")


@pytest.mark.parametrize("kind", list(FILES))
def test_the_stored_weights_reach_the_stored_measures(kind):
    part = 60
    iou, boundary = measure(trained(kind), scenes("test", part))
    stored = next(one for one in measured() if one.kind == kind and one.seed == 0)
    assert iou == pytest.approx(stored.mean_iou, abs=0.12), f"{part} of {TESTED} scenes vary that much"
    assert boundary == pytest.approx(stored.boundary_f, abs=0.1)
    assert (WEIGHTS / f"{FILES[kind]}.pt").stat().st_size < 1.5e6


def test_a_short_training_lowers_the_loss_and_repeats_exactly(monkeypatch):
    monkeypatch.setattr("cnncourse.applications.frrn.train.TRAINED", 16)
    monkeypatch.setattr("cnncourse.applications.frrn.train.TESTED", 4)
    first, second = (run("hardest pixels", 1, epochs=3)[1] for _ in range(2))
    assert first.loss == second.loss
    assert first.mean_iou == second.mean_iou
    assert first.loss[-1] < first.loss[0]


def test_the_script_writes_weights_and_a_log(tmp_path, monkeypatch):
    for name, value in {"TRAINED": 8, "TESTED": 2, "SETTINGS": {"epochs": 1, "batch_size": 4}}.items():
        monkeypatch.setattr(f"cnncourse.applications.frrn.train.{name}", value)
    main(["--checkpoints", str(tmp_path / "kept"), "--output", str(tmp_path), "--seeds", "1"])
    assert {path.name for path in tmp_path.glob("frrn*")} == {"frrn.json", *(f"{name}.pt" for name in FILES.values())}


def test_the_loss_of_a_kind_counts_the_pixels_it_names():
    network, images = narrow().eval(), torch.randn(1, 3, SIDE, SIDE)
    truth = torch.randint(0, 7, (1, SIDE, SIDE))
    scores = network(images)
    torch.testing.assert_close(
        Kind(narrow, 9).loss(network, images, truth), bootstrapped_cross_entropy(scores, truth, 9)
    )
    torch.testing.assert_close(Kind(narrow, None).loss(network, images, truth), F.cross_entropy(scores, truth))


def test_kinds_and_measures_that_do_not_exist_are_told():
    with pytest.raises(ValueError, match="two streams"):
        trained("three streams")
    with pytest.raises(ValueError, match="boundary_f"):
        mean_of("two streams", "accuracy")
    with pytest.raises(ValueError, match="seed"):
        run("two streams", -1)


# Wrong arguments ----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(ANYTHING, ANYTHING)
def test_wrong_arguments_of_the_loss_are_told(k, ignore):
    scores, truth = torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 2, dtype=torch.int64)
    for function in (bootstrapped_cross_entropy, hardest_pixels):
        with contextlib.suppress(ValueError, TypeError):
            function(scores, truth, k, ignore)


@pytest.mark.parametrize(
    ("scores", "truth", "said"),
    [
        (torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 3, dtype=torch.int64), "shape"),
        (torch.zeros(3, 2, 2), torch.zeros(1, 2, 2, dtype=torch.int64), "shape"),
        (torch.zeros(1, 3, 2, 2), torch.full((1, 2, 2), 3), "classes are 0 to 2"),
        (torch.zeros(1, 3, 0, 2), torch.zeros(1, 0, 2, dtype=torch.int64), "no pixel"),
    ],
)
def test_what_does_not_fit_is_told(scores, truth, said):
    with pytest.raises(ValueError, match=said):
        bootstrapped_cross_entropy(scores, truth, 1)


def test_labels_must_be_whole_numbers_and_scores_none():
    with pytest.raises(TypeError, match="int64"):
        bootstrapped_cross_entropy(torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 2), 1)
    with pytest.raises(TypeError, match="floating"):
        bootstrapped_cross_entropy(torch.zeros(1, 3, 2, 2).long(), torch.zeros(1, 2, 2).long(), 1)


@settings(max_examples=40, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_wrong_arguments_of_the_network_are_told(stages, base, lanes, full_units):
    with contextlib.suppress(ValueError, TypeError):
        FRRN(stages, base=base, lanes=lanes, full_units=full_units, device="meta")


@pytest.mark.parametrize("stages", [(), "C", (Stage(1, 2, 3),), (Stage(0, 2, 2),), (Stage(1, 2, 2), (1, 2, 2))])
def test_stages_that_are_none_are_refused(stages):
    with pytest.raises(ValueError, match=r"stages|factor|units"):
        FRRN(stages, device="meta")


def test_other_words_and_wrong_pictures_are_told():
    with pytest.raises(ValueError, match="A and B"):
        frrn("C")
    with pytest.raises(ValueError, match="choose one of pooling, residual"):
        stream_bytes("A", "both")
    with pytest.raises(ValueError, match="path"):
        gradient_norms(narrow(), torch.zeros(1, 3, 8, 8), torch.zeros(1, 8, 8, dtype=torch.int64), "pooling")
    with pytest.raises(ValueError, match="images"):
        narrow()(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match="height and width"):
        stream_table(narrow(device="meta"), (0, 8))


def test_stages_may_be_given_and_the_named_ones_begin_and_end_at_half_the_size():
    network = FRRN((Stage(1, 1, 1), Stage(1, 2, 4)), base=2, lanes=3, classes=2)
    assert network(torch.zeros(1, 3, 9, 9)).shape == (1, 2, 9, 9)
    assert all(stages[0].factor == stages[-1].factor == 2 for stages in STAGES.values())
