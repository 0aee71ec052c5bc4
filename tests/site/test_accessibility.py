"""What axe-core finds on every page, in light and dark: nothing."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from site_pages import PAGES

pytestmark = pytest.mark.site


def told(violation):
    """A finding in a few lines: the rule, and where."""
    places = [node["html"][:160] + " … " + node.get("failureSummary", "")[:300] for node in violation["nodes"][:4]]
    return f"{violation['id']} ({len(violation['nodes'])}): {violation['help']}\n  " + "\n  ".join(places)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("page_name", PAGES)
def test_axe_finds_nothing(context, address, page_name, mode):
    page = context.new_page()
    page.add_init_script(f"localStorage.setItem('mode', '{mode}'); localStorage.setItem('theme', '{mode}')")
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{address}/{page_name}", wait_until="networkidle")
    found = Axe().run(page).response["violations"]
    assert not found, "\n".join(told(violation) for violation in found)
