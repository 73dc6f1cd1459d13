"""A witness that listens on loopback, as `clearway witness` does, and one for a ledger at hand."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from clearway.envelope import create_keys
from clearway.evidence.ledger import Ledger
from clearway.evidence.note import Verifier
from clearway.evidence.witness import Server, Witness

COSIGNED_AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


@contextmanager
def served(witness: Witness) -> Iterator[tuple[str, list[str]]]:
    """Where it listens, and what came of each request so far."""
    told: list[str] = []
    with Server(("127.0.0.1", 0), witness, told.append) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", told
        finally:
            server.shutdown()
            thread.join()


def witness_of(ledger: Ledger, public_key: bytes, folder: Path, name: str) -> Witness:
    """A witness with keys of its own that watches this ledger."""
    return Witness(folder, name, create_keys(folder), {ledger.origin: Verifier(ledger.origin, public_key)}, lambda: COSIGNED_AT)
