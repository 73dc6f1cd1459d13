"""How many entries a second the ledger takes, in batches with one checkpoint a second.

    .venv/bin/python benchmarks/ledger.py --folder DIR

Entries come at the stated rate, made by the same process; each batch holds what a second brings, and is acknowledged when its
entries, its tiles and its checkpoint are on the disk of DIR. The figure counts acknowledged entries over wall time, from the
first one made to the last acknowledgement. A second line tells what one entry alone and a proof cost, a third what `fsck` does.
"""

import argparse
import secrets
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from clearway.envelope import create_keys
from clearway.evidence.fsck import check
from clearway.evidence.ledger import Entry, Event, Ledger

CHECKPOINT_S = 1.0
SINGLE = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long entries come (default: 20)")
    parser.add_argument("--rate", type=int, default=10_000, help="how many come in a second at most (default: 10,000)")
    parser.add_argument("--folder", type=Path, help="on which disk (default: that of temporary files)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        signer = create_keys(Path(folder) / "keys")
        ledger = Ledger(Path(folder) / "ledger", signer)
        cpu_s = time.process_time()
        batches = _load(ledger, given.seconds, given.rate)
        cpu_s = time.process_time() - cpu_s
        checkpoints, entries = len(batches), ledger.size
        worst_s = max(took for _, took in batches)
        wall_s = sum(took for _, took in batches)
        print(
            f"{entries} entries under {checkpoints} checkpoints in {wall_s:.1f} s: {entries / wall_s:,.0f} a second; "
            f"the slowest checkpoint came after {worst_s:.2f} s; {1e6 * cpu_s / entries:.0f} µs of CPU time an entry"
        )
        singles, proofs = [], []
        for _ in range(SINGLE):
            begun = time.perf_counter()
            number = ledger.append_all([_entry()])[0]
            appended = time.perf_counter()
            ledger.prove(secrets.randbelow(number))
            singles.append(appended - begun)
            proofs.append(time.perf_counter() - appended)
        print(f"one entry alone: {1e3 * statistics.median(singles):.1f} ms; a proof: {1e3 * statistics.median(proofs):.1f} ms")
        begun = time.perf_counter()
        check(Path(folder) / "ledger", signer.public_key())
        print(f"deriving all of it again: {(time.perf_counter() - begun):.1f} s")


def _load(ledger: Ledger, seconds: float, rate: int) -> list[tuple[int, float]]:
    """Entries and wall time of each batch, waiting included where a second's entries took less than a second."""
    batches: list[tuple[int, float]] = []
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        ledger.append_all([_entry() for _ in range(rate)])
        time.sleep(max(0.0, begun + CHECKPOINT_S - time.perf_counter()))
        batches.append((rate, time.perf_counter() - begun))
    return batches


def _entry() -> Entry:
    return Entry(Event.EXHIBIT_VIEW, secrets.token_hex(32), datetime.now(UTC), "officer:7")


if __name__ == "__main__":
    main()
