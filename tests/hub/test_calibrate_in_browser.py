"""A view is measured and drawn in a real browser, on a frame of the simulated road, whose truth is known."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.hub.test_pages_in_browser import CHROMIUM, browser, playwright, shots  # noqa: F401 - fixtures

from clearway.cli.calibrate import Desk
from clearway.edge.scenes import load_scene, parse_scene
from clearway.facts import Pixels
from clearway.hub.calibrate import COOKIE, HOST, Gate, create_page
from clearway.hub.serve import Served
from clearway.scene import Scene
from clearway.testing.road import CAMERA_HEIGHT_M, Road
from clearway.track.ground import K_ELLIPSE, Ground

Array = NDArray[np.float64]
playwright.expect.set_options(timeout=60_000)  # a busy machine is slow, not wrong
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt install chromium)")
KNOWN_M = ((9.0, -3.05), (9.0, 3.05), (13.1, -3.0), (13.1, 3.0), (15.0, 0.0), (18.0, 0.0), (24.0, 3.05), (24.0, -3.05))
ROAD = Road(seed=3, vehicles=3, events=False)


def pictured(places_m: Any, up_m: float = 0.0) -> Array:
    """(n, 2) pixels of those (along, across) on the simulated road: the truth."""
    places = np.array(places_m, float).reshape(-1, 2)
    return np.asarray(ROAD._lens.flat(ROAD._lens.seen(np.column_stack([places[:, 1], places[:, 0], np.full(len(places), up_m)]))))


@dataclass
class Page:
    """The page as it runs, with the file that it saves to."""

    served: Served
    gate: Gate
    scene: Path

    def saved(self) -> Scene:
        return load_scene(self.scene, datetime.now(UTC))


@contextmanager
def opened(scene: Path, pixels: Pixels) -> Iterator[Page]:
    gate = Gate()
    with Served(create_page(Desk(pixels, None, scene), gate), HOST, 0) as served:
        thread = threading.Thread(target=served.serve, daemon=True)
        thread.start()
        yield Page(served, gate, scene)
        served.stop()
        thread.join(timeout=10)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with opened(tmp_path / "scene.toml", ROAD.frame(0).pixels) as page:
        yield page


class Hand:
    """Whoever sits before the page: clicks pixels of the still, types, and presses keys."""

    def __init__(self, browser: Any, page: Page) -> None:  # noqa: F811 - the fixture's own name
        self.context = browser.new_context(viewport={"width": 1440, "height": 900})
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(page.served.address + page.gate.link)
        self.page.get_by_role("button", name="Open the picture").click()
        playwright.expect(self.page.locator("#state")).to_contain_text("to do")

    def click(self, *places_m: tuple[float, float], off: Array | float = 0.0) -> None:
        for px in pictured(places_m) + off:
            at = self.page.evaluate(
                "([x, y]) => { const at = new DOMPoint(x, y).matrixTransform(document.getElementById('still').getScreenCTM());"
                " return [at.x, at.y]; }",
                [float(px[0]), float(px[1])],
            )
            self.page.mouse.click(*at)

    def type(self, key: str, text: str, sort: str = "key") -> None:
        self.page.locator(f'[data-{sort}="{key}"]').fill(text)

    def add(self, kind: str) -> None:
        self.page.locator("#kind").select_option(kind)
        self.page.locator("#add-part").click()

    def state(self, words: str) -> None:
        playwright.expect(self.page.locator("#state")).to_have_text(words)


@needs_browser
def test_what_is_clicked_and_saved_is_the_truth_within_its_stated_error(browser: Any, page: Page, shots: Path) -> None:  # noqa: F811
    hand = Hand(browser, page)
    dice = np.random.default_rng(4)
    for n, (along, across) in enumerate(KNOWN_M):
        hand.click((along, across), off=dice.normal(0, 0.8, 2))  # as people click
        hand.type(f"{n} along", str(along), "at")
        hand.type(f"{n} across", str(across), "at")
    hand.type("camera.up_m", str(CAMERA_HEIGHT_M))
    hand.type("survey.u_m", "0.01")
    hand.type("name", "the simulated road")
    hand.type("surveyed.source", "its program")
    hand.add("speed_limit")
    hand.click((9.0, -3.2), (20.0, -3.2), (20.0, 3.2), (9.0, 3.2))
    hand.type("0 limit_kmh", "50", "part")
    hand.type("0 source", "sign 274", "part")
    hand.add("stop_line")  # its ends are known points: a click there is a corner there, not a move of the point
    hand.click((13.1, -3.0), (13.1, 3.0), (14.0, 0.5), (10.0, 0.5))
    for key, text in {"signal": "K1", "enters_m": "3", "source": "signal plan 14-3"}.items():
        hand.type(f"1 {key}", text, "part")
    hand.state("ready to save")
    playwright.expect(hand.page.locator("#rules li.works")).to_have_count(3)
    hand.page.screenshot(path=shots / "calibrate.png", full_page=True)
    hand.page.get_by_role("button", name="Save scene.toml").click()
    hand.state("saved")
    assert hand.complaints == []
    hand.context.close()

    scene = page.saved()
    assert scene.picture_px == (ROAD.width_px, ROAD.height_px)
    assert scene.stop_line[0].signal == "K1" and scene.stop_line[0].towards[0] < 0
    assert np.abs(np.array(scene.stop_line[0].line_m) - ((13.1, -3.0), (13.1, 3.0))).max() < 0.2
    # Where the road truly is, the saved homography says so within the ellipse that it states.
    grid = np.array([(a, c) for a in np.arange(9.0, 26.0, 1.0) for c in np.arange(-3.0, 3.1, 1.0)])
    plane = Ground(scene.calibration).plane
    off = plane.on_road(pictured(grid))[0] - grid
    stated = plane.covariance(pictured(grid), 0.0)
    inside = np.einsum("ni,nij,nj->n", off, np.linalg.inv(stated), off) <= K_ELLIPSE**2
    assert inside.mean() >= 0.9, "the fit's own error is as large as it says"
    assert np.hypot(*off.T).max() < 0.5, "and not large"


@needs_browser
def test_it_can_be_done_by_keyboard_alone(browser: Any, page: Page) -> None:  # noqa: F811
    hand = Hand(browser, page)
    keys = hand.page.keyboard
    for n, (along, across) in enumerate(KNOWN_M[1:5]):
        hand.page.locator("#still").focus()
        keys.press("Enter")
        keys.press("Tab")
        x, y = pictured((along, across))[0]
        for key, text in {"x": f"{x:.1f}", "y": f"{y:.1f}", "along": str(along), "across": str(across)}.items():
            hand.page.locator(f'[data-at="{n} {key}"]').focus()
            keys.press("Control+a")
            keys.type(text)
    playwright.expect(hand.page.locator("#fit")).to_contain_text("4 points")
    handle = hand.page.locator('#still [data-handle="point 2"]')
    handle.focus()
    before = handle.get_attribute("data-at")
    keys.press("Shift+ArrowRight")
    keys.press("ArrowUp")
    after = hand.page.locator('#still [data-handle="point 2"]').get_attribute("data-at")
    moved = np.array(after.split(","), float) - np.array(before.split(","), float)
    assert np.allclose(moved, (10.0, -1.0))
    keys.press("Delete")
    playwright.expect(hand.page.locator("#problems")).to_contain_text("at least four points")
    for field in hand.page.locator("input, select").all():
        named = field.evaluate("field => field.labels.length || field.getAttribute('aria-label')")
        assert named, "every field has a name"
    hand.context.close()


@needs_browser
def test_bad_geometry_is_refused_on_the_page_by_name(browser: Any, tmp_path: Path) -> None:  # noqa: F811
    source = Path(__file__).parents[1] / "edge" / "scene.toml"
    scene = tmp_path / "scene.toml"
    scene.write_bytes(source.read_bytes())
    with opened(scene, np.full((1080, 1920, 3), 100, np.uint8)) as page:
        gate = Hand.__new__(Hand)  # a page that has a scene begins ready
        gate.context = browser.new_context(viewport={"width": 1440, "height": 900})
        gate.page = gate.context.new_page()
        gate.page.goto(page.served.address + page.gate.link)
        gate.page.get_by_role("button", name="Open the picture").click()
        gate.state("ready to save")
        gate.type("2 zone_m", "8 0; 40 3.5; 40 0; 8 3.5", "corners")
        gate.page.keyboard.press("Tab")
        bad = gate.page.locator(".part.bad")
        playwright.expect(bad).to_have_count(1)
        playwright.expect(bad.locator(".sin")).to_contain_text("the lines around a zone cross each other")
        gate.page.get_by_role("button", name="Save scene.toml").click()
        gate.state("not saved")
        playwright.expect(gate.page.get_by_role("alert")).to_contain_text("cross each other")
        gate.context.close()
    assert scene.read_bytes() == source.read_bytes(), "what was there stays as it was"


def test_the_door_opens_once_and_to_nobody_else(page: Page) -> None:
    with httpx.Client(base_url=page.served.address) as stranger:
        for path in ("/", "/still.jpg", "/begun.json", "/birdseye.jpg"):
            assert stranger.get(path).status_code == 401
        assert stranger.post("/sheet", json={"typed": {}}).status_code == 401
        assert stranger.get("/open/guessed").status_code == 410 and stranger.post("/open/guessed").status_code == 410
        assert stranger.get("/", headers={"host": "evil.example"}).status_code == 421
    with httpx.Client(base_url=page.served.address) as person:
        assert person.get(page.gate.link).status_code == 200, "looking at the link does not use it up"
        assert person.post(page.gate.link).status_code == 303
        assert person.post(page.gate.link).status_code == 410
        answer = person.get("/")
        assert answer.status_code == 200 and COOKIE in person.cookies
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert person.get("/still.jpg").content[:2] == b"\xff\xd8"
        elsewhere = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
        assert person.post("/save", json={"typed": {}}, headers=elsewhere).status_code == 403
        assert person.post("/save", data={"typed": ""}).status_code == 400, "a form is no draft"
        assert person.post("/sheet", json={"typed": {}}).json()["ready"] is False
        assert person.post("/sheet", content=b"{}", headers={"content-type": "application/json"}).status_code == 409
        assert person.post("/sheet", content=b" " * 300_000, headers={"content-type": "application/json"}).status_code == 413


def test_nothing_of_the_picture_is_written(tmp_path: Path) -> None:
    scene = tmp_path / "scene.toml"
    scene.write_bytes((Path(__file__).parents[1] / "edge" / "scene.toml").read_bytes())
    desk = Desk(np.full((1080, 1920, 3), 100, np.uint8), None, scene)
    begun = httpx.Response(200, content=desk.begun()).json()
    said = desk.save(httpx.Request("POST", "http://x", json=begun["draft"]).content)
    assert "4 points" in said and [path.name for path in tmp_path.iterdir()] == ["scene.toml"]
    assert parse_scene(scene.read_bytes(), "saved").names == ("Example Street", "north arm", "bus lane")
