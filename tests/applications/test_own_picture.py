"""Try it with your own picture: calibration, novelty, near-duplicates, the page's file, the log."""

import json
import math
import struct
import zlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncourse.applications import own_picture
from cnncourse.applications.own_picture import known_things, page_file
from cnncourse.data import clothing, ilsvrc
from cnncourse.models import checkpoint, deep_compression
from cnncourse.workbench import downloads, photograph
from cnncourse.workbench.images import PHOTOGRAPHS

HAS_SQUEEZENET = downloads.find(checkpoint(page_file.PREFERRED).resource) is not None
HAS_CLOTHES = downloads.find(clothing.SMALL_COPY) is not None
needs_squeezenet = pytest.mark.skipif(not HAS_SQUEEZENET, reason="the compressed SqueezeNet is not on this machine")


def overconfident(number=4000, classes=5, factor=3.0, seed=0):
    """Labels drawn from known probabilities, and logits that are `factor` times too large."""
    generator = torch.Generator().manual_seed(seed)
    true = torch.randn(number, classes, generator=generator)
    labels = torch.multinomial(true.softmax(dim=1), 1, generator=generator)[:, 0]
    return factor * true, labels


def test_the_temperature_finds_by_how_much_logits_are_too_large():
    logits, labels = overconfident(factor=3.0)
    assert own_picture.fit_temperature(logits, labels) == pytest.approx(3.0, rel=0.08)


def test_the_temperature_is_the_minimum_of_the_likelihood():
    logits, labels = overconfident(number=300)
    best = own_picture.fit_temperature(logits, labels)
    at_best = own_picture.negative_log_likelihood(logits, labels, best)
    for factor in (0.9, 0.99, 1.01, 1.1):
        assert own_picture.negative_log_likelihood(logits, labels, factor * best) > at_best


def test_the_likelihood_is_torch_s_cross_entropy():
    logits, labels = overconfident(number=50)
    expected = torch.nn.functional.cross_entropy(logits.double() / 1.7, labels)
    assert own_picture.negative_log_likelihood(logits, labels, 1.7) == pytest.approx(float(expected))


def test_several_names_can_be_right():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2]]))
    right = torch.tensor([[False, True, True]])
    assert own_picture.negative_log_likelihood(logits, right) == pytest.approx(-math.log(0.5), rel=1e-6)
    confidence, correct = own_picture.answers(logits, right)
    assert confidence.item() == pytest.approx(0.5)
    assert correct.tolist() == [False]


def test_calibration_lowers_the_error_and_keeps_every_answer():
    logits, labels = overconfident()
    before = own_picture.answers(logits, labels)
    after = own_picture.answers(logits, labels, own_picture.fit_temperature(logits, labels))
    assert torch.equal(before[1], after[1])
    assert own_picture.expected_calibration_error(*after) < 0.03 < own_picture.expected_calibration_error(*before)


def test_the_calibration_error_by_hand():
    confidence = torch.tensor([0.9, 0.8, 0.2, 1.0])
    correct = torch.tensor([True, False, True, True])
    expected = 3 / 4 * abs(2 / 3 - 0.9) + 1 / 4 * 0.8
    assert own_picture.expected_calibration_error(confidence, correct, bins=2) == pytest.approx(expected)
    assert sum(row.number for row in own_picture.reliability(confidence, correct)) == 4


def test_the_largest_logit_tells_what_softmax_forgets():
    logits = torch.tensor([[20.0, 10.0], [12.0, 2.0]])
    assert len(own_picture.largest_probability(logits).unique()) == 1
    assert own_picture.largest_logit(logits).tolist() == [20, 12]
    torch.testing.assert_close(own_picture.total_evidence(logits), logits.double().logsumexp(dim=1))


def test_separation_counts_pairs_and_ties_half():
    known, unknown = torch.tensor([3.0, 2.0, 2.0]), torch.tensor([1.0, 2.0])
    wins = sum((a > b) + 0.5 * (a == b) for a in known.tolist() for b in unknown.tolist())
    assert own_picture.separation(known, unknown) == pytest.approx(wins / 6)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30), st.floats(0.01, 1.0))
