"""The explorer of networks in a real browser: mouse, keys and finger choose layers, and the words are Python's."""

import re

import pytest
from playwright.sync_api import expect

from cnncourse.models import layer_table
from cnncourse.widgets import Architecture

pytestmark = pytest.mark.site

TWO = ("alexnet", "googlenet_paper")


def say(page):
    return page.locator(".ar-chosen")


def facts(page):
    return page.locator(".ar-facts")


def volume(page, name):
    return page.get_by_role("button", name=re.compile(rf"^{re.escape(name)}, \d"))


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "googlenet_paper", "resnet18"])
def test_every_block_shows_the_numbers_of_the_model(show, name):
    page = show(Architecture(name))
    for block, layers in layer_table(name).blocks.items():
        volume(page, block).click()
        expect(volume(page, block)).to_have_attribute("aria-current", "true")
        parameters = sum(layer.parameters for layer in layers)
        work = sum(layer.multiply_adds for layer in layers)
        expect(facts(page)).to_contain_text(f"Parameters{parameters:,}")
        expect(facts(page)).to_contain_text(f"Multiply-adds{work:,}")


def test_arrow_keys_walk_through_the_layers(show):
    page = show(Architecture("alexnet"))
    volume(page, "input").focus()
    page.keyboard.press("ArrowRight")
    expect(say(page)).to_contain_text("conv1: 11×11 convolution, stride 4, then ReLU.")
    expect(volume(page, "conv1")).to_be_focused()
    page.keyboard.press("End")
    expect(say(page)).to_contain_text("fc8: fully connected layer. A unit sees the whole picture.")
    page.keyboard.press("ArrowUp")
    expect(say(page)).to_contain_text("fc7")
    expect(page.get_by_role("status")).to_contain_text("16,781,312 parameters, 27.5 % of all")


def test_a_block_opens_to_its_branches(show):
    page = show(Architecture("googlenet_paper"))
    expect(page.locator(".ar-inside")).to_be_hidden()
    volume(page, "inception3a").click()
    expect(say(page)).to_contain_text("inception3a: block of 8 layers.")
    expect(page.locator(".ar-lane")).to_have_count(4)
    inner = volume(page, "inception3a.branch3.1")
    inner.click()
    expect(say(page)).to_contain_text("5×5 convolution, then ReLU. A unit sees 59×59 pixels")
    expect(inner).to_have_attribute("aria-current", "true")
    page.keyboard.press("ArrowLeft")
    expect(say(page)).to_contain_text("inception3a.branch3.0: 1×1 convolution")
    volume(page, "pool3").click()
    expect(page.locator(".ar-inside")).to_be_hidden()


def test_a_shortcut_is_drawn_without_layers(show):
    page = show(Architecture("resnet18", layer="layer1.0"))
    expect(page.locator(".ar-lane")).to_have_count(2)
    expect(page.locator(".ar-lane").last).to_have_text("shortcut: as it came")


def test_the_mouse_over_a_layer_shows_it_and_leaves_the_choice(show):
    page = show(Architecture("alexnet", layer="conv2"))
    volume(page, "fc6").hover()
    expect(say(page)).to_contain_text("fc6: fully connected layer")
    expect(volume(page, "conv2")).to_have_attribute("aria-current", "true")
    page.mouse.move(0, 0)
    expect(say(page)).to_contain_text("conv2: 5×5 convolution")


def test_the_picker_changes_the_network_and_its_bars(show):
    page = show(Architecture(TWO))
    expect(page.locator(".ar-bar[role=img]").first).to_have_attribute(
        "aria-label", re.compile(r"^61,100,840 parameters: 96 % in fully connected layers")
    )
    page.get_by_role("radio", name="AlexNet, one tower").press("ArrowRight")
    expect(page.locator(".ar-bar[role=img]").first).to_have_attribute("aria-label", re.compile("^6,998,552 parameters"))
    expect(page.get_by_text("6,379,728 parameters that only help in training")).to_be_visible()
    expect(page.locator(".ar-scale b.ar-now")).to_have_text("GoogLeNet")


def test_a_part_of_a_bar_leads_to_its_layer(show):
    page = show(Architecture("alexnet"))
    page.locator(".ar-bar [title^=fc6]").first.click()
    expect(say(page)).to_contain_text("fc6: fully connected layer")


def test_a_finger_chooses_on_a_phone_and_the_words_stay_in_sight(show):
    page = show(Architecture("vgg16"), viewport={"width": 390, "height": 800}, has_touch=True)
    volume(page, "conv2_1").tap()
    expect(say(page)).to_contain_text("conv2_1: 3×3 convolution")
    assert say(page).bounding_box()["y"] < 800
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_page_of_lenet_compares_it_with_alexnet(context, address):
    page = context.new_page()
    page.goto(f"{address}/models/lenet.html")
    page.locator("#fourteen-years-later").scroll_into_view_if_needed()
    expect(say(page)).to_contain_text("c5: fully connected layer, then ReLU")
    page.get_by_role("radio", name="AlexNet, two towers").check()
    volume(page, "fc6").click()
    expect(facts(page)).to_contain_text("Parameters37,752,832")
    page.keyboard.press("ArrowLeft")
    expect(say(page)).to_contain_text("pool5: 3×3 max pooling, stride 2.")
