"""Looks for bytes that break a parser, for as long as it is told: `python -m tests.fuzz.run [--seconds 300] [NAME…]`.

With atheris (pip install atheris) it is guided by what the bytes reach; without it, by dice. It says how many it tried, and
writes what broke a parser to `tests/fuzz/corpus/NAME/`, where the tests find it from then on.
"""

import argparse
import hashlib
import os
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

try:
    import atheris
except ImportError:
    atheris = None

if atheris is None:
    from tests.fuzz.targets import CORPUS, TARGETS, seeds
else:
    with atheris.instrument_imports(include=["clearway"]):
        from tests.fuzz.targets import CORPUS, TARGETS, seeds

from tests.fuzz.mutate import WORDS, mutated


def kept(name: str, raw: bytes) -> Path:
    path = CORPUS / name / f"found-{hashlib.sha256(raw).hexdigest()[:12]}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(raw)
    return path


def by_dice(name: str, seconds: float, seed: int) -> int:
    """How many were tried; the finding, where there was one, is raised."""
    dice, begin, until_s, tried = random.Random(seed), seeds(name), time.monotonic() + seconds, 0
    while time.monotonic() < until_s:
        raw = mutated(dice, begin)
        try:
            TARGETS[name](raw)
        except BaseException:
            print(f"{name}: found after {tried}: {kept(name, raw)}", flush=True)
            raise
        tried += 1
    return tried


def guided(name: str, seconds: float, seed: int) -> None:
    """Does not return: libFuzzer ends the process."""
    with tempfile.TemporaryDirectory() as folder:
        for number, raw in enumerate(seeds(name)):
            (Path(folder) / str(number)).write_bytes(raw)
        words = Path(folder) / "words.txt"
        spelled = ("".join(map("\\x{:02x}".format, word)) for word in WORDS if len(word) < 64)
        words.write_text("".join(f'"{word}"\n' for word in spelled), encoding="ascii")

        def tried(raw: bytes) -> None:
            try:
                TARGETS[name](raw)
            except BaseException:
                print(f"{name}: found: {kept(name, raw)}", flush=True)
                raise

        options = [f"-max_total_time={int(seconds)}", f"-seed={seed}", "-max_len=65536", f"-dict={words}", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], folder, *options], tried)
        atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", choices=[*TARGETS, []], help=f"of {', '.join(TARGETS)}; all by default"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="for each of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dice", action="store_true", help="without atheris, also where it is there")
    given = parser.parse_args()
    found = 0
    for name in given.names or TARGETS:
        if atheris is not None and not given.dice:
            child = os.fork()  # libFuzzer ends its process
            if child == 0:
                guided(name, given.seconds, given.seed)
            found += os.waitpid(child, 0)[1] != 0
            continue
        try:
            print(f"{name}: {by_dice(name, given.seconds, given.seed)} tried, none broke it", flush=True)
        except Exception:
            traceback.print_exc()
            found += 1
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main())
