"""A live picture's time is the stream's own interval on this machine's clock, whatever the network does on the way."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from clearway.camera.live import StreamClock

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)


def test_jitter_is_taken_out() -> None:
    """Pictures leave every 40 ms and arrive up to 300 ms late; after a few, their intervals are 40 ms again."""
    delays_s = np.random.default_rng(1).uniform(0.02, 0.3, 200)
    clock = StreamClock()
    times = [clock.captured_at(0.04 * n, AT + timedelta(seconds=0.04 * n + d)) for n, d in enumerate(delays_s)]
    late_s = [(at - AT).total_seconds() - 0.04 * n for n, at in enumerate(times)]
    assert max(late_s[100:]) < 0.05 and min(late_s) >= 0.02
    steps_s = np.diff([(at - AT).total_seconds() for at in times[100:]])
    assert steps_s == pytest.approx(0.04, abs=0.002)


def test_a_camera_whose_clock_runs_slow_is_followed() -> None:
    """An hour in which the camera's clock loses 90 parts in a million: 0.3 s that must not pile up."""
    clock = StreamClock()
    for second in range(3600):
        at = clock.captured_at(second * (1 - 9e-5), AT + timedelta(seconds=second))
    assert abs((at - AT).total_seconds() - 3599) < 0.02


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_a_clock_that_was_set_begins_anew(jump_s: float) -> None:
    clock = StreamClock()
    clock.captured_at(10.0, AT)
    assert clock.captured_at(10.04 + jump_s, AT + timedelta(seconds=0.04)) == AT + timedelta(seconds=0.04)


def test_without_time_stamps_arrival_counts() -> None:
    assert StreamClock().captured_at(None, AT) == AT
