"""A page in Chromium: no request, no error in the console, nothing wider than the window, figures that can be explored."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 400])
def test_page_fits_the_window_and_reports_no_error(browser: Any, page_file: Path, width: int, theme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    errors: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{page_file.as_uri()}#{theme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for button in page.query_selector_all(".explore"):
        button.click()
    page.wait_for_timeout(500)
    assert page.locator(".js-plotly-plot").count() == page.locator(".explore").count() > 8
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert errors == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 400])
def test_page_has_no_serious_fault_of_accessibility(browser: Any, axe: str, page_file: Path, width: int, theme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{page_file.as_uri()}#{theme}")
    page.evaluate(axe)
    faults = page.evaluate("axe.run().then(found => found.violations)")
    serious = [(one["id"], node["html"][:200]) for one in faults if one["impact"] in ("serious", "critical") for node in one["nodes"]]
    assert serious == []
    page.close()


def test_first_screen_fits_a_desktop_window(browser: Any, page_file: Path) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, java_script_enabled=False)
    page.goto(page_file.as_uri())
    box = page.locator(".trade").bounding_box()
    assert box["y"] + box["height"] <= 900
    assert page.locator("h1").is_visible() and page.locator(".figs svg").first.is_visible()
    page.close()
