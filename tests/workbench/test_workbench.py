"""The workbench: device and memory, photographs, figures, the ledger, and clear errors."""

import base64
import io
import re

import pytest
import torch
from PIL import Image

from cnncourse.workbench import checks, device, figures, images
from cnncourse.workbench.ledger import Entry, load_ledger


def test_the_environment_chooses_the_device(monkeypatch):
    monkeypatch.setenv("CNNCOURSE_DEVICE", "cpu")
    assert device.best_device() == torch.device("cpu")


def test_without_a_choice_the_best_device_is_taken(monkeypatch):
    monkeypatch.delenv("CNNCOURSE_DEVICE", raising=False)
    assert str(device.best_device()) == device.available_devices()[0]


def test_a_wrong_device_lists_the_choices(monkeypatch):
    monkeypatch.setenv("CNNCOURSE_DEVICE", "tpu")
    with pytest.raises(ValueError, match=r"CNNCOURSE_DEVICE='tpu'.*Choose one of .*cpu"):
        device.best_device()
    with pytest.raises(ValueError, match="choice=''"):
        device.best_device("")


def test_the_device_is_described_in_words():
    assert "GiB memory free" in device.describe_device(torch.device("cpu"))


def test_a_seed_repeats_everything():
    first = (device.set_seed(3).initial_seed(), torch.rand(2))
    second = (device.set_seed(3).initial_seed(), torch.rand(2))
    assert first[0] == second[0]
    assert torch.equal(first[1], second[1])


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("x"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_a_batch_is_halved_until_it_fits(error):
    sizes = []

    def function(batch):
        sizes.append(len(batch))
        if len(batch) > 3:
            raise error
        return batch * 2

    inputs = torch.arange(10.0)
    assert torch.equal(device.run_in_batches(function, inputs, batch_size=8), inputs * 2)
    assert sizes[:3] == [8, 4, 2]


def test_one_sample_too_many_is_a_clear_error_and_others_pass_through():
    def full(batch):
        raise torch.OutOfMemoryError("x")

    def broken(batch):
        raise RuntimeError("shapes differ")

    with pytest.raises(MemoryError, match="One sample alone"):
        device.run_in_batches(full, torch.zeros(2), batch_size=2)
    with pytest.raises(RuntimeError, match="shapes differ"):
        device.run_in_batches(broken, torch.zeros(2))
    with pytest.raises(ValueError, match="batch_size is 0"):
        device.run_in_batches(full, torch.zeros(2), batch_size=0)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_memory_is_described():
    assert "cuda:0" in device.describe_device(torch.device("cuda:0"))


@pytest.mark.parametrize("name", images.PHOTOGRAPHS)
def test_photographs_are_bundled_tensors(name):
    image = images.photograph(name, size=32)
    assert image.dtype == torch.float32
    assert image.shape[-2:] == (32, 32)
    assert 0 <= float(image.min()) <= float(image.max()) <= 1


def test_a_grey_photograph_has_one_channel():
    assert images.photograph("chelsea", size=(20, 30), grey=True).shape == (1, 20, 30)


def test_normalising_can_be_undone():
    image = images.photograph("coffee", size=16)
    torch.testing.assert_close(images.denormalise(images.normalise(image)), image)


def test_wrong_images_are_named():
    with pytest.raises(ValueError, match="no photograph 'dog'"):
        images.photograph("dog")
    with pytest.raises(ValueError, match=r"shape \(1, 4, 4\)"):
        images.normalise(torch.zeros(1, 4, 4))
    with pytest.raises(ValueError, match="size is"):
        images.resize(torch.zeros(1, 4, 4), (0, 4))


def figure_of_a_grid():
    figure, axes = figures.subplots(1, 1)
    figures.cell_grid(axes[0, 0], 2, 2, labels=torch.eye(2))
    return figure


def test_a_figure_carries_its_words_and_the_page_s_colour():
    shown = figures.show(figure_of_a_grid(), alt="A grid of two by two cells & more", caption="a < b")
    page = shown._repr_html_()
    assert 'aria-label="A grid of two by two cells &amp; more"' in page
    assert "currentColor" in page
    assert "<figcaption>a &lt; b</figcaption>" in page


def test_the_same_figure_gives_the_same_bytes():
    first, second = (figures.show(figure_of_a_grid(), alt="A grid of two by two cells").svg for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "alt", ["", "plot", "a cat", "plot of the loss over all epochs", "see results.png for the loss curve"]
)
def test_a_stopgap_is_no_alternative_text(alt):
    with pytest.raises(ValueError, match="alt="):
        figures.show(figure_of_a_grid(), alt=alt)


def embedded(pixels):
    figure, axes = figures.subplots(1, 1)
    figures.show_image(axes[0, 0], pixels)
    svg = figures.show(figure, alt="One picture that fills the figure").svg
    found = re.findall(r"data:image/(\w+);base64,([A-Za-z0-9+/=]+)", svg)
    return [(kind, Image.open(io.BytesIO(base64.b64decode(body))), len(body)) for kind, body in found]


def test_a_small_picture_is_embedded_exactly_and_a_photograph_in_few_bytes():
    pixels = torch.arange(64).view(8, 8) / 63
    ((kind, picture, _),) = embedded(pixels)
    assert kind == "webp"
    shades = torch.tensor(list(picture.convert("L").getdata()))
    assert shades.unique().numel() == 64
    ((_, _, size),) = embedded(images.photograph("chelsea"))
    assert size < images.photograph("chelsea").numel() / 8


def test_grey_images_are_grey_and_legends_have_no_box():
    _, axes = figures.subplots(1, 2)
    figures.show_image(axes[0, 0], torch.rand(4, 4))
    axes[0, 1].plot([0, 1], label="loss")
    figures.legend(axes[0, 1])
    assert axes[0, 0].images[0].get_cmap().name == "gray"
    assert not axes[0, 1].get_legend().get_frame_on()


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", figures.PALETTE.values())
@pytest.mark.parametrize("background", ["#ffffff", "#14181e"])
def test_every_colour_is_seen_in_light_and_dark(colour, background):
    dark, light = sorted([luminance(colour), luminance(background)])
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_numbers_are_written_as_prose_writes_them():
    assert Entry("a.b", 105705600, "x").text == "105,705,600"
    assert Entry("a.b", 5, "x", format="{0}×{0}").text == "5×5"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a.b: {value: 1, source: x}", "lacks 'variant'"),
        ("a.b: {value: 1, variant: x}", "needs a source"),
        ("a.b: {value: 1, variant: x, source: y, colour: z}", "unknown fields"),
        ("A: {value: 1, variant: x, source: y}", "lower case"),
    ],
)
def test_a_faulty_ledger_is_refused(tmp_path, content, words):
    path = tmp_path / "ledger.yml"
    path.write_text(content)
    with pytest.raises(ValueError, match=words):
        load_ledger(path)


def test_an_unknown_number_names_its_relatives(tmp_path):
    path = tmp_path / "ledger.yml"
    path.write_text("a.b: {value: 2, variant: x, function: 'builtins:nothing'}")
    ledger = load_ledger(path)
    with pytest.raises(KeyError, match=r"no 'a.c'; it has a.b"):
        ledger["a.c"]
    with pytest.raises(ValueError, match="no 'builtins:nothing'"):
        ledger["a.b"].recompute()


def test_shapes_and_kinds_are_named():
    with pytest.raises(TypeError, match=r"x is a list; it must be a tensor of shape \(N C\)"):
        checks.tensor("x", [1], "N C")
    with pytest.raises(ValueError, match=r"x has shape \(2, 4\); expected \(N, 3\)"):
        checks.tensor("x", torch.zeros(2, 4), "N C", C=3)
    with pytest.raises(ValueError, match="one dtype"):
        checks.alike(a=torch.zeros(1), b=torch.zeros(1).double())
