"""`clearway calibrate --chart`, as its user runs it: a board is shown to a known lens, and the page opens with that lens."""

import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest
from PIL import Image
from tests.cli.test_bad_input import PROGRAM, SOURCE, START_S, environment, run

from clearway.facts import Pixels
from clearway.scene import Lens
from clearway.testing.board import HeldBoard
from clearway.testing.road import Road

SIZE_PX = (960, 540)
LENS = Lens(-0.24, 0.06, 700.0, (488.0, 262.0))


def folder_of(path: Path, pictures: Iterable[Pixels]) -> Path:
    path.mkdir()
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(path / f"{number:03}.png", compress_level=1)
    return path


@pytest.fixture
def street(tmp_path: Path) -> Path:
    Image.fromarray(Road(seed=3, vehicles=3, events=False).frame(0).pixels).resize(SIZE_PX).save(tmp_path / "street.png")
    return tmp_path / "street.png"


def test_the_page_opens_with_the_lens(street: Path, tmp_path: Path) -> None:
    folder_of(tmp_path / "boards", HeldBoard(LENS, SIZE_PX, seed=5).pictures(30))
    words = [*PROGRAM, "calibrate", street.name, "--chart", "boards"]
    with subprocess.Popen(words, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        said: list[str] = []
        for line in program.stderr:
            said.append(line)
            if line.startswith("Open this page once"):
                break
        link = said[-1].split()[-1]
        with httpx.Client(timeout=START_S) as person:
            assert person.post(link).status_code == 303
            begun = person.get(httpx.URL(link).join("/begun.json")).json()
        program.send_signal(signal.SIGINT)
        assert program.wait(START_S) == 0
    typed = {key: float(text) for key, text in begun["draft"]["typed"].items() if key.startswith("lens.")}
    assert typed["lens.k1"] == pytest.approx(LENS.k1, abs=0.01) and typed["lens.focal_px"] == pytest.approx(700, rel=0.01)
    assert typed["lens.centre_x_px"] == pytest.approx(488, abs=2) and typed["lens.centre_y_px"] == pytest.approx(262, abs=2)
    assert 0 < typed["lens.u_px"] < 0.5
    assert any("Not yet in the" in line for line in said), "whoever holds the board is told where it is still wanted"
    assert any(line.startswith("the lens, from") for line in said)


def test_a_board_that_was_shown_too_little_or_to_another_camera_is_refused(street: Path, tmp_path: Path) -> None:
    few = folder_of(tmp_path / "few", HeldBoard(LENS, SIZE_PX).pictures(3))
    run(tmp_path, "calibrate", street.name, "--chart", few.name).refuses(SOURCE, "12 are the least", "docs/calibrate.md")
    folder_of(tmp_path / "boards", HeldBoard(LENS, SIZE_PX, seed=5).pictures(30))
    Image.open(street).resize((640, 360)).save(tmp_path / "small.png")
    run(tmp_path, "calibrate", "small.png", "--chart", "boards").refuses(SOURCE, "960 x 540 pixels, the road in 640 x 360")
