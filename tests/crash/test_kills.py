"""Nothing acknowledged is lost, and nothing is there in part, when the program is killed (kill -9) at any moment."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from tests.crash.work import Told, assert_kept, ended, in_a_child, lines_of


def killed(data: Path, seed: int, dice: random.Random, told: Told) -> bool:
    """Works there until it is killed; whether that was before the work was done.

    The moment is counted from something that was done, never from the start: how long anything takes is the machine's affair.
    """
    child, reader = in_a_child(data, seed, acts=8)
    try:
        heard, began_s = 0, time.monotonic()
        for line in lines_of(reader, wanted=dice.randint(1, 8)):
            told.hear(line)
            heard += 1
        # Somewhere in what comes next, which takes about as long as what came before.
        time.sleep(dice.uniform(0, 2 * (time.monotonic() - began_s) / max(1, heard)))
    finally:
        os.kill(child, signal.SIGKILL)
        for line in lines_of(reader):
            told.hear(line)
        os.close(reader)
    status = ended(child)
    assert os.WIFSIGNALED(status) or status == 0, "it was killed, or done; never ended by an error of its own"
    return os.WIFSIGNALED(status)


def kill_through(tmp_path: Path, kills: int, seed: int, afresh_every: int) -> None:
    dice, at_work = random.Random(seed), 0
    told, acknowledged = Told(), 0
    for number in range(kills):
        if number % afresh_every == 0:
            acknowledged, told = acknowledged + told.lines, Told()
        data = tmp_path / f"data-{number // afresh_every}"
        at_work += killed(data, seed * 100_000 + number, dice, told)
        assert_kept(data, told)
    assert at_work > kills // 2, "most were killed at work"
    assert acknowledged + told.lines > kills, "and much was acknowledged before"


def test_a_few_dozen_kills(tmp_path: Path) -> None:
    kill_through(tmp_path, kills=30, seed=1, afresh_every=10)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_a_thousand_kills(tmp_path: Path, part: int) -> None:
    kill_through(tmp_path, kills=100, seed=10 + part, afresh_every=10)
