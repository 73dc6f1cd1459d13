"""`clearway bench` tells what was read of somebody's own pictures, and never a plate; labels that are none are named by line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from clearway.testing.road import Road

PROGRAM = [sys.executable, "-m", "clearway.cli.main", "bench"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three vehicles of the simulated road, each where it is seen best."""
    made = tmp_path_factory.mktemp("pictures")
    road = Road(7)
    lines = []
    for passage in road.passages[:3]:
        assert passage.best_frame is not None
        name = f"{passage.number}.png"
        Image.fromarray(road.frame(passage.best_frame).pixels).save(made / name)
        plates = []
        for vehicle in road.truth(passage.best_frame):
            if vehicle.plate_box is not None and vehicle.text_seen:
                box = vehicle.plate_box
                place = [box.left_px, box.top_px, box.width_px, box.height_px]
                whole = vehicle.number == passage.number
                plates.append({"text": vehicle.plate if whole else "?", "box": place})
        lines.append({"image": name, "plates": plates})
    (made / "labels.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return made


def bench(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *map(str, words)], capture_output=True, text=True, check=False, timeout=120)


def test_it_scores_labelled_pictures(folder: Path) -> None:
    ended = bench(folder, "--json")
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["pictures"] == 3 and found["full_plate"]["of"] == 3
    assert found["full_plate"]["hits"] >= 2
    assert found["full_plate"]["low"] <= found["full_plate"]["share"] <= found["full_plate"]["high"]
    assert found["cpu_ms"] > 0 and found["cameras"] > 0


def test_it_tells_no_plate_and_needs_no_labels(folder: Path, tmp_path: Path) -> None:
    name = "one.png"
    (tmp_path / name).write_bytes(next(folder.glob("*.png")).read_bytes())
    ended = bench(tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("1 pictures") and "the whole plate right" not in ended.stdout
    for passage in Road(7).passages:
        assert passage.plate not in ended.stdout + ended.stderr


SINS = {
    "no JSON": "{",
    "a line that is a list": "[]",
    "no plates": '{"image": "a.png"}',
    "a box of three numbers": '{"image": "a.png", "plates": [{"text": "AB123", "box": [1, 2, 3]}]}',
    "a box that is empty": '{"image": "a.png", "plates": [{"text": "AB123", "box": [1, 2, 0, 4]}]}',
    "a text that is a number": '{"image": "a.png", "plates": [{"text": 7, "box": null}]}',
}


@pytest.mark.parametrize("sin", SINS)
def test_labels_that_are_none_are_named(tmp_path: Path, sin: str) -> None:
    (tmp_path / "labels.jsonl").write_text('{"image": "a.png", "plates": []}\n' + SINS[sin], encoding="utf-8")
    ended = bench(tmp_path)
    assert ended.returncode == 4
    assert "line 2 of" in ended.stderr and "What to do:" in ended.stderr and "Traceback" not in ended.stderr
    assert "AB123" not in ended.stderr


def test_a_folder_without_pictures_says_so(tmp_path: Path) -> None:
    ended = bench(tmp_path)
    assert ended.returncode == 4 and "there is no picture in" in ended.stderr
