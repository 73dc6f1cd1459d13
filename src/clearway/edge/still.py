"""One still of a view in which nothing moves: what a person draws on, and what a camera's look is known again by.

Of each pixel the middle one of many moments is taken, so that whoever passes is in none of it. Pictures are held in memory, few
of them, and let go of when the still is made.
"""

from collections.abc import Iterable
from datetime import timedelta

import numpy as np

from clearway.errors import SourceError
from clearway.facts import Frame, Pixels

SAMPLES_MAX, HELD_MB_MAX = 25, 512
# A live camera is watched for so long; of a clip, so many frames.
LIVE, FRAMES_MAX = timedelta(seconds=20), 3000
_ROWS = 64


def still_of(frames: Iterable[Frame], *, live: bool) -> Pixels:
    """The still of those frames, all of one size. SourceError where there is none."""
    samples: list[Pixels] = []
    every, first_at = 1, None
    for frame in frames:
        first_at = first_at or frame.captured_at
        if samples and frame.pixels.shape != samples[0].shape:
            raise SourceError("the pictures are of different sizes.", remedy="calibrate one view at a time.")
        if frame.number % every == 0:
            samples.append(frame.pixels)
            if len(samples) > max(3, min(SAMPLES_MAX, HELD_MB_MAX * 1_000_000 // frame.pixels.nbytes)):
                samples, every = samples[::2], every * 2
        if (live and frame.captured_at - first_at > LIVE) or frame.number >= FRAMES_MAX:
            break
    if not samples:
        raise SourceError("the source gave no picture.", remedy="check that it plays elsewhere.")
    return middle(samples)


def middle(samples: list[Pixels]) -> Pixels:
    """Of each pixel and channel the middle value; the lower one of two, so that it was there once."""
    still = np.empty_like(samples[0])
    place = (len(samples) - 1) // 2
    for top in range(0, len(still), _ROWS):
        rows = slice(top, top + _ROWS)
        still[rows] = np.partition(np.stack([one[rows] for one in samples]), place, axis=0)[place]
    return still
