"""Somebody works on a data folder (seals, enters, takes in, decides, counts, erases) and says what is done, until they are cut
off.

`Told` is what they said before that; `assert_kept` holds a data folder to it.
"""

import faulthandler
import json
import os
import random
import select
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.evidence.world import SEALED_AT, World

from clearway.check import hotlist, lists
from clearway.envelope import FileSigner, load_signer
from clearway.evidence.bundle import list_exhibits
from clearway.evidence.fsck import check
from clearway.evidence.ledger import Entry, Event, Ledger
from clearway.evidence.verify import verify
from clearway.facts import Decision, Verdict
from clearway.hub.review import Review

OFFICER, CAMERA = "officer-1", "north-gate"
ACTS = ("seal", "seal", "enter", "take in", "take in", "decide", "count", "erase", "publish")
CSV = (
    "plate,region,class,reason,source,case,issued,verified,expires\n"
    "AB12CDE,GB,car,stolen,Police of Example,{case},2026-11-20T09:00:00Z,,2126-12-31T00:00:00Z\n"
)
_ANSWER_S = 120.0  # far beyond what any of it takes on a machine that has much else to do


@dataclass
class Told:
    """Everything that was acknowledged, by whoever worked."""

    key: str = ""
    sealed: set[str] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    maybe_erased: set[str] = field(default_factory=set)  # somebody had begun to
    entries: dict[int, str] = field(default_factory=dict)  # subject by index
    counted: int = 0
    maybe_counted: int = 0
    published: int = 0
    maybe_published: int = 0
    lines: int = 0

    def hear(self, line: bytes) -> None:
        said = json.loads(line)
        self.lines += 1
        match said["what"]:
            case "key":
                assert self.key in ("", said["key"]), "an acknowledged key is the key for ever"
                self.key = said["key"]
            case "sealed":
                self.sealed.add(said["id"])
            case "entered":
                self.entries |= {int(index): subject for index, subject in said["entries"].items()}
            case "decided":
                self.decided.add(said["id"])
            case "counting":
                self.maybe_counted += 1
            case "counted":
                self.counted += 1
            case "publishing":
                self.maybe_published = said["case"]
            case "published":
                self.published = said["case"]
            case "erasing":
                self.maybe_erased.add(said["id"])
            case "erased":
                self.erased.add(said["id"])
            case "taken in" | "begun":
                pass
            case other:
                raise AssertionError(other)


def work(data: Path, seed: int, out: int, acts: int) -> None:
    """Does that many acts; each is said on `out` once it is acknowledged, and what cannot be undone also before."""

    def say(what: str, **more: object) -> None:
        os.write(out, json.dumps({"what": what} | more).encode() + b"\n")

    dice = random.Random(seed)
    world = World(data)
    say("key", key=world.signer.key_id)
    review = Review(data, lambda: SEALED_AT + timedelta(minutes=5))
    say("begun")
    for number in range(acts):
        match dice.choice(ACTS):
            case "seal":
                say("sealed", id=world.seal().id)
            case "enter":
                entries = [
                    Entry(Event.EXHIBIT_VIEW, dice.randbytes(32).hex(), SEALED_AT, "officer:1")
                    for _ in range(dice.choice((1, 1, 5, 300)))
                ]
                indexes = world.ledger.append_all(entries)
                say("entered", entries={index: entry.subject for index, entry in list(zip(indexes, entries, strict=True))[-5:]})
            case "take in":
                review.keeping.arrived()
                say("taken in")
            case "decide":
                for waiting in review.store.undecided()[:1]:
                    review.store.add_officer(OFFICER, SEALED_AT)
                    review.store.decide(Decision(waiting.id, OFFICER, Verdict.DISMISSED, "AB12CDE", "misread: no", SEALED_AT))
                    say("decided", id=waiting.id)
            case "count":
                say("counting")
                review.store.add_counts(CAMERA, SEALED_AT.date(), {"vehicles": 1})
                say("counted")
            case "publish":
                case = seed * 100 + number + 1
                say("publishing", case=case)
                hotlist.publish(CSV.format(case=case).encode(), data / "lists", world.signer, SEALED_AT)
                say("published", case=case)
            case "erase":
                for _, decision in review.store.decided_lately(1):
                    say("erasing", id=decision.exhibit)
                    review.keeping.erase(decision.exhibit, "hub:retention")
                    say("erased", id=decision.exhibit)


