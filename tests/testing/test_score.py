"""The score of a reader agrees with the scorer that nobody of ours wrote, and its doubts are true."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.facts import Box
from clearway.testing.score import Label, Share, Told, calibration_error, edits, largest_share, reliability, score

SHARED = Path(__file__).resolve().parents[2] / "../shared/measure/score.py"
TEXTS = st.sampled_from(["AB123", "AB12", "AB124", "ab-123", "", "京A12345", "A8123"])
SPOTS = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    *(st.integers(0, 40), st.integers(0, 20)),
    *(st.integers(1, 30), st.integers(1, 20)),
)
LABELS = st.builds(Label, st.lists(TEXTS.filter(bool), max_size=2).map(tuple), st.none() | SPOTS)
TOLD = st.builds(Told, TEXTS, st.integers(0, 100).map(lambda n: n / 100), st.none() | SPOTS)
PICTURES = st.lists(st.tuples(st.lists(LABELS, max_size=3), st.lists(TOLD, max_size=4)), min_size=1, max_size=20)


@pytest.fixture(scope="module")
def theirs() -> ModuleType:
    if not SHARED.is_file():
        pytest.skip("the scorer that others measure with is not there: ../shared/measure/score.py")
    spec = importlib.util.spec_from_file_location("shared_score", SHARED)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def told_row(one: Told) -> dict[str, object]:
    box = one.box and [one.box.left_px, one.box.top_px, one.box.right_px, one.box.bottom_px]
    return {"text": one.text, "p": one.p, "box": box}


def label_row(one: Label) -> dict[str, object]:
    box = one.box and [one.box.left_px, one.box.top_px, one.box.width_px, one.box.height_px]
    return {"text": one.texts[0] if one.texts else None, "also": list(one.texts[1:]), "box": box}


@given(pictures=PICTURES, gate=st.sampled_from([0.0, 0.5, 0.9]))
def test_it_scores_as_others_do(theirs: ModuleType, pictures: list[tuple[list[Label], list[Told]]], gate: float) -> None:
    ours = score(pictures, gate)
    labels = [{"image": f"a/{n}.jpg", "plates": [label_row(one) for one in row]} for n, (row, _) in enumerate(pictures)]
    readings = [{"image": f"a/{n}.jpg", "plates": [told_row(one) for one in row]} for n, (_, row) in enumerate(pictures)]
    found = theirs.score(labels, readings, gate)
    pairs = {
        "full_plate": ours.full_plate,
        "within_one": ours.within_one,
        "located": ours.located,
        "precision": ours.right_at_gate,
        "coverage": ours.told_at_gate,
    }
    for name, share in pairs.items():
        assert found[name] == (None if share.value is None else pytest.approx(share.value, abs=1e-4)), name
    assert found["coverage_at_997"] == pytest.approx(ours.accepted.value or 0.0, abs=1e-4)
    assert found["extra_per_1000"] == pytest.approx(1000 * ours.extra / len(pictures), abs=0.05)


@given(one=st.text("AB1", max_size=6), other=st.text("AB1", max_size=6))
def test_edits_are_a_distance(one: str, other: str) -> None:
    assert edits(one, other) == edits(other, one) >= abs(len(one) - len(other))
    assert (edits(one, other) == 0) == (one == other)


def test_the_interval_of_a_share_is_wilsons() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81 of 263, 0 of 20, 1 of 29.
    for hits, count, low, high in ((81, 263, 0.2553, 0.3662), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)):
        assert Share(hits, count).interval == pytest.approx((low, high), abs=5e-5)
    assert Share(0, 0).interval == (0.0, 1.0)


def test_a_gate_is_chosen_that_keeps_the_wrong_out() -> None:
    answers = [(0.9, True)] * 400 + [(0.8, False)] + [(0.7, True)] * 10 + [(0.6, False)] * 5
    assert largest_share(answers) == (411, 0.7)
    assert largest_share([(0.9, False)]) == (0, None)


def test_honest_claims_have_no_calibration_error_and_boasts_do() -> None:
    dice = np.random.default_rng(5)
    p = dice.random(40_000)
    right = dice.random(len(p)) < p
    assert calibration_error(list(p), list(right)) == pytest.approx(0.0, abs=0.01)
    assert calibration_error([0.99] * 1000, [True] * 890 + [False] * 110) == pytest.approx(0.10, abs=0.001)
    assert calibration_error([], []) is None
    assert [one.count for one in reliability(list(p), list(right))] == [4000] * 10
