"""The chapter with the live networks, on the built site: a policy of its own origin is enough."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.site
POLICY = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; font-src 'self'; "
POLICY += "style-src 'self' 'unsafe-inline'; img-src 'self' data:"


def test_the_networks_live_in_a_worker_of_the_page_s_own_origin(address, context):
    errors, foreign, workers = [], [], []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on(
        "request", lambda request: None if request.url.startswith((address, "data:")) else foreign.append(request.url)
    )
    page.on("worker", lambda worker: workers.append(worker.url))

    def strictly(route):
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": POLICY})

    page.route("**/*.html", strictly)
    page.goto(f"{address}/visualization/activations.html")
    for widget in page.locator("[data-widget='live_network.mjs']").all():
        widget.scroll_into_view_if_needed()
        expect(widget.locator(".ln-bar[aria-pressed=true]")).to_have_count(1)
        widget.get_by_role("button", name="Next map").press("Enter")
        expect(widget.locator(".cnn-say", has_text=re.compile("^Map (5|19) of"))).to_be_visible()
    assert len(workers) == 2
    assert all(url.startswith(address) for url in workers)
    assert foreign == []
    assert errors == []
