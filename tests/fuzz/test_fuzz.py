"""No foreign bytes crash a parser, and none are taken for what they are not. Always the same bytes; `run.py` looks for others."""

import random

import pytest
from tests.fuzz.mutate import mutated
from tests.fuzz.targets import CORPUS, TARGETS, seeds

# Both verifiers and the disk take their time; a parser of a text does not.
TURNS = {"bundle": 60, "exhibit": 60, "ledger": 60, "settings": 120}


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus(name: str) -> None:
    for raw in (b"", *seeds(name)):
        TARGETS[name](raw)


@pytest.mark.parametrize("name", TARGETS)
def test_what_dice_make_of_it(name: str) -> None:
    dice, begin = random.Random(name), seeds(name)
    for _ in range(TURNS.get(name, 400)):
        raw = mutated(dice, begin)
        try:
            TARGETS[name](raw)
        except BaseException:
            print(f"keep it as a file in {CORPUS / name}: {raw!r}")
            raise


def test_each_target_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that accepts anything is no target: with a verifier that passes everything, it says so."""
    monkeypatch.setattr("tests.fuzz.targets._both", lambda raw: True)
    for name in ("bundle", "exhibit"):
        with pytest.raises(AssertionError, match="than what was sealed"):
            TARGETS[name](b"\x01\x00\x00\x00\x00something else")
    monkeypatch.setattr("tests.fuzz.targets.open_sealed", lambda raw, *_: (raw, ""))
    with pytest.raises(AssertionError):
        TARGETS["dsse"](b"{}")
