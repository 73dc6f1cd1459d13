"""How long each stage takes for a frame, how many streams that makes, and whether memory grows. Run it on an idle machine.

    python benchmarks/stages.py CLIP --settings FILE --lines 1080
    python benchmarks/stages.py CLIP --frames 10000

The first part watches CLIP once with the detector and the reader of the settings and times every stage; with --lines, as a camera
of so many lines would have filmed it (enlarged and encoded anew). How many streams of 25 frames a second two cores hold follows
from the processor time, and how many by decoding alone. The second part, for --frames, plays CLIP in a loop for
so many frames through the whole pipeline, with a detector that looks but never finds (so that what is measured is the program
and not the models), and prints the resident memory along the way: after the first tenth it must not grow.
"""

import argparse
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from clearway import settings as settings_file
from clearway.camera.clip import Clip
from clearway.edge.station import Station, first_sight
from clearway.facts import Box, Detection, Frame, Reading
from clearway.ports import Source
from clearway.settings import Settings
from clearway.sight.attention import Attention
from clearway.sight.look import look
from clearway.track.tracker import Tracker
from films import scaled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", metavar="CLIP", type=Path)
    parser.add_argument("--settings", metavar="FILE", type=Path, help="a settings file (default: ./clearway.toml, if any)")
    parser.add_argument("--lines", metavar="N", type=int, help="enlarge CLIP to so many lines first")
    parser.add_argument("--frames", metavar="N", type=int, help="how many frames the memory test plays (default: none)")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        clip = scaled(given.clip, given.lines, Path(folder) / given.clip.name) if given.lines else given.clip
        time_stages(clip, settings_file.load(given.settings))
    if given.frames:
        watch_memory(given.clip, given.frames)


Result = TypeVar("Result")
CORES, FRAMES_PER_S = 2, 25


class Stopwatch:
    """CPU and wall milliseconds by stage."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = defaultdict(int)
        self.cpu_ms: dict[str, float] = defaultdict(float)
        self.wall_ms: dict[str, float] = defaultdict(float)

    def timed(self, stage: str, work: Callable[[], Result]) -> Result:
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        result = work()
        self.calls[stage] += 1
        self.cpu_ms[stage] += 1e3 * (time.process_time() - cpu_s)
        self.wall_ms[stage] += 1e3 * (time.perf_counter() - wall_s)
        return result


def time_stages(path: Path, settings: Settings) -> None:
    watch = Stopwatch()
    clip = Clip(path, "bench", 0.0)
    detector, reader = first_sight(settings)
    attention = Attention()
    track = settings.track
    tracker = Tracker(
        "bench", lost_after_s=track.lost_after_s, judged_after_s=track.judged_after_s, plate_p_min=track.plate_p_min
    )
    frames, looks, due_at = 0, 0, None
    source = iter(clip)
    while (frame := watch.timed("decode", lambda: next(source, None))) is not None:
        frames += 1
        if due_at is not None and frame.captured_at < due_at:
            continue
        due_at = frame.captured_at + timedelta(seconds=1 / settings.camera.looks_per_s)
        expected = tracker.expected(frame.captured_at)
        regions = watch.timed("attend", lambda f=frame, e=expected: attention.regions(f, e))  # type: ignore[misc]
        seen = watch.timed("look", lambda f=frame, r=regions: look(f, r, detector, reader))  # type: ignore[misc]
        watch.timed("track", lambda f=frame, s=seen: tracker.update(f.captured_at, s.sightings, 0.0))  # type: ignore[misc]
        looks += bool(regions)
    print(f"{path.name}: {frames} frames, {looks} looks, by {detector.name} and {reader.name}\n")
    print(f"{'stage':<8} {'calls':>6} {'CPU-ms a call':>14} {'CPU-ms a frame':>15} {'wall-ms a frame':>16}")
    for stage, calls in watch.calls.items():
        cpu_ms, wall_ms = watch.cpu_ms[stage], watch.wall_ms[stage]
        print(f"{stage:<8} {calls:>6} {cpu_ms / calls:>14.2f} {cpu_ms / frames:>15.2f} {wall_ms / frames:>16.2f}")
    whole, decoding = (
        CORES * 1e3 / FRAMES_PER_S / (cpu_ms / frames) for cpu_ms in (sum(watch.cpu_ms.values()), watch.cpu_ms["decode"])
    )
    print(f"\n{CORES} cores hold {whole:.1f} such streams of {FRAMES_PER_S} frames a second; {decoding:.1f} by decoding alone\n")


class Looped:
    """One clip over and over as one recording that never ends before `frames_expected`."""

    clock, frames_dropped = "the loop", 0

    def __init__(self, path: Path, frames: int) -> None:
        self.camera, self._path = "bench", path
        self.frames_expected: int | None = frames

    def __iter__(self) -> Iterator[Frame]:
        number, shift = 0, timedelta()
        while True:
            clip = Clip(self._path, self.camera, 0.0)
            first, last = None, None
            for frame in clip:
                first = first or frame.captured_at
                last = frame.captured_at
                yield replace(frame, number=number, captured_at=frame.captured_at + shift)
                number += 1
                if number == self.frames_expected:
                    return
            assert first is not None and last is not None
            shift += last - first + timedelta(milliseconds=40)


class Unseeing:
    """A detector and reader that cost nothing, so that only the program around them is measured."""

    name = "unseeing"
    weights: tuple[tuple[str, str], ...] = ()
    temperature = None

    def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
        return ()

    def read(self, frame: Frame, plate: Detection) -> Reading | None:
        return None


def watch_memory(path: Path, frames: int) -> None:
    source: Source = Looped(path, frames)
    every = max(1, frames // 10)
    sizes: list[float] = []

    def measure(frame: Frame) -> None:
        if (frame.number + 1) % every == 0:
            sizes.append(resident_mb())
            print(f"{frame.number + 1:>7} frames  {sizes[-1]:7.1f} MB resident", flush=True)

    with TemporaryDirectory() as folder:
        station = Station(Path(folder), Settings())
        pipeline = station.pipeline(source, Unseeing(), Unseeing())
        for _ in pipeline.run(on_frame=measure):
            pass
    print(f"\ngrowth after the first tenth: {sizes[-1] - sizes[0]:+.1f} MB over {frames - every} frames")


def resident_mb() -> float:
    """This process's resident memory, by Linux (proc(5), statm counts pages)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
