"""What a finished page holds and weighs: no inline script, one bundle, an icon for each name, few bytes."""

import gzip
import re

import lean_pages
import page_bundles
import pytest
from fontTools.ttLib import TTFont
from site_pages import PAGES, SITE

KILOBYTES = 1000
# What a page may cost, compressed. Photographs and formulas cost most; the last row is the trained network.
BUDGET = {"": 700, "search.html": 250, "index.html": 250, "numbers.html": 250, "visualization/activations.html": 2000}
# The network of this page is fetched at the first picture alone, and must not weigh on the page.
BUDGET["applications/own_picture.html"] = 800

pytestmark = pytest.mark.site


def compressed(body, kind):
    return len(gzip.compress(body, 6)) if re.search("html|javascript|css|json|svg|text", kind or "") else len(body)


@pytest.mark.parametrize("page_name", PAGES)
def test_a_page_keeps_to_its_budget(context, address, page_name):
    page = context.new_page()
    sizes = {}
    page.on("response", lambda response: sizes.update({response.url: response}))
    page.goto(f"{address}/{page_name}", wait_until="networkidle")
    weights = {
        url: compressed(answer.body(), answer.headers.get("content-type")) for url, answer in dict(sizes).items()
    }
    total = sum(weights.values()) / KILOBYTES
    heaviest = sorted(weights.items(), key=lambda item: -item[1])[:4]
    assert total <= BUDGET.get(page_name, BUDGET[""]), f"{total:.0f} kB; the heaviest: {heaviest}"


@pytest.mark.parametrize("page_name", PAGES)
def test_a_page_runs_no_inline_script_and_no_inline_handler(page_name):
    html = (SITE / page_name).read_text()
    scripts = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", html)
    assert [attributes for attributes in scripts if "application/json" not in attributes] == []
    assert re.findall(r"<[a-z][^>]* on[a-z]+=", html) == []


@pytest.mark.parametrize("page_name", PAGES)
def test_every_picture_is_described(page_name):
    html = (SITE / page_name).read_text()
    for picture in re.findall(r'<img[^>]*>|<svg[^>]*role="img"[^>]*>', html):
        found = re.search(r'(?:alt|aria-label)="([^"]*)"', picture)
        assert found, picture[:200]
        words = found[1].split()
        assert len(words) >= 5, found[1]
        assert not re.search(r"\.(png|svg|jpe?g|webp)\b|^(plot|figure|image of)", found[1], re.IGNORECASE), found[1]


def test_formulas_are_typeset(context, address):
    page = context.new_page()
    page.goto(f"{address}/layers/convolution.html")
    page.locator("mjx-container").first.wait_for()


def test_every_icon_of_the_theme_is_drawn_by_its_outline(context, address):
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{address}/layers/pooling.html")
    buttons = page.locator(".bd-header-article button:visible")
    assert buttons.count() >= 6
    for button in buttons.all():
        drawn = "b => [...b.querySelectorAll('[class*=fa-]')].map(i => getComputedStyle(i, '::before'))"
        found = button.evaluate(f"b => ({drawn})(b).map(s => [s.maskImage.slice(0, 4), parseFloat(s.width)])")
        assert any(mask == "url(" and width > 8 for mask, width in found), button.inner_html()


def test_the_icons_of_boxes_are_in_the_font(context, address):
    page = context.new_page()
    fonts = []
    page.on("response", lambda answer: fonts.append(answer.url) if answer.url.endswith("icons.woff") else None)
    page.goto(f"{address}/layers/pooling.html", wait_until="networkidle")
    title = page.locator(".admonition-title").first
    sign = title.evaluate("t => getComputedStyle(t, '::after').content").strip('"')
    assert fonts
    assert ord(sign) in TTFont(SITE / "_static" / "icons.woff").getBestCmap()
    assert (SITE / "_static" / "icons.woff").stat().st_size < 20 * KILOBYTES


def test_an_unknown_icon_is_named():
    with pytest.raises(ValueError, match="no icon 'unicorn'"):
        lean_pages.outline('var p={"bars":[448,512,[],"f0c9","M0 1"]}', "unicorn")


def test_the_outline_of_an_icon_is_its_last_one_which_is_solid():
    script = '{"sun":[512,512,[9728],"f185","M1 1"]} … {"sun":[512,512,[9728],"f185","M2 2"]}'
    assert lean_pages.outline(script, "sun") == (512, 512, "M2 2")


@pytest.fixture
def static(tmp_path):
    folder = tmp_path / "_static"
    (folder / "styles").mkdir(parents=True)
    (folder / "base.css").write_text("a { background: url(file.png) } /* a remark */")
    (folder / "styles" / "theme.css").write_text('@import "../base.css"; b { background: url("data:x") }')
    (folder / "other.css").write_text("c { color: red }")
    (folder / "one.js").write_text("let one = 1")
    (folder / "two.js").write_text("let two = one + 1")
    return folder


def test_styles_become_one_file_in_their_order(static):
    html = '<link href="../_static/styles/theme.css?v=1" rel="stylesheet" />\n'
    html += '<link rel="stylesheet" href="../_static/other.css">'
    found = re.search('href="../_static/(bundles/.*?)"', page_bundles.one_style(html, "../", static))
    style = (static / found[1]).read_text()
    assert re.findall(r"\b([abc]) \{", style) == ["a", "b", "c"]
    assert 'url("../file.png")' in style
    assert "data:x" in style
    assert "remark" not in style


def test_scripts_become_one_deferred_file_in_their_order(static):
    html = '<head></head><script src="_static/one.js?v=1"></script><script defer src="_static/two.js"></script>'
    html += '<script type="module" src="_static/host.mjs"></script><script src="_static/searchtools.js"></script>'
    page = page_bundles.one_script(html, "", static)
    found = re.findall(r'<script([^>]*)src="([^"]*)"', page)
    assert [name for _, name in found[1:]] == ["_static/host.mjs"]
    assert "defer" in found[0][0]
    assert (static.parent / found[0][1]).read_text() == "let one = 1;\nlet two = one + 1"


def test_a_page_is_finished_once(static):
    html = '<head></head><p onclick="window.print()"><script>let a = 1</script><th><p></p></th>'
    once = lean_pages.lean(html, "", static)
    assert "onclick" not in once
    assert "<td></td>" in once
    assert lean_pages.lean(once, "", static) == once
