"""Lists at rest: what was taken in comes out again, and nothing else ever does."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearway.check import hotlist, lists, register
from clearway.envelope import FileSigner, create_keys, seal
from clearway.errors import ListError
from clearway.facts import Answer, Plate
from clearway.plates import ALPHABET, LATIN, PLACE

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HEADER = ",".join(hotlist.HEADER)
CSV = f"{HEADER}\nKA17PLE,DE,car,stolen,police,C-1,2026-01-01T00:00:00Z,,2027-01-01T00:00:00Z\n".encode()


def plate(text: str) -> Plate:
    """A plate that was read without doubt."""
    p_characters = np.zeros((len(text), len(ALPHABET)))
    for place, character in enumerate(text):
        p_characters[place, PLACE[character]] = 1.0
    return Plate(text, 1.0, 9, (), p_characters)


def keys(*signers: FileSigner) -> dict[str, bytes]:
    return {signer.key_id: signer.public_key() for signer in signers}


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return create_keys(tmp_path / "keys")


def changed(envelope: bytes, change: Callable[[dict[str, object]], object]) -> bytes:
    """The envelope with its payload changed and its signature left as it was."""
    fields = json.loads(envelope)
    document = json.loads(base64.b64decode(fields["payload"]))
    change(document)
    fields["payload"] = base64.b64encode(json.dumps(document).encode()).decode()
    return json.dumps(fields).encode()


TAMPERED: dict[str, Callable[[bytes], bytes]] = {
    "cut in half": lambda envelope: envelope[: len(envelope) // 2],
    "emptied": lambda _: b"",
    "not JSON": lambda _: b"plate,region\n",
    "an entry taken out": lambda envelope: changed(envelope, lambda document: document.update(entries=[])),
    "a later publication": lambda envelope: changed(
        envelope, lambda document: document.update(published_at="2030-01-01T00:00:00Z")
    ),
    "another payload type": lambda envelope: envelope.replace(b"hotlist+json", b"register+json"),
    "a signature taken out": lambda envelope: json.dumps(json.loads(envelope) | {"signatures": []}).encode(),
    "one bit": lambda envelope: envelope.replace(b'"sig":"', b'"sig":"A', 1),
    "JSON nested beyond reason": lambda _: b"[" * 100_000,
}


@pytest.mark.parametrize("sin", TAMPERED)
def test_a_tampered_list_is_not_answered_from(sin: str, tmp_path: Path, signer: FileSigner) -> None:
    hotlist.publish(CSV, tmp_path, signer, NOW)
    path = tmp_path / hotlist.FILE_NAME
    path.write_bytes(TAMPERED[sin](path.read_bytes()))
    with pytest.raises(ListError) as refused:
        hotlist.load(tmp_path, keys(signer))
    assert str(path) in refused.value.happened
    assert "publish the list again" in refused.value.remedy


def test_a_list_signed_by_a_stranger_is_not_answered_from(tmp_path: Path, signer: FileSigner) -> None:
    stranger = create_keys(tmp_path / "stranger")
    hotlist.publish(CSV, tmp_path, stranger, NOW)
    with pytest.raises(ListError, match="no known key signed"):
        hotlist.load(tmp_path, keys(signer))
    # nor where the stranger writes our key's name beside a signature of their own
    path = tmp_path / hotlist.FILE_NAME
    path.write_bytes(path.read_bytes().replace(stranger.key_id.encode(), signer.key_id.encode()))
    with pytest.raises(ListError, match="no known key signed"):
        hotlist.load(tmp_path, keys(signer))


def test_a_register_extract_does_not_pass_for_a_hot_list(tmp_path: Path, signer: FileSigner) -> None:
    register.publish(b"plate,valid_from,valid_to,class,colour\n", tmp_path, signer, NOW)
    (tmp_path / register.FILE_NAME).rename(tmp_path / hotlist.FILE_NAME)
    with pytest.raises(ListError, match="something else than expected"):
        hotlist.load(tmp_path, keys(signer))


OTHER_FORM: dict[str, object] = {
    "a later version": {"version": 2},
    "other columns": {"columns": ["plate"]},
    "no time": {"published_at": "soon"},
    "entries that are none": {"entries": [7]},
    "an entry with a field too few": {"entries": ["A\tB"]},
    "an unknown reason": {"entries": ["KA17PLE\tDE\tcar\tdebt\tpolice\tC\t\t\t2027-01-01T00:00:00Z"]},
    "no expiry": {"entries": ["KA17PLE\tDE\tcar\tstolen\tpolice\tC\t\t\t"]},
}


@pytest.mark.parametrize("form", OTHER_FORM)
def test_a_list_of_another_form_is_refused_though_its_signature_is_good(form: str, tmp_path: Path, signer: FileSigner) -> None:
    ours = {"version": 1, "published_at": NOW.isoformat(), "columns": list(hotlist.HEADER), "entries": []}
    change = OTHER_FORM[form]
    assert isinstance(change, dict)
    payload = json.dumps(ours | change).encode()
    (tmp_path / hotlist.FILE_NAME).write_bytes(seal(payload, hotlist.PAYLOAD_TYPE, signer))
    with pytest.raises(ListError, match="was signed, but"):
        hotlist.load(tmp_path, keys(signer))


def test_without_a_list_every_answer_is_unknown(tmp_path: Path, signer: FileSigner) -> None:
    for held in (hotlist.load(tmp_path, keys(signer)), register.load(tmp_path, keys(signer))):
        record = held.ask(plate("KA17PLE"), NOW, 0.0)
        assert (record.answer, record.data_as_of, dict(record.entry)) == (Answer.UNKNOWN, None, {})


def test_a_full_disk_leaves_the_list_in_force(tmp_path: Path, signer: FileSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    hotlist.publish(CSV, tmp_path, signer, NOW)
    before = (tmp_path / hotlist.FILE_NAME).read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ListError, match="could not be written: No space left") as refused:
        hotlist.publish(CSV.replace(b"KA17PLE", b"KA17PLF"), tmp_path, signer, NOW)
    assert "with room" in refused.value.remedy
    assert (tmp_path / hotlist.FILE_NAME).read_bytes() == before
    assert [path.name for path in tmp_path.glob("hotlist*")] == [hotlist.FILE_NAME]


def test_what_a_killed_publishing_left_goes_with_the_next(tmp_path: Path, signer: FileSigner) -> None:
    (tmp_path / f"{hotlist.FILE_NAME}.abc.new").write_bytes(b"half a list")
    hotlist.publish(CSV, tmp_path, signer, NOW)
    assert [path.name for path in tmp_path.glob("hotlist*")] == [hotlist.FILE_NAME]


def test_only_its_owner_may_read_a_list(tmp_path: Path, signer: FileSigner) -> None:
    hotlist.publish(CSV, tmp_path, signer, NOW)
    assert (tmp_path / hotlist.FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_list_never_shows_itself(tmp_path: Path, signer: FileSigner) -> None:
    hotlist.publish(CSV, tmp_path, signer, NOW)
    held = lists.load(tmp_path / hotlist.FILE_NAME, hotlist.HEADER, hotlist.PAYLOAD_TYPE, keys(signer))
    assert "KA17PLE" not in repr(held) + repr(hotlist.load(tmp_path, keys(signer)).ask(plate("KA17PLE"), NOW, 0.0))


# Anything that may stand in a field: printable, and no more than a field may have.
TEXT = st.text(st.characters(exclude_categories=("C", "Z")) | st.sampled_from(' ,";\\'), min_size=1, max_size=30)
TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2026, 5, 1)).map(lambda at: at.isoformat() + "+02:00")  # noqa: DTZ001
ENTRIES = st.lists(
    st.tuples(
        st.text(LATIN, min_size=2, max_size=12),
        TEXT,
        TEXT,
        st.sampled_from([reason.value for reason in hotlist.Reason]),
        TEXT,
        TEXT,
        TIMES,
        st.just("") | TIMES,
        st.timedeltas(timedelta(1), timedelta(900)).map(lambda span: (NOW + span).isoformat()),
    ),
    max_size=8,
    unique_by=lambda entry: entry[0],
)


@settings(max_examples=60, deadline=None)
@given(entries=ENTRIES, quoted=st.booleans(), end=st.sampled_from(("\n", "\r\n")))
def test_a_csv_comes_out_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, ...]], quoted: bool, end: str
) -> None:
    def written(field: str) -> str:
        quotes = quoted or any(character in field for character in ',"')
        return f'"{field.replace(chr(34), chr(34) * 2)}"' if quotes else field

    folder = tmp_path_factory.mktemp("round")
    signer = create_keys(folder)
    data = end.join((HEADER, *(",".join(map(written, entry)) for entry in entries))).encode()
    hotlist.publish(data, folder, signer, NOW)
    held = hotlist.load(folder, keys(signer))
    for entry in entries:
        record = held.ask(plate(entry[0]), NOW, 0.0)
        assert record.answer is Answer.YES
        assert tuple(record.entry.values()) == entry
        assert record.data_as_of == NOW
