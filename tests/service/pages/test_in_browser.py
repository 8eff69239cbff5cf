"""The pages in Chromium, at the widths of a phone and of a desk: typed, dropped, read.

Playwright drives the Chromium of the machine; none is downloaded, and without one these are skipped.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.service.conftest import encode_photo
from tests.video.clips import picture, run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=20_000)  # the machine may be shared
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = Path(__file__).with_name("axe.min.js")
WIDTHS = {"phone": 390, "desk": 1280}
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that any Chromium plays."""
    path = tmp_path_factory.mktemp("clips") / "clip.webm"
    run(*picture(seconds=0.5), "-c:v", "libvpx-vp9", "-deadline", "realtime", path)
    return path


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """A page whose console stays silent and that asks nobody else; on the phone it is dark."""
    faults: list[str] = []
    scheme: Any = "dark" if request.param == "phone" else "light"
    context = browser.new_context(
        viewport={"width": WIDTHS[request.param], "height": 800}, color_scheme=scheme, base_url=address
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    own = (address, "data:", "blob:")
    page.on("request", lambda asked: None if asked.url.startswith(own) else faults.append(asked.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type in ("error", "warning") else None)
    yield page
    check_shape(page)
    context.close()
    assert faults == []


def check_shape(page: Page) -> None:
    """Nothing is wider than the window, and axe finds nothing serious."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    if AXE.is_file():
        page.evaluate(AXE.read_text(encoding="utf-8"))  # not by a script of the page, which the policy forbids
        found = page.evaluate("axe.run()")
        serious = [problem for problem in found["violations"] if problem["impact"] in ("serious", "critical")]
        assert [(problem["id"], problem["nodes"][0]["html"]) for problem in serious] == []


def test_ask(page: Page) -> None:
    page.goto("/pages/ask")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.get_by_role("textbox", name="Question").fill("topic3x topic3y <script>")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 match")).to_be_visible()
    expect(page.locator("mark").first).to_be_visible()
    assert {text.lower() for text in page.locator("h3 mark").all_inner_texts()} == {"topic3x", "topic3y"}
    page.get_by_role("textbox", name="Question").fill("zeppelin")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", name="No match")).to_be_visible()


def test_find(page: Page) -> None:
    names = ["one.png", "=two, <b>.png"]
    photos: Any = [
        {"name": name, "mimeType": "image/png", "buffer": encode_photo(seed)} for seed, name in enumerate(names, 1)
    ]
    page.goto("/pages/find")
    page.get_by_label("Choose photos").set_input_files(photos)
    summary = page.locator("#summary")
    expect(summary).to_contain_text("on 2 photos")
    expect(summary).not_to_contain_text("to go")
    shown = page.locator(".overlay path:visible")
    before = shown.count()
    assert before > 0
    scores = json.loads(page.locator(".found").first.get_attribute("data-photo") or "")["detections"]
    slider = page.get_by_label("Shown from score")
    slider.fill(f"{scores[0]['score'] + 0.01:.2f}")
    assert shown.count() < before
    slider.fill("0.05")
    everything = shown.count()
    assert summary.inner_text().startswith(f"{everything} ")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    lines = Path(saved.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "photo,category,score,x,y,width,height"
    assert len(lines) == 1 + everything
    assert lines[-1].startswith('"\'=two, <b>.png",gap,')
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as COCO").click()
    check_coco(Path(saved.value.path()), everything)


def check_coco(file: Path, count: int) -> None:
    """What reads COCO reads it, and finds each mask within its box, to about a pixel."""
    from pycocotools.coco import COCO

    coco = COCO(str(file))
    assert len(coco.anns) == count
    for item in coco.anns.values():
        rows, columns = coco.annToMask(item).nonzero()
        x, y, width, height = item["bbox"]
        assert x - 2 <= columns.min() <= columns.max() <= x + width + 2
        assert y - 2 <= rows.min() <= rows.max() <= y + height + 2


def test_stylize_a_video(page: Page, clip: Path) -> None:
    page.goto("/pages/stylize")
    page.get_by_label("Choose a video or a picture").set_input_files(clip)
    page.get_by_role("radio", name="ink").check()
    page.get_by_role("button", name="Paint").click()
    # A short one may be done before anybody has seen how far it is.
    expect(page.locator("#job progress, #job figcaption").first).to_be_visible()
    expect(page.get_by_role("button", name="Play both")).to_be_visible()
    expect(page.locator("#announced")).to_have_text("clip.webm is painted.")
    assert "job=" in page.url
    page.reload()
    expect(page.locator("figcaption")).to_have_text(["Before", "After"])
    before, after = page.locator("video").all()
    for video in (before, after):
        expect(video).to_have_js_property("videoWidth", 64)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download").click()
    assert Path(saved.value.path()).read_bytes() == clip.read_bytes()


def test_stylize_a_picture(page: Page) -> None:
    page.goto("/pages/stylize")
    picture: Any = {"name": "<b>.png", "mimeType": "image/png", "buffer": encode_photo(1)}
    page.get_by_label("Choose a video or a picture").set_input_files(picture)
    page.get_by_role("button", name="Paint").click()
    expect(page.get_by_role("heading", name="<b>.png in")).to_be_visible()
    for image in page.locator(".compare img").all():
        expect(image).to_have_js_property("naturalWidth", 96)


def test_home(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("link", name="Kedro-Viz")).to_have_attribute("href", "https://viz.example/")
    run = page.locator(".runs li").first
    run.get_by_text("Pictures").click()
    expect(run).not_to_contain_text("Looking")
    expect(page.get_by_alt_text("over & lays.png")).to_have_js_property("naturalWidth", 96)


def test_a_bad_photo_loses_no_other(browser: Browser, address: str) -> None:
    page = browser.new_page(base_url=address)
    page.goto("/pages/find")
    photos: Any = [
        {"name": "<i>bad</i>.png", "mimeType": "image/png", "buffer": b"no photo"},
        {"name": "good.png", "mimeType": "image/png", "buffer": encode_photo(1)},
    ]
    page.get_by_label("Choose photos").set_input_files(photos)
    expect(page.locator("#summary")).to_contain_text("on 1 photo, 1 could not be used")
    expect(page.get_by_role("alert").filter(has_text="<i>bad</i>.png")).to_contain_text("no photo in a format")
    page.close()


def test_without_javascript_forms_are_sent_and_answered(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/pages/ask")
    page.get_by_role("textbox", name="Question").fill("topic3x topic3y")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", name="1 match")).to_be_visible()
    page.goto("/pages/stylize")
    picture: Any = {"name": "one.png", "mimeType": "image/png", "buffer": encode_photo(1)}
    page.locator("#file").set_input_files(picture)
    page.get_by_role("button", name="Paint").click()
    expect(page.get_by_role("heading", name="one.png in")).to_be_visible()
    page.goto("/")
    page.get_by_role("link", name="Runs of MLflow").click()
    expect(page.get_by_role("heading", name="Recent runs")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    context.close()


def test_text_that_runs_from_right_to_left_does(browser: Browser, address: str) -> None:
    page = browser.new_page(base_url=address)
    page.goto("/pages/ask")
    question = page.get_by_role("textbox", name="Question")
    question.fill("\u0643\u064a\u0641 topic3x")
    assert question.evaluate("box => getComputedStyle(box).direction") == "rtl"
    page.close()


def test_after_going_back_the_page_works_on(browser: Browser, address: str, clip: Path) -> None:
    page = browser.new_page(base_url=address)
    page.goto("/pages/stylize")
    page.get_by_label("Choose a video or a picture").set_input_files(clip)
    page.get_by_role("button", name="Paint").click()
    expect(page.locator("#job")).to_be_visible()
    page.go_back()
    expect(page.locator("#job")).to_have_count(0)
    page.get_by_label("Choose a video or a picture").set_input_files(clip)
    expect(page.locator("#chosen")).to_contain_text("clip.webm")
    page.close()
