"""Bad input, as its user meets it: the real program says what is wrong and what to do, ends with an exit code of its own kind,
shows no traceback, and loses nothing that was there."""

import codecs
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from tests.camera.clips import audio_only, cut, encoded, filmed, moov_in_front
from tests.camera.rtsp_server import Faults, RtspServer

from clearway.check import hotlist
from clearway.edge.station import KEYS, LEDGER, LISTS
from clearway.envelope import key_id, load_public_key
from clearway.errors import ListError, SettingsError, SourceError, StoreError
from clearway.evidence.bundle import list_exhibits
from clearway.evidence.fsck import check
from clearway.evidence.verify import verify
from clearway.testing.road import Road, film, hotlist_csv

# A start of the program takes a second or two; what a part's own tests show already is only played through with `-m slow`.
SLOW = {
    "sound only",
    "pictures of one pixel",
    "missing list",
    "UTF-16, as spreadsheets save it",
    "an unknown reason",
    "no expiry",
}
SOURCE, SETTINGS, LIST, STORE = (kind.exit_code for kind in (SourceError, SettingsError, ListError, StoreError))
USAGE = 2
PROGRAM = [sys.executable, "-m", "clearway.cli.main"]
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How the program ended, and what it said."""

    code: int
    out: str
    err: str

    def refuses(self, code: int, *words: str) -> None:
        """It ended with that code, and said those words, in sentences and not in a traceback."""
        assert self.code == code, self.err
        assert "Traceback" not in self.err and "What to do:" in self.err, self.err
        for word in words:
            assert word in self.err, self.err


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLEARWAY_")}
    return kept | variables


def run(folder: Path, *words: str, **variables: str) -> Ended:
    """Runs `clearway WORDS` in `folder`."""
    ended = subprocess.run(
        [*PROGRAM, *words],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def each_of(sins: Iterable[str]) -> list[object]:
    """The sins, those that are slow marked as such."""
    return [pytest.param(sin, marks=pytest.mark.slow) if sin in SLOW else sin for sin in sins]


# --- sources ---


def cut_behind(path: Path) -> None:
    cut(filmed(path, [n / 25 for n in range(25)]), 0.6)


def one_dot(path: Path) -> None:
    path.mkdir()
    Image.new("RGB", (1, 1)).save(path / "a.png")


WATCHED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "there is no file"),
    "empty": (lambda path: path.write_bytes(b""), "is empty (0 bytes)"),
    "text": (lambda path: path.write_text("no video\n" * 99), "cannot be opened as a video"),
    "sound only": (audio_only, "holds no video"),
    "cut before its index": (cut_behind, "was cut off before its index"),
    "a folder without a picture": (lambda path: path.mkdir(), "there is no picture in"),
    "pictures of one pixel": (
        one_dot,
        "1 of 1 pictures could not be read, the first because clip.mp4/a.png has 1 x 1 pixels",
    ),
}


@pytest.mark.parametrize("sin", each_of(WATCHED))
def test_a_source_that_cannot_be_watched(tmp_path: Path, sin: str) -> None:
    make, words = WATCHED[sin]
    make(tmp_path / "clip.mp4")
    ended = run(tmp_path, "watch", "clip.mp4")
    ended.refuses(SOURCE, words, "clip.mp4")
    assert ended.out == ""


def test_every_picture_that_can_be_read_is_read(tmp_path: Path) -> None:
    grey = Image.new("RGB", (320, 240), (90, 90, 90))
    grey.save(tmp_path / "good.png")
    grey.save(tmp_path / "whole.jpg")
    (tmp_path / "half.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:700])
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    Image.new("1", (12_000, 9_000)).save(tmp_path / "vast.png")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    bad = ["none.png", "empty.png", "text.png", "half.jpg", "dot.png", "vast.png", "folder.png"]
    ended = run(tmp_path, "read", "--json", *bad, "good.png")
    ended.refuses(SOURCE, "there is no file none.png", "1 x 1 pixels", "12000 x 9000 pixels", *bad)
    assert ended.err.count("What to do:") == len(bad)
    told = [json.loads(line) for line in ended.out.splitlines()]
    assert [(line["image"], line["plates"]) for line in told] == [("good.png", [])]


def test_a_clip_that_changes_its_size_is_watched_to_its_end(tmp_path: Path) -> None:
    encoded(tmp_path / "road.ts", "mpegts", "libx264", [(64, 48), (96, 80)], frames=3)
    ended = run(tmp_path, "watch", "road.ts", "--json")
    assert ended.code == 0 and "Traceback" not in ended.err
    assert json.loads(ended.err.splitlines()[-1])["frames"] == 6


def test_what_was_found_before_a_cut_is_told_and_sealed(tmp_path: Path) -> None:
    """Two listed vehicles pass, and the clip ends between them."""
    today = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    road = Road(2, 2, width_px=640, height_px=360, headway_s=4.0, view_from_m=20.0, events=False, detail=False, starts_at=today)
    film(road, tmp_path / "whole.mp4")
    cut(moov_in_front(tmp_path / "whole.mp4", tmp_path / "road.mp4"), 0.6)
    (tmp_path / "hotlist.csv").write_text(hotlist_csv(road))
    ended = run(tmp_path, "watch", "road.mp4", "--hotlist", "hotlist.csv", CLEARWAY_CAMERA__REGION=str(list(road.readable_share)))
    ended.refuses(SOURCE, "was cut off", "what was there has been watched", "1 findings")
    told = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["plate"] for line in told] == [road.listed[0]]
    data = tmp_path / "clearway-data"
    public = load_public_key(data / KEYS / "clearway.pub")
    assert [str(path.relative_to(tmp_path)) for path in list_exhibits(data)] == [told[0]["exhibit"]]
    assert verify(tmp_path / told[0]["exhibit"], {key_id(public): public}).passed


# --- live sources ---


def test_an_address_that_does_not_answer_or_is_none(tmp_path: Path) -> None:
    ended = run(tmp_path, "watch", "rtsp://user:secret@127.0.0.1:9/main", CLEARWAY_CAMERA__RETRY_FOR_S="2")
    ended.refuses(SOURCE, "rtsp://127.0.0.1:9/main", "trying again in 1 s", "gave no picture", "camera.retry_for_s")
    assert "secret" not in ended.err + ended.out
    ended = run(tmp_path, "watch", "gopher://user:secret@127.0.0.1/main")
    ended.refuses(SOURCE, "gopher://127.0.0.1/main", "rtsp://")
    assert "secret" not in ended.err + ended.out


def test_a_line_that_drops_comes_back_and_a_polite_end_is_no_error(tmp_path: Path) -> None:
    with RtspServer(Faults(cut_after=(20,))) as server:
        watching = subprocess.Popen(
            [*PROGRAM, "watch", server.url, "--json"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            while server.connections < 2 or server.asked[-1] != "PLAY":
                assert watching.poll() is None and server.running_s < START_S
                server.wait_s(0.1)
            server.wait_s(0.5)
            watching.send_signal(signal.SIGTERM)
            out, err = watching.communicate(timeout=START_S)
        finally:
            watching.kill()
    assert watching.returncode == 0 and out == "" and "Traceback" not in err, err
    assert "trying again in 1 s" in err and "stopped; the vehicles in view were judged" in err and "secret" not in err
    assert json.loads(err.splitlines()[-1])["frames"] > 2


# --- lists ---

HEADER = ",".join(hotlist.HEADER)


def row(plate: str = "KA17PLE", *, reason: str = "stolen", case: str = "C-1", expires_in_days: int = 30) -> str:
    now = datetime.now(UTC).replace(microsecond=0)
    issued, verified, expires = (
        (now + timedelta(days=days)).isoformat()
        for days in (min(-2, expires_in_days - 2), min(-1, expires_in_days - 1), expires_in_days)
    )
    return f"{plate},DE,car,{reason},police,{case},{issued},{verified},{expires}"


def csv(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


BAD_LISTS: dict[str, tuple[bytes | None, str]] = {
    "missing list": (None, "hotlist.csv"),
    "another encoding": (csv(row(case="Präsidium")).encode("latin-1"), "is not UTF-8: line 2"),
    "UTF-16, as spreadsheets save it": (codecs.BOM_UTF16_LE + csv(row()).encode("utf-16-le"), "is UTF-16 text, not UTF-8"),
    "a bad row": (csv(row(), row() + ",more").encode(), "line 3: 10 fields instead of 9"),
    "an unknown reason": (csv(row(), row(reason="nosy")).encode(), "line 3: "),
    "no expiry": (csv(row().rpartition(",")[0] + ",").encode(), "line 2: "),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose hot list is in force; it came with a BOM, which is no sin."""
    folder = tmp_path_factory.mktemp("published")
    filmed(folder / "road.mp4", [0.0, 0.04])
    (folder / "hotlist.csv").write_bytes(codecs.BOM_UTF8 + csv(row(), row("KA18PLE", expires_in_days=-1)).encode())
    ended = run(folder, "watch", "road.mp4", "--hotlist", "hotlist.csv")
    assert ended.code == 0 and "the hot list is in force: 1 entries; 1 expired ones were left out" in ended.err, ended.err
    return folder


