"""Exhibits in `exhibits/` (version 3 of the format) and `exhibits-4/`, each named for its sin, that both verifiers refuse for
ever, at the steps that are named here.

`none` has none and passes. Others, larger ones among them, are made by `tests/evidence/sins.py` when they are needed.
"""

from pathlib import Path

import pytest
from tests.evidence.test_two_verifiers import both

from clearway.envelope import load_public_key
from clearway.evidence.token import load_certificates

FOLDER = Path(__file__).with_name("exhibits-4")

# Name → the steps that do not pass. What rests on a step that failed is not tried, and has not passed either.
REFUSED_AT: dict[str, set[int]] = {
    "none": set(),
    "none-stamped": set(),
    "changed-pixel": {4},
    "swapped-files": {4},
    "file-added": {3, 4},
    "file-missing": {3, 4},
    "name-twice": set(range(1, 9)),
    "dot-dot-name": set(range(1, 9)),
    "bomb": set(range(1, 9)),
    "link": set(range(1, 9)),
    "bytes-behind": set(range(1, 9)),
    "bytes-between": set(range(1, 9)),
    "two-checksums": set(range(1, 9)),
    "cut": set(range(1, 9)),
    "signed-by-a-stranger": {5, 7},
    "statement-of-another": {5},
    "changed-claim": {5, 6, 7},
    "proof-of-another-tree": {6, 7},
    "ledger-of-another": {6, 7},
    "backdated-entry": {6, 7},
    "cut-ledger": {6, 7},
    "checkpoint-signature-broken": {7},
    "duplicate-json-key": set(range(2, 9)),
    "token-for-another-digest": {8},
    "token-of-a-stranger": {8},
    "token-by-an-expired-certificate": {8},
    "clocks-backwards-token": {8},
    "clocks-backwards-sealing": {8},
    "clocks-backwards-frames": {8},
}


# `none-red-light` has none either: a red light, with the signal as it was filmed and the empty road.
FOLDERS = {FOLDER: REFUSED_AT | {"none-red-light": set()}, FOLDER.with_name("exhibits"): REFUSED_AT}


@pytest.mark.parametrize(("folder", "sin"), [(folder, sin) for folder, sins in FOLDERS.items() for sin in sins])
def test_each_is_refused_for_its_sin_by_both(folder: Path, sin: str) -> None:
    passed = both(folder / f"{sin}.zip", [load_public_key(folder / "clearway.pub")], load_certificates(folder / "tsa.pem"))
    assert {number for number, step in enumerate(passed, start=1) if not step} == FOLDERS[folder][sin]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_has_a_name_for_its_sin(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.zip")} == set(FOLDERS[folder])
