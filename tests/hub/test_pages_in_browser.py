"""The whole story in a real browser: sign in, read, compare, confirm, look at the ledger and at the public counts.

Needs Playwright and a Chromium of the machine (Debian: `apt install chromium`). Set CLEARWAY_TEST_SCREENSHOTS to a folder to
keep a screenshot of each page there; otherwise they go to pytest's temporary folder.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.hub.world import Sealed, World, mistaken, running, seal_bare, seal_red_light, seal_speeding

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--no-sandbox",  # tests may run as root, where Chromium's sandbox does not start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESKTOP = (390, 844), (1280, 860)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt install chromium)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("CLEARWAY_TEST_SCREENSHOTS", tmp_path / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Visit:
    """One browser window, everything that was sent to it, and whatever it complained about."""

    def __init__(self, browser: Any, name: str, size: tuple[int, int], scheme: str, shots: Path) -> None:
        width, height = size
        self.context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.sent: list[bytes] = []
        self.complaints: list[str] = []
        self._name, self._width, self._shots = name, width, shots
        self.page.on("response", self._note)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, response: Any) -> None:
        self.sent.append(f"{response.url} {response.headers}".encode())

    def seen(self, name: str) -> None:
        """Keeps a screenshot, and checks that the page fits its window and that each field and picture has a name."""
        self.page.screenshot(path=self._shots / f"{self._name}-{name}.png", full_page=True)
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= self._width, f"{name} needs no scrolling sideways"
        assert self.page.locator("h1").count() == 1
        for field in self.page.locator("input:not([type=hidden]), textarea").all():
            assert field.evaluate("field => field.labels.length"), f"every field of {name} has a label"
        assert self.page.locator("svg:not([aria-hidden]):not([aria-label]), img:not([alt]), video:not([aria-label])").count() == 0
        for target in self.page.locator("button, .button, .choice, .case").all():
            assert target.bounding_box()["height"] >= 36, f"{name} can be used with a thumb"

    def everything(self) -> bytes:
        """All addresses and headers so far, and the page as it stands, with what pictures and forms hold as text."""
        return b"\n".join([*self.sent, self.page.content().encode()])

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()


@pytest.mark.parametrize(("name", "size", "scheme"), [("phone", PHONE, "dark"), ("desktop", DESKTOP, "light")])
def test_an_officer_s_whole_way(world: World, browser: Any, shots: Path, name: str, size: tuple[int, int], scheme: str) -> None:
    exhibit = world.wanted
    visit = Visit(browser, name, size, scheme, shots)
    page = visit.page
    bodies: list[bytes] = []
    page.route("**/*", lambda route: _kept(route, bodies))

    page.goto(world.hub.sign_in_link())
    visit.seen("1-sign-in")
    visit.press("Sign in")
    playwright.expect(page).to_have_title("Queue · Clearway")
    visit.seen("2-queue")

    page.get_by_role("link", name="Listed vehicle").click()
    field = page.get_by_label("Type the plate that you read in the picture")
    playwright.expect(field).to_be_visible()
    for _ in range(100):  # waiting inside the page would need `eval`, which its policy forbids
        if page.evaluate("document.querySelector('video').readyState") >= 1:
            break
        page.wait_for_timeout(100)
    assert page.evaluate("document.querySelector('video').duration") > 0.5, "the clip plays in a browser"
    visit.seen("3-blind-reading")

    field.fill(mistaken(exhibit.plate))
    visit.press("Compare")
    playwright.expect(page.get_by_role("alert")).to_contain_text("differs from the match")
    visit.seen("4-differs")
    for sent in (visit.everything(), *bodies):
        for spelling in (exhibit.plate, " ".join(exhibit.plate), exhibit.plate.lower()):
            assert spelling.encode() not in sent, "nothing of the plate is sent before it is read"
            assert spelling.encode("utf-16-le") not in sent

    field.fill(exhibit.plate)
    field.press("Enter")
    playwright.expect(page.get_by_role("status")).to_contain_text("You read the plate that is on the list")
    assert page.locator(".tile.off").count() == 0
    page.get_by_text("All 8 checks of the seal passed").click()
    visit.seen("5-match")

    page.get_by_label("The plate and the vehicle agree with the entry").check()
    visit.press("Confirm the finding")
    assert page.get_by_role("heading", name="Confirmed by").count() == 0, "a decision needs words"
    confirm = page.locator("form.confirm")
    confirm.get_by_label("In your own words").fill("The same car, and the same plate.")
    visit.press("Confirm the finding")
    playwright.expect(page.get_by_role("heading", name="Confirmed by officer-1")).to_be_visible()
    visit.seen("6-decided")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the exhibit").click()
    assert Path(download.value.path()).read_bytes() == world.sealed[exhibit.id]

    page.get_by_role("link", name="Queue", exact=True).first.click()
    playwright.expect(page.get_by_text("1 exhibit waits for a decision")).to_be_visible()
    visit.seen("7-queue-after")
    page.get_by_role("link", name="Ledger").click()
    playwright.expect(page.get_by_text("exhibit:decide")).to_be_visible()
    visit.seen("8-ledger")
    page.get_by_role("link", name="Public counts").click()
    playwright.expect(page.get_by_text("1,187")).to_be_visible()
    visit.seen("9-public")
    visit.press("Sign out")
    page.goto(world.hub.address)
    playwright.expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()
    visit.seen("10-signed-out")
    assert [words for words in visit.complaints if "401" not in words] == []
    page.unroute_all(behavior="wait")  # an icon still on its way would fail in the next test, when its window is gone
    visit.context.close()


def _kept(route: Any, bodies: list[bytes]) -> None:
    """Lets a request through and keeps the body of its answer, pictures and clip included."""
    if route.request.method != "GET" or route.request.url.endswith(".zip"):
        route.continue_()
        return
    answer = route.fetch()
    bodies.append(answer.body())
    route.fulfill(response=answer)


@pytest.fixture
def broken(folder: tuple[Path, Sealed, Sealed]) -> Iterator[World]:
    """A world whose first exhibit was changed before the hub saw it."""
    data, wanted, papers = folder
    path = data / "exhibits" / f"{wanted.id}.zip"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with running(data, wanted, papers) as world:
        yield world


def test_dismissing_and_an_exhibit_that_does_not_verify(broken: World, browser: Any, shots: Path) -> None:
    world = broken
    visit = Visit(browser, "phone-light", PHONE, "light", shots)
    page = visit.page

    page.goto(world.hub.sign_in_link())
    visit.press("Sign in")
    playwright.expect(page.get_by_text("does not verify")).to_be_visible()
    visit.seen("1-queue")
    page.get_by_role("link", name="Exhibit that cannot be read").click()
    playwright.expect(page.get_by_role("alert")).to_contain_text("does not verify")
    assert page.get_by_role("button", name="Confirm").count() == 0
    visit.seen("2-does-not-verify")

    page.goto(f"{world.hub.address}/exhibits/{world.papers.id}")
    visit.press("I cannot read it")
    visit.seen("3-illegible")
    visit.press("Show me the match")
    playwright.expect(page.get_by_role("alert")).to_contain_text("you can only dismiss")
    visit.seen("4-may-only-dismiss")
    page.get_by_label("The plate cannot be read with certainty").check()
    page.get_by_label("In your own words").fill("Too blurred.")
    visit.press("Dismiss the finding")
    playwright.expect(page.get_by_role("heading", name="Dismissed by officer-1")).to_be_visible()
    assert page.get_by_role("link", name="Download").count() == 0
    visit.seen("5-dismissed")
    assert visit.complaints == []
    visit.context.close()


@pytest.mark.parametrize(("name", "size", "scheme"), [("phone", PHONE, "dark"), ("desktop", DESKTOP, "light")])
def test_what_was_measured_is_plain_to_see(
    world: World, browser: Any, shots: Path, name: str, size: tuple[int, int], scheme: str
) -> None:
    """On a desktop, all that an officer needs stands on the first screen: the words, the figure, the gauge, three pictures."""
    exhibit = seal_speeding(world.data)
    visit = Visit(browser, f"measured-{name}", size, scheme, shots)
    page = visit.page
    page.goto(world.hub.sign_in_link())
    visit.press("Sign in")
    page.get_by_role("link", name="Faster than the limit").click()
    assert page.get_by_text("km/h").count() == 0, "nothing of the measurement before the plate is read"
    page.get_by_label("Type the plate that you read in the picture").fill(exhibit.plate)
    visit.press("Compare")

    playwright.expect(page.get_by_role("status")).to_contain_text("You read the same plate as the machine")
    what = page.get_by_role("region", name="What was measured")
    playwright.expect(what).to_contain_text("where 50 km/h are allowed")
    playwright.expect(what).to_contain_text("±")
    gauge, pictures = what.get_by_role("img"), page.get_by_role("region", name="Before, at and after").get_by_role("img")
    assert pictures.count() == 3
    for shown in (gauge, *pictures.all()):
        bounds = shown.bounding_box()
        assert bounds["x"] >= 0 and bounds["x"] + bounds["width"] <= size[0]
        assert name == "phone" or bounds["y"] + bounds["height"] <= size[1], "on the first screen"
    at = {part: gauge.locator(part).bounding_box() for part in (".bound", ".interval", "text:last-child")}
    assert at[".bound"]["x"] + at[".bound"]["width"] < at[".interval"]["x"], "all of the interval lies beyond"
    assert at["text:last-child"]["x"] >= 0 and at["text:last-child"]["x"] + at["text:last-child"]["width"] <= size[0]
    for link in page.get_by_role("region", name="Before, at and after").get_by_role("link").all():
        assert page.request.get(world.hub.address + link.get_attribute("href")).headers["content-type"] == "image/png"
    visit.seen("match")

    page.get_by_label("The pictures and the measurement show it").check()
    page.locator("form.confirm").get_by_label("In your own words").fill("As it says.")
    visit.press("Confirm the finding")
    playwright.expect(page.get_by_role("heading", name="Confirmed by officer-1")).to_be_visible()
    playwright.expect(page.get_by_role("region", name="What was measured")).to_be_visible()
    visit.seen("decided")
    assert visit.complaints == []
    visit.context.close()


@pytest.mark.parametrize(("name", "size", "scheme"), [("phone", PHONE, "dark"), ("desktop", DESKTOP, "light")])
def test_a_red_light_is_seen_with_the_lamp_as_it_was_filmed(
    world: World, browser: Any, shots: Path, name: str, size: tuple[int, int], scheme: str
) -> None:
    exhibit = seal_red_light(world.data)
    visit = Visit(browser, f"red-{name}", size, scheme, shots)
    page = visit.page
    page.goto(world.hub.sign_in_link())
    visit.press("Sign in")
    page.get_by_role("link", name="red light").click()
    page.get_by_label("Type the plate that you read in the picture").fill(exhibit.plate)
    visit.press("Compare")
    pictures = page.get_by_role("region", name="Before, at and after").get_by_role("link")
    playwright.expect(pictures).to_have_count(3)  # `all` alone would not wait for the page
    playwright.expect(page.get_by_text("The signal is shown as it was filmed, and enlarged below.")).to_be_visible()
    for link in pictures.all():
        raw = page.request.get(world.hub.address + link.get_attribute("href")).body()
        picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        blue, green, red = (picture[..., channel].astype(int) for channel in range(3))
        glows = (red > 180) & (red > green + 90) & (red > blue + 90)
        assert glows[:540].sum() > 50 and glows[540:].sum() > 500, "in its place, and enlarged in the strip below"
    visit.seen("match")
    assert visit.complaints == []
    visit.context.close()


@pytest.mark.parametrize(("name", "size", "scheme"), [("phone", PHONE, "dark"), ("desktop", DESKTOP, "light")])
def test_a_vehicle_without_a_plate_is_seen_to_have_none(
    world: World, browser: Any, shots: Path, name: str, size: tuple[int, int], scheme: str
) -> None:
    exhibit = seal_bare(world.data)
    visit = Visit(browser, f"bare-{name}", size, scheme, shots)
    page = visit.page
    page.goto(world.hub.sign_in_link())
    visit.press("Sign in")
    playwright.expect(page.get_by_role("link", name="Listed vehicle, or one without a plate")).to_have_count(2)
    visit.seen("1-queue")
    page.goto(f"{world.hub.address}/exhibits/{exhibit.id}")
    visit.seen("2-blind-reading")
    page.get_by_label("Type the plate that you read in the picture").fill("AB12CDE")
    visit.press("Compare")
    playwright.expect(page.get_by_role("alert")).to_contain_text("differs from the match")
    visit.seen("3-differs")
    visit.press("I see no plate")
    playwright.expect(page.get_by_role("status")).to_contain_text("You saw no plate, and neither did the machine")
    playwright.expect(page.get_by_role("heading", name="Vehicle without a plate")).to_be_visible()
    playwright.expect(page.get_by_role("row")).to_have_count(2)
    visit.seen("4-match")
    page.get_by_label("The pictures show the vehicle well, and no plate on it").check()
    page.locator("form.confirm").get_by_label("In your own words").fill("Its bumper is bare.")
    visit.press("Confirm the finding")
    playwright.expect(page.get_by_role("heading", name="Confirmed by officer-1")).to_be_visible()
    visit.seen("5-decided")

    page.goto(f"{world.hub.address}/exhibits/{world.wanted.id}")
    visit.press("I see no plate")
    playwright.expect(page.get_by_role("alert")).to_contain_text("You saw no plate, but the machine did")
    visit.seen("6-there-is-one")
    visit.press("Show me the match")
    playwright.expect(page.get_by_role("alert")).to_contain_text("you can only dismiss")
    visit.seen("7-may-only-dismiss")
    assert visit.complaints == []
    visit.context.close()