def in_force(folder: Path) -> tuple[bytes, int]:
    """The list at rest, byte by byte, and how many lines the ledger has."""
    data = folder / "clearway-data"
    public = load_public_key(data / KEYS / "clearway.pub")
    return (data / LISTS / hotlist.FILE_NAME).read_bytes(), check(data / LEDGER, public).size


@pytest.mark.parametrize("sin", each_of(BAD_LISTS))
def test_a_bad_list_leaves_the_list_in_force(published: Path, sin: str) -> None:
    data, words = BAD_LISTS[sin]
    path = published / "hotlist.csv"
    path.unlink(missing_ok=True)
    if data is not None:
        path.write_bytes(data)
    before = in_force(published)
    ended = run(published, "watch", "road.mp4", "--hotlist", "hotlist.csv")
    ended.refuses(LIST, words)
    assert in_force(published) == before and not any(plate in ended.err for plate in ("KA17PLE", "SE2CRET"))


@pytest.mark.slow
def test_a_million_rows_with_one_bad_leave_the_list_in_force(published: Path) -> None:
    rows = [row(f"K{number:07d}") for number in range(1_000_000)]
    (published / "hotlist.csv").write_text(csv(*rows, row(reason="nosy")))
    before = in_force(published)
    ended = run(published, "watch", "road.mp4", "--hotlist", "hotlist.csv")
    ended.refuses(LIST, "line 1000002: ")
    assert in_force(published) == before


