"""IDF1 and identity switches by their definition: on cases small enough to count by hand, and against every pairing there is."""

from collections.abc import Sequence
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from clearway.facts import Box
from clearway.testing.followed import Following, Labelled, Told, Vehicle, following, heaviest, labelled

SIDE_PX = 40.0


def box(x: float, y: float = 0.0) -> Box:
    return Box(x, y, x + SIDE_PX, y + SIDE_PX)


def driving(number: int, y: float, doubtful: tuple[tuple[int, int], ...] = ()) -> Vehicle:
    """Ten pixels to the right in each of ten frames."""
    return Vehicle(number, ((0, box(0, y)), (9, box(90, y))), doubtful)


def clip(*vehicles: Vehicle, ignored: tuple[Box, ...] = ()) -> Labelled:
    return Labelled("made.mp4", 25.0, 0, 9, ignored, vehicles)


def told(y: float, numbers: Sequence[int | None]) -> dict[int, list[Told]]:
    """The same way in the same ten frames, told under these identities."""
    return {frame: [(box(10 * frame, y), number)] for frame, number in enumerate(numbers)}


def test_whoever_is_followed_without_a_fault_scores_one() -> None:
    assert following(clip(driving(1, 0)), told(0, [7] * 10)) == Following(10, 10, 10, 10, 0, 1)


def test_a_second_identity_is_one_switch_and_costs_what_it_held() -> None:
    score = following(clip(driving(1, 0)), told(0, [7] * 6 + [8] * 4))
    assert (score.hits, score.switches) == (6, 1)
    assert score.idf1 == 0.6 and score.idf1_of_found == 0.6


def test_what_was_not_found_is_the_detectors_and_no_switch() -> None:
    looks = told(0, [7] * 10)
    looks[4] = looks[5] = []
    score = following(clip(driving(1, 0)), looks)
    assert (score.truths, score.told, score.found, score.switches) == (10, 8, 8, 0)
    assert score.idf1 == 16 / 18 and score.idf1_of_found == 1.0


def test_two_who_swap_identities_are_two_switches() -> None:
    looks = {
        frame: [(box(10 * frame, 0), 7 if frame < 5 else 8), (box(10 * frame, 100), 8 if frame < 5 else 7)] for frame in range(10)
    }
    score = following(clip(driving(1, 0), driving(2, 100)), looks)
    assert (score.hits, score.truths, score.switches, score.vehicles) == (10, 20, 2, 2)


def test_a_box_beside_the_vehicle_is_a_false_one() -> None:
    looks = {frame: [(box(10 * frame, 30), 7)] for frame in range(10)}
    assert following(clip(driving(1, 0)), looks) == Following(0, 10, 10, 0, 0, 1)


def test_what_is_doubtful_or_ignored_counts_for_nobody() -> None:
    looks = {frame: [(box(10 * frame, 0), 7 if frame < 8 else 8), (box(500, 500), 9)] for frame in range(10)}
    labels = clip(driving(1, 0, doubtful=((8, 9),)), ignored=(Box(400, 400, 800, 800),))
    assert following(labels, looks) == Following(8, 8, 8, 8, 0, 1)


def test_frames_that_nobody_labelled_are_left_out() -> None:
    assert following(clip(driving(1, 0)), {30: [(box(0), 7)]}) == Following()


def test_labels_are_read_from_their_lines() -> None:
    lines = (
        '{"clip": "a.mp4", "frames_per_s": 12.5, "first": 2, "last": 8, "ignored": [[0, 0, 9, 9]]}',
        '{"vehicle": 3, "keys": [[2, 0, 0, 40, 40], [6, 8, 0, 48, 40]], "doubtful": [[5, 6]]}',
    )
    labels = labelled(lines)
    ((vehicle, place, counts),) = labels.seen(4)
    assert (labels.clip, labels.frames_per_s, labels.first, labels.last) == ("a.mp4", 12.5, 2, 8)
    assert (vehicle.number, counts) == (3, True)
    assert place == Box(4, 0, 44, 40)
    assert [counts for _, _, counts in labels.seen(5)] == [False]
    assert labels.seen(7) == []


@given(st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.integers(0, 20)))
def test_no_pairing_is_heavier(weights: dict[tuple[int, int], int]) -> None:
    best = max(sum(weights.get(pair, 0) for pair in enumerate(order)) for order in permutations(range(5)))
    assert heaviest(weights) == best
