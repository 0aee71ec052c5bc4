"""Drawn faces: a person stays the same, the picture does not; splits share nobody; everything comes from a seed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncourse.data import faces
from cnncourse.data.face_parts import LOWER, TRAITS, UPPER
from cnncourse.data.faces import ALIGNED, Variation

STILL = Variation(0, 0, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def people():
    return faces.load("test", 24, 6)


def test_a_picture_does_not_depend_on_those_drawn_before(people):
    alone = faces.draw(5, 3, seed=3002, group=1)
    assert torch.equal((alone * 255).round().to(torch.uint8), people.images[5 * 6 + 3])
    assert torch.equal(people.images[:60], faces.load("test", 10, 6).images)


def test_faces_are_grey_pictures_of_any_size():
    for size in (16, 32, 33, 64):
        image = faces.draw(2, 1, size)
        assert image.shape == (1, size, size)
        assert image.dtype == torch.float32
        assert 0 <= image.min() < 0.4
        assert 0.6 < image.max() <= 1


def test_a_larger_picture_shows_the_same_face():
    quiet = Variation(noise=0.0)
    large = faces.draw(4, 2, 64, variation=quiet)
    halved = torch.nn.functional.avg_pool2d(large, 2)
    assert (halved - faces.draw(4, 2, 32, variation=quiet)).abs().mean() < 0.03


def test_without_variation_two_pictures_differ_only_in_the_background():
    first, second = (faces.draw(3, picture, variation=STILL) for picture in (0, 1))
    assert torch.equal(first[0, 8:24, 12:20], second[0, 8:24, 12:20])


def test_each_kind_of_variation_changes_the_face():
    before = faces.draw(0, 1, variation=STILL)[0, 6:26, 10:22]
    for kind in ("pose", "roll", "expression", "light", "shift"):
        changed = Variation(**{**STILL.__dict__, kind: 1.0})
        assert not torch.equal(before, faces.draw(0, 1, variation=changed)[0, 6:26, 10:22]), kind


def test_a_shift_moves_the_face_by_at_most_so_many_pixels():
    straight = faces.draw(1, 0, variation=STILL)[0]
    steps = [_step_between(straight, faces.draw(1, k, variation=Variation(0, 0, 0, 0, 4.0, 0))[0]) for k in range(12)]
    assert max(map(abs, steps)) <= 4
    assert max(steps) - min(steps) >= 3


def _step_between(before, after):
    """Columns by which the middle of a face has moved, whatever it has moved down."""

    def distance(right, down):
        moved = after.roll((-down, -right), (0, 1))
        return float((moved[12:24, 11:21] - before[12:24, 11:21]).abs().mean())

    return min(((right, down) for right in range(-6, 7) for down in range(-6, 7)), key=lambda step: distance(*step))[0]


def test_pictures_of_one_person_are_more_alike_than_those_of_two_when_nothing_else_varies():
    still = faces.load("test", 12, 2, variation=STILL)
    core = still.images[:, 0, 6:26, 9:23].float().flatten(1)
    distances = torch.cdist(core, core)
    same = still.people[:, None] == still.people[None]
    assert distances[same].max() < distances[~same].min()


def test_groups_differ_in_other_parts_of_the_face():
    valley, coast = (faces.traits_of(7, group=group) for group in (0, 1))
    for name in TRAITS:
        ratio = abs(valley[name]) / abs(coast[name])
        assert ratio == pytest.approx(4 if name in UPPER else 0.25 if name in LOWER else 1, rel=1e-4)
    assert all(abs(value) <= 1 for value in (valley | coast).values())


@settings(deadline=None, max_examples=30)
@given(people=st.integers(1, 40), coast=st.floats(0, 1))
def test_the_share_of_a_group_is_kept_to_one_person(people, coast):
    drawn = faces.load("train", people, 1, 16, coast=coast)
    assert abs(int(drawn.groups.sum()) - people * coast) <= 1 + 1e-6
    assert len(drawn.of_group(0)) + len(drawn.of_group(1)) == people


def test_splits_share_nobody():
    sets = [faces.load(split, 12, 1, variation=STILL).images.flatten(1) for split in faces.SPLITS]
    for a in range(3):
        for b in range(a):
            assert not (sets[a][:, None] == sets[b][None]).all(dim=2).any()


def test_what_networks_see_is_centred(people):
    images = people.prepared()
    assert images.shape == (144, 1, 32, 32)
    assert images.abs().max() <= 2
    assert abs(images.mean()) < 0.6


def test_aligned_pictures_still_vary_in_all_but_place():
    assert (ALIGNED.shift, ALIGNED.roll) == (0, 0)
    assert ALIGNED.expression == ALIGNED.light == 1


def test_complaints_name_the_value(people):
    with pytest.raises(ValueError, match="no split 'dev'"):
        faces.load("dev")
    with pytest.raises(ValueError, match="people is 0"):
        faces.load("test", 0)
    with pytest.raises(ValueError, match="pictures is 0"):
        faces.load("test", 1, 0)
    with pytest.raises(ValueError, match=r"coast is 1\.5"):
        faces.load("test", 1, 1, coast=1.5)
    with pytest.raises(ValueError, match="size is 8"):
        faces.draw(size=8)
    with pytest.raises(ValueError, match="group is 2"):
        faces.draw(group=2)
    with pytest.raises(ValueError, match="person is -1"):
        faces.draw(-1)
    with pytest.raises(ValueError, match="picture is"):
        faces.draw(0, 1.5)
    with pytest.raises(ValueError, match="noise is 2"):
        Variation(noise=2)
    with pytest.raises(ValueError, match="light is -1"):
        Variation(light=-1)
    with pytest.raises(ValueError, match="seed is -1"):
        faces.traits_of(0, -1)
    with pytest.raises(ValueError, match=r"people has shape \(3,\)"):
        faces.FaceSet(people.images, people.people[:3], people.groups, people.group_names, "")
