"""Every link inside the site leads to a page, a file and a place in it that exist."""

from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag

import pytest
from site_pages import PAGES, SITE

pytestmark = pytest.mark.site


class Links(HTMLParser):
    """Addresses and identifiers of a page."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.identifiers = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.addresses.add(value)
            if name == "id":
                self.identifiers.add(value)


@pytest.fixture(scope="module")
def links():
    return {name: Links((SITE / name).read_text(encoding="utf-8")) for name in PAGES}


@pytest.mark.parametrize("name", PAGES)
def test_no_link_is_broken(links, name):
    broken = []
    for address in links[name].addresses:
        path, fragment = urldefrag(address.partition("?")[0] if "?" in address else address)
        if ":" in path.partition("/")[0]:
            continue  # another host, or data:
        target = (SITE / name).parent / unquote(path) if path else SITE / name
        if not target.exists():
            broken.append(address)
            continue
        inside = target.resolve().relative_to(SITE.resolve()).as_posix()
        if fragment and inside in links and unquote(fragment) not in links[inside].identifiers:
            broken.append(address)
    assert broken == []