# --- settings ---


def test_a_bad_setting_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    """`tests/test_settings.py` has the others."""
    (tmp_path / "clearway.toml").write_text('[camera]\nnaem = "gate"\n')
    run(tmp_path, "init").refuses(SETTINGS, "clearway.toml: camera.naem is no setting", "clearway init")
    assert (tmp_path / "clearway.toml").read_text() == '[camera]\nnaem = "gate"\n' and not (tmp_path / "clearway-data").exists()


def test_variables_win_and_what_init_wrote_is_read_again(tmp_path: Path) -> None:
    odd = 'data "of" Köln\\'
    (tmp_path / "clearway.toml").write_bytes(codecs.BOM_UTF8 + b'[store]\ndata = "elsewhere"\n')  # as Notepad saves it
    ended = run(tmp_path, "init", CLEARWAY_STORE__DATA=odd)
    assert ended.code == 0 and (tmp_path / odd / KEYS).is_dir() and not (tmp_path / "elsewhere").exists(), ended.err
    (tmp_path / "clearway.toml").unlink()
    assert run(tmp_path, "init", CLEARWAY_STORE__DATA=odd, CLEARWAY_CAMERA__NAME="7").code == 0
    written = (tmp_path / "clearway.toml").read_text()
    again = run(tmp_path, "init")
    assert again.code == 0 and "the keys that were there" in again.err, again.err
    assert (tmp_path / "clearway.toml").read_text() == written and 'name = "7"' in written


def test_folders_and_words_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    filmed(tmp_path / "road.mp4", [0.0])
    run(tmp_path, "init", "--data", "file").refuses(STORE, "file/keys", "folder")
    run(tmp_path, "watch", "road.mp4", "--settings", "none.toml").refuses(SETTINGS, "none.toml", "clearway init")
    (tmp_path / "data" / KEYS).mkdir(parents=True)
    (tmp_path / "data" / KEYS / "clearway.key").write_text("no key")
    run(tmp_path, "watch", "road.mp4", "--out", "data").refuses(STORE, "clearway.key", "backup")
    ended = run(tmp_path, "wacth", "road.mp4")
    assert ended.code == USAGE and "invalid choice: 'wacth'" in ended.err and "Traceback" not in ended.err