def test_the_threshold_keeps_the_share_and_no_higher_one_does(values, share):
    scores = torch.tensor(values, dtype=torch.float64)
    threshold = own_picture.threshold_for(scores, share)
    assert own_picture.share_accepted(scores, threshold) >= share - 1e-6
    higher = scores[scores > threshold]
    if len(higher):
        assert own_picture.share_accepted(scores, float(higher.min())) < share


@pytest.mark.parametrize("change", own_picture.CHANGES)
def test_a_changed_copy_is_found_again(change):
    originals = [(photograph(name).expand(3, -1, -1) * 255).to(torch.uint8) for name in PHOTOGRAPHS]
    copies = own_picture.hashes([own_picture.CHANGES[change](image) for image in originals])
    apart = own_picture.distances(copies, own_picture.hashes(originals))
    assert apart.argmin(dim=1).tolist() == list(range(len(originals)))


def test_a_mirror_image_has_mirrored_bits():
    image = photograph("chelsea")
    bits = own_picture.difference_hash(image.flip(-1))
    assert (bits != own_picture.mirrored(own_picture.difference_hash(image))).sum() <= 1
    assert torch.equal(own_picture.mirrored(own_picture.mirrored(bits)), bits)


def test_the_bits_do_not_depend_on_scale_or_range():
    image = photograph("coffee")
    bits = own_picture.difference_hash(image)
    assert (bits != own_picture.difference_hash(255 * image)).sum() == 0
    assert own_picture.difference_hash(torch.zeros(1, 1, 1)).sum() == 0


def test_pairs_are_listed_with_the_closest_first():
    first = torch.zeros(2, 64, dtype=torch.bool)
    first[1, :3] = True
    second = torch.zeros(1, 64, dtype=torch.bool)
    assert own_picture.near_duplicates(first, second, mirror=False) == [(0, 0, 0), (1, 0, 3)]
    assert own_picture.near_duplicates(first, second, most=2, mirror=False) == [(0, 0, 0)]
    assert own_picture.near_duplicates(first[:0], second) == []


def test_a_standard_error_by_hand():
    assert own_picture.standard_error(0.8, 400) == pytest.approx(0.02)
    assert own_picture.Share(3, 4).accuracy == 0.75


@needs_squeezenet
def test_the_page_s_file_holds_the_network_and_is_smaller_than_the_original():
    content = page_file.write_compressed()
    (length,) = struct.unpack_from("<I", content)
    header = json.loads(content[4 : 4 + length])
    one = checkpoint(page_file.PREFERRED)
    assert len(content) < one.resource.size
    assert header["classes"] == list(ilsvrc.class_names())
    assert header["temperature"] == own_picture.logged("networks/squeezenet_compressed/temperature")
    parts = [part for layer in header["layers"] for part in layer.get("parts", [])]
    network = one.load(torch.device("cpu"))
    weights = zlib.decompress(content[4 + length :])
    state = deep_compression.decode(weights, deep_compression.layers_of(network.state_dict()))
    assert [part["outputs"] for part in parts] == [len(v) for n, v in state.items() if n.endswith("bias")]
    for name, value in network.state_dict().items():
        assert torch.equal(state[name], value), name


@needs_squeezenet
def test_the_logged_evidence_of_the_photographs_is_what_the_network_says():
    from cnncourse.applications.own_picture.measure import logits_of

    image = photograph("astronaut")
    evidence = own_picture.total_evidence(logits_of(page_file.PREFERRED, [image]))
    assert float(evidence) == pytest.approx(
        own_picture.logged("networks/squeezenet_compressed/evidence/astronaut"), 1e-3
    )


