"""A journey map in Chromium: it fits the window, texts do not overlap, and axe-core finds no serious fault."""

from pathlib import Path
from typing import Any

import pytest

import cjsim as cj

pytestmark = pytest.mark.slow
OVERLAPS = """() => {
  const found = [];
  for (const picture of document.querySelectorAll('svg.map')) {
    const texts = [...picture.querySelectorAll('text')].map(one => [one.textContent, one.getBBox()]);
    for (let i = 0; i < texts.length; i++) for (let j = i + 1; j < texts.length; j++) {
      const [a, b] = [texts[i][1], texts[j][1]];
      const wide = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
      const high = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
      if (wide > 1 && high > 3) found.push(`${texts[i][0]} / ${texts[j][0]}`);
    }
  }
  return found;
}"""


@pytest.fixture(scope="module")
def map_file(run_folders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = cj.journey_map(run_folders[0], kind=["current", "future", "blueprint"], against=run_folders[1])
    return drawn.save(tmp_path_factory.mktemp("map") / "map.html")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 400])
def test_map_fits_the_window_and_has_no_serious_fault(browser: Any, axe: str, map_file: Path, width: int, theme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.goto(f"{map_file.as_uri()}#{theme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert errors == []
    page.evaluate(axe)
    faults = page.evaluate("axe.run().then(found => found.violations)")
    serious = [(one["id"], node["html"][:200]) for one in faults if one["impact"] in ("serious", "critical") for node in one["nodes"]]
    assert serious == []
    page.close()


def test_texts_do_not_overlap_in_a_browser(browser: Any, map_file: Path) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(map_file.as_uri())
    assert page.evaluate(OVERLAPS) == []
    page.close()


def test_phones_get_a_card_for_each_stage_instead_of_the_grid(browser: Any, map_file: Path) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 900})
    page.goto(map_file.as_uri())
    assert page.locator(".sheet").first.is_hidden()
    assert page.locator(".stagecard").count() == 21
    box = page.locator(".stagecard").first.bounding_box()
    assert box["width"] > 300
    page.close()
