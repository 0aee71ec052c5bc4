"""Fashion-MNIST: its files are MNIST's in form, which `test_mnist` reads; here are its own facts."""

import pytest

from cnncourse.data import fashion_mnist
from cnncourse.workbench import downloads


def test_every_file_has_a_checksum_and_two_addresses():
    assert len(fashion_mnist.RESOURCES) == 4
    for name, resource in fashion_mnist.RESOURCES.items():
        assert resource.gzipped
        assert resource.checksum.startswith("md5:")
        assert all(url.endswith(name) for url in resource.urls)


@pytest.mark.skipif(downloads.find(fashion_mnist.SPRITE) is None, reason="the poster is not on this machine")
def test_the_poster_has_ninety_pictures_of_each_class():
    poster = fashion_mnist.load_sprite()
    assert poster.images.shape == (900, 1, 28, 28)
    assert poster.labels.bincount().tolist() == [90] * 10
