"""The network that lives in the page, in a real browser: its numbers are torch's, and the page stays awake."""

import json
import re

import numpy as np
import pytest
from playwright.sync_api import expect
from vectors.network import FILE

from cnncourse.models import checkpoint
from cnncourse.widgets import Lenet, LiveNetwork

pytestmark = pytest.mark.site
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde\x00\x00\x00\x0c"
    b"IDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82"
)


def say(page):
    return page.locator(".cnn-say").filter(has_text="network").first


def shown(page):
    """The probabilities in per cent, as the page shows them."""
    expect(page.locator(".ln-bar[aria-pressed=true]")).to_have_count(1)
    return [int(text.split()[0]) for text in page.locator(".ln-bar > :last-child").all_text_contents()]


def pixels(page, name, index=0):
    """Colours of the canvas in a square, (pixels, 4)."""
    canvas = page.locator(f"[aria-label^='{name}'] canvas").nth(index)
    data = canvas.evaluate("c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
    return np.array(data).reshape(-1, 4)


@pytest.mark.parametrize("network", ["digits", "pictures"])
def test_the_page_answers_as_torch_does(show, network):
    widget = LiveNetwork(network=network)
    page = show(widget)
    for one, other in zip(shown(page), (100 * widget.probabilities).tolist(), strict=True):
        assert abs(one - other) <= 1


def test_the_projection_and_the_saliency_are_torch_s(show):
    widget = LiveNetwork(network="pictures", layer=4, channel=17, rule="guided")
    page = show(widget)
    shown(page)
    projection = widget.projection
    expected = (0.5 + 0.5 * projection / projection.abs().max()).flatten(1).T.numpy() * 255
    assert np.abs(pixels(page, "Projection")[:, :3] - expected).max() <= 1.01
    saliency = (widget.saliency / widget.saliency.max()).flatten().numpy() * 255
    assert np.abs(pixels(page, "Saliency map of cat")[:, 0] - saliency).max() <= 1.01


def test_a_stroke_changes_the_answer(show):
    page = show(LiveNetwork(ink=[0] * 784))
    before = shown(page)
    box = page.locator(".sh-pad").bounding_box()
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(x, box["y"] + 0.8 * box["height"], steps=8)
    page.mouse.up()
    expect(say(page)).to_contain_text("sees a 1")
    assert shown(page) != before


def test_a_unit_that_is_clicked_is_brought_back_to_the_pixels(show):
    page = show(LiveNetwork(network="pictures"))
    shown(page)
    maps = page.get_by_role("slider", name="Maps of relu3_2")
    maps.scroll_into_view_if_needed()
    box = maps.bounding_box()
    page.mouse.click(box["x"] + 3, box["y"] + 3)
    expect(page.locator(".ln-stage .cnn-title", has_text="Map 1 of relu3_2")).to_be_visible()
    page.get_by_role("radio", name="Deconvnet").check(force=True)
    chosen = page.get_by_role("application", name="Chosen map")
    first = pixels(page, "Projection")
    chosen.scroll_into_view_if_needed()
    frame = chosen.bounding_box()
    page.mouse.click(frame["x"] + 0.95 * frame["width"], frame["y"] + 0.95 * frame["height"])
    expect(page.locator(".cnn-say", has_text="row 8, column 8,")).to_be_visible()
    second = pixels(page, "Projection")
    assert not np.array_equal(first, second)
    assert (second[:, :3] != 128).any()


def test_keys_choose_maps_and_units(show):
    page = show(LiveNetwork())
    shown(page)
    maps = page.get_by_role("slider", name="Maps of a3")
    maps.focus()
    maps.press("ArrowRight")
    maps.press("ArrowRight")
    expect(maps).to_have_attribute("aria-valuetext", "map 3 of 16")
    chosen = page.get_by_role("application", name="Chosen map")
    chosen.focus()
    chosen.press("Home")
    expect(page.locator(".cnn-say", has_text=re.compile(r"Map 3 of a3: the unit, row \d+, column 1,"))).to_be_visible()
    page.get_by_role("button", name="Next map").press("Enter")
    expect(maps).to_have_attribute("aria-valuetext", "map 4 of 16")


def test_a_class_can_be_explained_that_is_not_the_answer(show):
    page = show(LiveNetwork(network="pictures"))
    shown(page)
    page.get_by_role("button", name=re.compile("^dog")).press("Enter")
    expect(page.locator(".cnn-title", has_text="Saliency of dog")).to_be_visible()
    page.get_by_role("button", name=re.compile("^dog")).press("Enter")
    expect(page.locator(".cnn-title", has_text="Saliency of cat")).to_be_visible()


def test_an_occlusion_map_fills_in_and_can_be_stopped(show):
    page = show(LiveNetwork())
    shown(page)
    page.get_by_role("button", name="Hide and look").click()
    expect(page.get_by_text("Uncovered, a 5 has")).to_be_visible()
    assert len(set(pixels(page, "Occlusion")[:, 0].tolist())) > 3
    page.get_by_role("button", name="Begin with a 3").click()
    expect(page.get_by_text("The picture has changed")).to_be_visible()


def test_a_dream_grows_stops_and_can_be_looked_at(show):
    page = show(LiveNetwork(network="pictures", target=7))
    shown(page)
    page.get_by_role("button", name="Dream", exact=True).click()
    steps = page.get_by_text(re.compile(r"^Step \d+ of 300: a horse"))
    expect(steps).to_be_visible()
    expect(steps).to_have_text(re.compile(r"Step (3\d|[4-9]\d|\d{3}) "))
    page.get_by_role("button", name="Stop").click()
    stopped = steps.text_content()
    page.get_by_role("button", name="Look at it").click()
    expect(say(page)).to_contain_text("The network sees a horse")
    assert steps.text_content() == stopped


def test_an_own_picture_is_looked_at_and_other_files_are_refused(show):
    page = show(LiveNetwork(network="pictures"))
    before = shown(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    chooser = page.get_by_label("Your own picture")
    chooser.set_input_files({"name": "red.png", "mimeType": "image/png", "buffer": PNG})
    expect(page.locator(".ln-thumb[aria-pressed=true]")).to_have_count(0)
    expect(page.locator(".ln-bar").nth(3)).not_to_contain_text("79")
    assert shown(page) != before
    chooser.set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    expect(page.get_by_text("notes.txt is no picture that this browser can read.")).to_be_visible()
    assert [url for url in asked if not url.startswith(("blob:", "data:"))] == []
    page.get_by_role("button", name="Begin with the cat").click()
    expect(page.locator(".ln-bar").nth(3)).to_contain_text("79")


def test_without_a_worker_the_page_computes_by_itself(show, context):
    context.add_init_script("globalThis.Worker = class { constructor() { throw new Error('none'); } };")
    page = show(LiveNetwork())
    assert shown(page)[5] > 90
    page.get_by_role("button", name="Hide and look").click()
    expect(page.get_by_text("Uncovered, a 5 has")).to_be_visible()


def test_a_worker_that_cannot_be_loaded_is_replaced_too(show, context):
    context.add_init_script("globalThis.Worker = class extends Worker { constructor() { super('data:,('); } };")
    page = show(LiveNetwork())
    assert shown(page)[5] > 90
    show.errors.clear()  # the browser reports what did not load


def test_jupyter_s_module_stands_alone_and_starts_its_worker_from_a_blob(show):
    page = show(Lenet())  # any page that has the host
    workers = []
    page.on("worker", lambda worker: workers.append(worker.url))
    state = {**LiveNetwork().state(), "weights": None, "examples": None}
    page.evaluate(
        """async ([text, state]) => {
            const { PageModel, fetchFiles } = await import("/host.mjs");
            Object.assign(state, await fetchFiles({ weights: { $file: "lenet_mnist.bin" } }));
            state.examples = new DataView(new ArrayBuffer(7840));
            const module = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
            const el = document.body.appendChild(document.createElement("div"));
            module.default.render({ model: new PageModel(state), el });
        }""",
        [LiveNetwork._esm, state],
    )
    assert shown(page)[5] > 90
    assert [url[:5] for url in workers] == ["blob:"]


def test_the_vectors_name_the_networks_of_the_widget():
    names = [case["network"] for case in json.loads(FILE.read_text(encoding="utf-8"))]
    assert set(names) == {checkpoint(name).name for name in ("lenet_mnist", "vgg_cifar10")}