def test_where_the_network_cannot_be_fetched_our_own_takes_its_place(monkeypatch):
    def missing(*choices):
        if choices[0].name.endswith(".net"):
            raise FileNotFoundError(choices[0].name)
        return real(*choices)

    real = downloads.locate
    monkeypatch.setattr(downloads, "locate", missing)
    for cached in (page_file.page_network, page_file.page_file):
        cached.cache_clear()
    try:
        assert page_file.page_network() == page_file.FALLBACK
        assert b'"name":"vgg_cifar10"' in page_file.page_file()[:100]
        assert page_file.page_limits(page_file.FALLBACK)["temperature"] > 0
    finally:
        for cached in (page_file.page_network, page_file.page_file):
            cached.cache_clear()


@pytest.mark.skipif(not HAS_CLOTHES, reason="the clothing photographs are not on this machine")
def test_the_logged_accuracy_on_pictures_trained_on_and_new_ones_is_measured_again():
    one = checkpoint("resnet18_clothing")
    network = one.load(torch.device("cpu"))
    for split, row in (("train", "trained on"), ("test", "new")):
        some = clothing.load(split).select(range(0, 360, 3))
        share = own_picture.accuracy_after(network, one, some)
        assert abs(share.accuracy - own_picture.share_right(row)) < 4 * own_picture.standard_error(0.8, len(some))
    with pytest.raises(ValueError, match="no change 'blurred'; choose one of recompressed"):
        own_picture.accuracy_after(network, one, some, "blurred")


def test_every_kind_of_the_known_photographs_has_names_among_the_thousand():
    names = set(ilsvrc.class_names())
    assert {name for several in known_things.NAMES.values() for name in several} <= names
    assert not set(known_things.NAMES) & set(known_things.UNTAUGHT)


def test_unknown_pictures_are_colour_pictures():
    for images in (known_things.noise(4, 32), known_things.drawn(2, 32), known_things.scientific()):
        for image in images:
            assert image.shape[0] == 3
            assert 0 <= float(image.min()) <= float(image.max()) <= 1


def test_the_log_names_what_it_has():
    with pytest.raises(ValueError, match="has no networks/alexnet: at 'alexnet' there is squeezenet_compressed"):
        own_picture.logged("networks/alexnet")
    with pytest.raises(ValueError, match="networks is no number but dict"):
        own_picture.logged("networks")


WRONG = [
    lambda: own_picture.fit_temperature(torch.zeros(2, 3), torch.tensor([0, 3])),
    lambda: own_picture.fit_temperature(torch.zeros(2, 3), torch.tensor([0.0, 1.0])),
    lambda: own_picture.fit_temperature(torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.bool)),
    lambda: own_picture.fit_temperature(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long)),
    lambda: own_picture.soften(torch.zeros(2, 3), 0),
    lambda: own_picture.reliability(torch.tensor([1.5]), torch.tensor([True])),
    lambda: own_picture.reliability(torch.tensor([]), torch.tensor([])),
    lambda: own_picture.separation(torch.tensor([]), torch.tensor([1.0])),
    lambda: own_picture.threshold_for(torch.tensor([1.0]), 2),
    lambda: own_picture.difference_hash(torch.zeros(2, 5, 5)),
    lambda: own_picture.difference_hash(torch.zeros(3, 0, 5)),
    lambda: own_picture.distances(torch.zeros(1, 64), torch.zeros(1, 64)),
    lambda: own_picture.near_duplicates(torch.zeros(1, 64).bool(), torch.zeros(1, 64).bool(), most=-1),
    lambda: own_picture.standard_error(1.2, 5),
    lambda: page_file.write_compressed("vgg_cifar10"),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_arguments_are_refused_in_words(wrong):
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        wrong()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]), st.integers(0, 9))
def test_pictures_of_every_size_have_bits(height, width, channels, seed):
    image = torch.rand(channels, height, width, generator=torch.Generator().manual_seed(seed))
    bits = own_picture.difference_hash(image)
    assert bits.shape == (64,)
    assert own_picture.distances(bits[None], bits[None]).item() == 0
