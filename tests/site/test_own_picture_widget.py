"""The reader's own picture in a real browser: torch's names, no upload, weights only when needed, refusals in words."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from cnncourse.applications.own_picture.page_file import PREFERRED, page_network
from cnncourse.widgets import OwnPicture
from cnncourse.widgets.own_picture import NAMES

pytestmark = pytest.mark.site
SLOW = 60_000  # milliseconds, for a machine with much else to do


@pytest.fixture(scope="module", autouse=True)
def made():
    """Make network, photographs and still picture before a browser waits for them."""
    OwnPicture()._repr_mimebundle_()
    for make in OwnPicture.page_files.values():
        make()


def png(width=64, height=48, colour=(200, 30, 30)):
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def turned():
    """A JPEG file whose left half is dark, and whose EXIF says that it must be turned by a quarter (orientation 6)."""
    pixels = np.full((60, 60, 3), 240, np.uint8)
    pixels[:, :30] = 10
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(file, "JPEG", exif=exif, quality=95)
    return file.getvalue()


def bring(page, name, kind, content):
    page.get_by_label("Your own picture", exact=True).set_input_files(
        {"name": name, "mimeType": kind, "buffer": content}
    )


def answered(page):
    expect(page.locator(".op-small", has_text="Answered in")).to_be_visible(timeout=SLOW)


def names(page):
    return page.locator(".op-bar > :first-child").all_text_contents()


def test_the_network_is_fetched_at_the_first_picture_and_answers_as_torch(show):
    page = show(OwnPicture())
    asked = []
    page.on("request", lambda request: asked.append((request.method, request.url)))
    assert page.get_by_text("The network is fetched at the first picture, once.").is_visible()
    for index, name in enumerate(NAMES):
        page.get_by_role("button", name=f"Look at the {name}").click()
        expect(page.get_by_role("img", name=f"{name}, as the network sees it")).to_be_visible(timeout=SLOW)
        expected = OwnPicture(picture=index).names_seen
        assert names(page) == [each for each, _ in expected]
        shares = [int(text.split()[0]) for text in page.locator(".op-bar > :last-child").all_text_contents()]
        for shown, (_, confidence) in zip(shares, expected, strict=True):
            assert abs(shown - 100 * confidence) <= 1
    fetched = [url for _, url in asked if url.endswith("own_picture.bin")]
    assert len(fetched) == 1
    assert {method for method, _ in asked} == {"GET"}


@pytest.mark.skipif(page_network() != PREFERRED, reason="the network for 1,000 classes is not on this machine")
def test_the_astronaut_is_not_recognized(show):
    page = show(OwnPicture(picture=NAMES.index("astronaut")))
    expect(page.get_by_text("I do not recognize this")).to_be_visible(timeout=SLOW)


def test_an_own_picture_is_answered_and_never_sent(show):
    page = show(OwnPicture())
    bring(page, "red.png", "image/png", png())
    answered(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    bring(page, "blue.png", "image/png", png(colour=(20, 20, 220)))
    expect(page.get_by_role("img", name="blue.png, as the network sees it")).to_be_visible(timeout=SLOW)
    assert [url for url in asked if not url.startswith("blob:")] == []


def test_a_photograph_is_turned_as_its_camera_says(show):
    page = show(OwnPicture())
    bring(page, "turned.jpg", "image/jpeg", turned())
    canvas = page.get_by_role("img", name="turned.jpg, as the network sees it")
    expect(canvas).to_be_visible(timeout=SLOW)
    red = "([x, y]) => c.getContext('2d').getImageData(x * c.width, y * c.height, 1, 1).data[0]"
    top, bottom = canvas.evaluate(f"c => [[0.5, 0.1], [0.5, 0.9]].map({red})")
    assert top < 60 < 200 < bottom


def test_files_that_cannot_be_read_are_refused_in_words(show):
    page = show(OwnPicture())
    bring(page, "notes.txt", "text/plain", b"no picture")
    expect(page.get_by_text("notes.txt is no picture that this browser can read.")).to_be_visible()
    huge = bytearray(png())
    huge[16:24] = (30000).to_bytes(4, "big") * 2
    bring(page, "huge.png", "image/png", bytes(huge))
    expect(page.get_by_text("huge.png has 30000×30000 pixels")).to_be_visible()
    bring(page, "empty.png", "image/png", b"")
    expect(page.get_by_text("empty.png is empty.")).to_be_visible()
    page.get_by_role("button", name="Look at the cat").press("Enter")
    answered(page)
    expect(page.locator(".cnn-trouble")).to_be_hidden()


def test_a_dropped_picture_is_taken(show):
    page = show(OwnPicture())
    transfer = page.evaluate_handle(
        """bytes => { const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" })); return data; }""",
        list(png()),
    )
    page.locator(".cnn-panel").dispatch_event("drop", {"dataTransfer": transfer})
    expect(page.get_by_role("img", name="dropped.png, as the network sees it")).to_be_visible(timeout=SLOW)


def test_a_camera_that_is_not_allowed_is_no_trouble(show):
    page = show(OwnPicture())
    page.get_by_role("button", name="Camera").click()
    expect(page.get_by_text(re.compile("Choose a file in its place"))).to_be_visible()


def test_names_are_explained_by_keyboard_and_hiding_can_be_stopped(show):
    page = show(OwnPicture(picture=2))
    answered(page)
    second = page.locator(".op-bar").nth(1)
    second.press("Enter")
    expect(second).to_have_attribute("aria-pressed", "true")
    before = page.locator(".op-bar > :last-child").first.text_content()
    page.get_by_role("switch", name="Calibrated confidence").press("Space")
    expect(page.locator(".op-bar > :last-child").first).not_to_have_text(before)
    page.get_by_role("button", name="Hide and look").press("Enter")
    expect(page.get_by_text(re.compile(r"\d+ of 49 places hidden"))).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Stop").press("Enter")
    expect(page.get_by_text("Stopped.")).to_be_visible()


def test_a_copy_of_a_sample_is_recognized(show):
    page = show(OwnPicture())
    from cnncourse.data import photographs
    from cnncourse.widgets.own_picture import PHOTOGRAPHS, sample

    pixels = photographs.decode(sample(PHOTOGRAPHS[3])).flip(-1).permute(1, 2, 0).contiguous().numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=40)
    bring(page, "copy.jpg", "image/jpeg", file.getvalue())
    expect(page.get_by_text("a near-duplicate")).to_be_visible(timeout=SLOW)


def test_without_a_worker_the_page_computes_by_itself(show, context):
    context.add_init_script("globalThis.Worker = class { constructor() { throw new Error('none'); } };")
    page = show(OwnPicture(picture=2))
    answered(page)
    assert names(page) == [each for each, _ in OwnPicture(picture=2).names_seen]