def lines_of(reader: int, wanted: int | None = None) -> list[bytes]:
    """The lines that come until there are as many as wanted, or until the other end has gone."""
    raw = b""
    until_s = time.monotonic() + _ANSWER_S
    while wanted is None or raw.count(b"\n") < wanted:
        assert select.select([reader], [], [], max(0.0, until_s - time.monotonic()))[0], "whoever works still does"
        piece = os.read(reader, 2**16)
        if not piece:
            break
        raw += piece
    return raw.split(b"\n")[:-1]


def assert_kept(data: Path, told: Told) -> None:
    """Nothing that was acknowledged is lost, nothing is there in part, and the ledger holds together: before anything is mended,
    as an auditor may come at any moment, and after."""
    if not told.key:
        return
    signer = load_signer(data / "keys")
    assert signer.key_id == told.key
    keys = {signer.key_id: signer.public_key()}
    for path in list_exhibits(data):
        assert verify(path, keys).passed, verify(path, keys)
    if (data / "ledger" / "checkpoint").exists():
        check(data / "ledger", signer.public_key())

    ledger = Ledger(data / "ledger", signer)
    check(data / "ledger", signer.public_key())
    entries = list(ledger.entries())
    for index, subject in told.entries.items():
        assert entries[index].subject == subject, "what was entered stands at its number"
    in_ledger = {entry.subject for entry in entries if entry.event is Event.EXHIBIT_SEAL}
    erased_in_ledger = {entry.subject for entry in entries if entry.event is Event.EXHIBIT_ERASE}
    assert told.sealed <= in_ledger
    assert told.erased <= erased_in_ledger
    if told.maybe_published:
        loaded = lists.load(data / "lists" / hotlist.FILE_NAME, hotlist.HEADER, hotlist.PAYLOAD_TYPE, keys)
        assert loaded is not None or not told.published, "a list that was in force still is"
        case = int(loaded.entries("AB12CDE")[0]["case"]) if loaded is not None else 0
        assert case in (told.published, told.maybe_published)
        told.published = told.maybe_published = case
    _hub_kept(data, told, signer, in_ledger)


def _hub_kept(data: Path, told: Told, signer: FileSigner, in_ledger: set[str]) -> None:
    World(data)  # a Sealer sweeps what was half written
    review = Review(data, lambda: SEALED_AT + timedelta(minutes=5))
    try:
        review.keeping.sweep()
        assert list((data / "exhibits").iterdir()) == []
        gone = {exhibit for exhibit in told.maybe_erased if review.store.erased(exhibit) is not None}
        assert told.erased <= gone
        vault = {path.name for path in (data / "vault").iterdir()}
        assert told.sealed - gone <= vault == review.store.keyed() <= in_ledger
        assert not gone & vault
        for exhibit in vault:
            assert review.keeping.case(exhibit).verified, "what is listed is whole"
        told.sealed |= vault  # whoever sealed it was cut off before they could say so: from now on it is there
        told.sealed -= gone
        for exhibit in told.decided - gone:
            assert review.store.decision(exhibit) is not None
        told.decided -= gone
        counted = review.store.counts().get("vehicles", 0)
        assert told.counted <= counted <= told.maybe_counted
    finally:
        review.close()


def ended(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return status


def in_a_child(data: Path, seed: int, acts: int) -> tuple[int, int]:
    """The process that works, and the end of the pipe on which it says what is done."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            faulthandler.disable()  # whoever maps a file when the power fails is ended by SIGBUS
            work(data, seed, writer, acts)
            code = 0
        except BaseException as error:  # told to the parent by how it ends
            if os.environ.get("CLEARWAY_TEST_CRASH_LOUD"):
                os.write(2, repr(error).encode() + b"\n")
        finally:
            os._exit(code)
    os.close(writer)
    return child, reader
