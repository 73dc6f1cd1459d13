"""The whole story, as its user plays it. Takes about a minute."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from clearway.edge.station import DATABASE
from clearway.envelope import key_id, load_public_key
from clearway.evidence.bundle import list_exhibits
from clearway.evidence.vault import Vault
from clearway.evidence.verify import verify
from clearway.store import Store

DEMO = [sys.executable, "-m", "clearway.cli.main", "demo"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's folder and what it said by the time the hub was open; the hub is asked and then ended as Ctrl-C would."""
    folder = tmp_path_factory.mktemp("demo")
    with (folder / "said").open("w+") as said:
        environment = os.environ | {"TMPDIR": str(folder)}
        demo = subprocess.Popen(DEMO, cwd=folder, stderr=said, stdout=subprocess.DEVNULL, env=environment)
        deadline_s = time.monotonic() + 240
        while demo.poll() is None and time.monotonic() < deadline_s:
            found = re.search(r"http://127\.0\.0\.1:\d+", (folder / "said").read_text())
            if found and "sign-in" in (folder / "said").read_text():
                with urllib.request.urlopen(f"{found[0]}/public", timeout=10) as page:
                    (folder / "public.html").write_bytes(page.read())
                break
            time.sleep(0.5)
        demo.send_signal(signal.SIGINT)
        code = demo.wait(timeout=30)
    assert code in (0, 130), (folder / "said").read_text()
    return folder, (folder / "said").read_text()


def test_four_findings_among_all_that_passed(told: tuple[Path, str]) -> None:
    _, said = told
    assert said.count("▲ WANTED") == 2
    assert said.count("▲ PAPERS") == 1
    assert said.count("▲ SPEED") == 1
    passed, read = map(int, re.findall(r"(\d+) vehicles passed, (\d+) plates read", said)[0])
    assert passed >= 20 and read == passed


def test_its_exhibits_verify(told: tuple[Path, str]) -> None:
    folder, said = told
    public = load_public_key(folder / "demo-data" / "keys" / "clearway.pub")
    # The hub has taken them in: each lies encrypted under a key of its own.
    vault = Vault(folder / "demo-data")
    with Store(folder / "demo-data" / DATABASE) as store:
        keys = {name: store.key(name) for name in store.keyed()}
    assert len(keys) == 4 and not list_exhibits(folder / "demo-data")
    for name, key in keys.items():
        assert key is not None
        content = vault.get(name, key)
        assert content is not None and verify(Path(f"{name}.zip"), {key_id(public): public}, content=content).passed
    assert "32 of 32 steps passed" in said


def test_the_hub_was_open_and_counts(told: tuple[Path, str]) -> None:
    folder, _ = told
    assert "Clearway" in (folder / "public.html").read_text()


def test_the_clip_is_gone(told: tuple[Path, str]) -> None:
    folder, _ = told
    assert not [*folder.rglob("road.mp4"), *folder.rglob("street.mp4")]


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep me")
    done = subprocess.run([*DEMO, "--no-serve", "--data", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "What to do" in done.stderr
    assert (tmp_path / "precious").read_text() == "keep me"
