"""Lists come in as hostile CSV: each bad one is named for its sin, and none of them takes the place of the list in force."""

import codecs
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clearway.check import hotlist, lists, register
from clearway.envelope import FileSigner, create_keys
from clearway.errors import ListError

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HEADER = ",".join(hotlist.HEADER)
GOOD = "KA17PLE,DE,car,stolen,police,C-1,2026-01-01T00:00:00Z,2026-05-01T08:00:00+02:00,2027-01-01T00:00:00Z"
# The plate of every bad line: it must never come back in a message.
SECRET = "SE2CRET"


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return create_keys(tmp_path)


def csv_of(*lines: str, header: str = HEADER, end: str = "\n") -> bytes:
    return (end.join((header, *lines)) + end).encode()


def line(**changed: str) -> str:
    """A good line about SECRET, but for what is changed."""
    fields = dict(zip(hotlist.HEADER, GOOD.split(","), strict=True)) | {"plate": SECRET} | changed
    return ",".join(fields.values())


def bad(line_text: str) -> bytes:
    """A list whose third line is bad."""
    return csv_of(GOOD, line_text)


REFUSED = {
    # encodings and files of another kind
    "UTF-16 with its mark": (codecs.BOM_UTF16_LE + csv_of(line()).decode().encode("utf-16-le"), "is UTF-16 text, not UTF-8"),
    "UTF-16, big end first": (codecs.BOM_UTF16_BE + csv_of(line()).decode().encode("utf-16-be"), "is UTF-16 text, not UTF-8"),
    "UTF-16 without its mark": (csv_of(line()).decode().encode("utf-16-le"), "is UTF-16 text without its mark"),
    "UTF-32": (codecs.BOM_UTF32_LE + csv_of(line()).decode().encode("utf-32-le"), "is UTF-32 text, not UTF-8"),
    "Latin-1": (csv_of(GOOD, line(source="Präsidium")).decode().encode("latin-1"), "not UTF-8: line 3 holds a byte of another"),
    "a spreadsheet": (b"PK\x03\x04\x14\x00", "is a spreadsheet or another ZIP archive"),
    "a gzip archive": (b"\x1f\x8b\x08\x00", "is a gzip archive"),
    # headers
    "nothing at all": (b"", "is empty (line 1)"),
    "no header": ((GOOD + "\n").encode(), "does not begin with the header"),
    "a header in another order": (csv_of(header="region,plate,class,reason,source,case,issued,verified,expires"), "the header"),
    "a column more": (csv_of(header=HEADER + ",owner"), "does not begin with the header"),
    "a column less": (csv_of(header=HEADER.removesuffix(",expires")), "does not begin with the header"),
    "semicolons": (csv_of(GOOD.replace(",", ";"), header=HEADER.replace(",", ";")), "separated by semicolons"),
    "tabs": (csv_of(GOOD.replace(",", "\t"), header=HEADER.replace(",", "\t")), "separated by tabs"),
    # rows of the wrong shape
    "a field too few": (bad(line().rpartition(",")[0]), "line 3: 8 fields instead of 9"),
    "a field too many": (bad(line() + ",x"), "line 3: 10 fields instead of 9"),
    "cut in the middle of a row": (csv_of(GOOD, line())[:-30], "line 3: "),
    "a NUL byte": (bad(line(case="C\0")), "line 3: a field with a line break or a character that does not print"),
    "an escape sequence": (bad(line(case="\x1b[2J")), "line 3: a field with a line break or a character that does not print"),
    "text that runs backwards": (bad(line(case="\u202eC")), "line 3: a field with a line break or a character"),
    "a tab in a field": (bad(line(case="C\t1")), "line 3: a field with a line break or a character that does not print"),
    "a line break in a field": (bad(line(case='"C\n1"')), "line 3: a field with a line break or a character that does not print"),
    "a quotation mark in a field": (bad(line(case='"C"1')), "line 3: a quotation mark in the wrong place"),
    "a quotation mark never closed": (
        bad(line(case='"C-1') + "\n" + GOOD),
        "line 3: a quotation mark in the wrong place, or",
    ),
    "a field of 201 characters": (bad(line(case="9" * 201)), "line 3: a field of more than 200 characters"),
    "a line of a megabyte": (bad(line(case="9" * 2**20)), "line 3: more than 8,192 characters in one line"),
    "ten thousand commas": (bad("," * 10_000), "line 3: more than 8,192 characters in one line"),
    # plates
    "no plate": (bad(line(plate="")), "line 3: a plate that is empty"),
    "a plate of one character": (bad(line(plate="A")), "line 3: a plate that is empty, too long"),
    "a plate of 13 characters": (bad(line(plate="A" * 13)), "line 3: a plate that is empty, too long"),
    # dropping the letter would list somebody else: MÜ-AB 1 is not M-AB 1
    "a plate with an umlaut": (bad(line(plate="MÜ-AB 1")), "line 3: a plate that is empty, too long, or holds a character"),
    "a plate in Cyrillic": (bad(line(plate="А123ВС77")), "line 3: a plate that is empty, too long, or holds a character"),
    "a plate with a wildcard": (bad(line(plate="AB*123")), "line 3: a plate that is empty, too long, or holds a character"),
    # reasons
    "no reason": (bad(line(reason="")), "line 3: no reason"),
    "an unknown reason": (bad(line(reason="suspicious")), "line 3: a reason that is not on the list of reasons"),
    "a debt": (bad(line(reason="unpaid debt")), "line 3: a reason that is not on the list of reasons"),
    "a social score": (bad(line(reason="low social credit")), "line 3: a reason that is not on the list of reasons"),
    "a reason in capitals": (bad(line(reason="STOLEN")), "line 3: a reason that is not on the list of reasons"),
    # who says so
    "no source": (bad(line(source="")), "line 3: no source"),
    "no case": (bad(line(case="")), "line 3: no case"),
    # times
    "no expiry": (bad(line(expires="")), "line 3: no expiry"),
    "an expiry without an offset": (bad(line(expires="2027-01-01T00:00:00")), "line 3: an expiry that is not RFC 3339"),
    "an expiry that is a date": (bad(line(expires="2027-01-01")), "line 3: an expiry that is not RFC 3339"),
    "an expiry in February's 30th": (bad(line(expires="2027-02-30T00:00:00Z")), "line 3: an expiry that is not RFC 3339"),
    "an expiry in a week date": (bad(line(expires="2027-W01-1T00:00:00Z")), "line 3: an expiry that is not RFC 3339"),
    "an expiry in other digits": (bad(line(expires="２０２７-01-01T00:00:00Z")), "line 3: an expiry that is not RFC 3339"),
    "an expiry after the end of time": (bad(line(expires="9999-12-31T23:59:59-12:00")), "line 3: an expiry that is not RFC"),
    "an expiry before its issue": (bad(line(expires="2025-12-31T23:59:59Z")), "line 3: an expiry that is not after its issue"),
    "an expiry at its issue": (bad(line(expires="2026-01-01T01:00:00+01:00")), "line 3: an expiry that is not after its issue"),
    "no issue": (bad(line(issued="")), "line 3: an issue time that is not RFC 3339"),
    "verified in words": (bad(line(verified="yesterday")), "line 3: a verification time that is not RFC 3339"),
    # the list as a whole
    "the same case twice": (csv_of(line(), GOOD, line(plate="se2-cret")), "line 4: the same plate under the same region, case"),
    "17 cases for one plate": (csv_of(*(line(case=f"{n}") for n in range(17))), "line 18: more than 16 entries for one plate"),
    "expired": (csv_of(line(expires="2026-05-31T23:59:59Z"), line(expires="2026-06-01T00:00:00Z")), "an expired list: all 2"),
}


@pytest.mark.parametrize("sin", REFUSED)
def test_a_bad_hot_list_is_refused_by_name_and_the_list_in_force_stays(sin: str, tmp_path: Path, signer: FileSigner) -> None:
    data, message = REFUSED[sin]
    hotlist.publish(csv_of(GOOD), tmp_path, signer, NOW)
    before = (tmp_path / hotlist.FILE_NAME).read_bytes()

    with pytest.raises(ListError) as refused:
        hotlist.publish(data, tmp_path, signer, NOW)

    assert message in refused.value.happened
    assert "the list in force stays" in refused.value.remedy
    assert SECRET not in refused.value.diagnosis()
    assert (tmp_path / hotlist.FILE_NAME).read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"clearway.key", "clearway.pub", hotlist.FILE_NAME}


ACCEPTED = {
    "as it should be": (csv_of(GOOD), 1),
    "with a byte order mark": (codecs.BOM_UTF8 + csv_of(GOOD), 1),
    "with the line ends of Windows": (csv_of(GOOD, line(), end="\r\n"), 2),
    "with the line ends of an old Mac": (csv_of(GOOD, line(), end="\r"), 2),
    "without a last line end": (csv_of(GOOD)[:-1], 1),
    "with empty lines": (csv_of(GOOD, "", line(), ""), 2),
    "with fields in quotation marks": (csv_of(",".join(f'"{each}"' for each in GOOD.split(","))), 1),
    "with a comma in quotation marks": (csv_of(line(source='"police, traffic"')), 1),
    "one plate for two reasons": (csv_of(line(), line(reason="court order")), 2),
    "one plate in two countries": (csv_of(line(), line(region="FR")), 2),
    "not verified, without region or class": (csv_of(line(verified="", region="", **{"class": ""})), 1),
    "with an entry that expired": (csv_of(GOOD, line(expires="2026-05-01T00:00:00Z")), 1),
    # the last stolen vehicle was found: a publisher must be able to say so
    "without any entry": (csv_of(), 0),
    "every reason": (csv_of(*(line(reason=reason) for reason in hotlist.Reason)), len(hotlist.Reason)),
}


@pytest.mark.parametrize("kind", ACCEPTED)
def test_a_good_hot_list_is_taken_in(kind: str, tmp_path: Path, signer: FileSigner) -> None:
    data, entries = ACCEPTED[kind]
    assert hotlist.publish(data, tmp_path, signer, NOW).entries == entries


def test_every_reason_has_a_purpose() -> None:
    assert set(hotlist.PURPOSES) == set(hotlist.Reason)


def test_ten_faults_are_named_and_the_others_counted(tmp_path: Path, signer: FileSigner) -> None:
    with pytest.raises(ListError) as refused:
        hotlist.publish(csv_of(*[line(reason="")] * 25), tmp_path, signer, NOW)
    assert refused.value.happened.count("no reason") == 10
    assert refused.value.happened.endswith("line 11: no reason; and 15 more.")
    assert "missing person at risk" in refused.value.remedy


def test_faults_are_named_by_the_line_where_they_stand(tmp_path: Path, signer: FileSigner) -> None:
    with pytest.raises(ListError) as refused:
        hotlist.publish(csv_of(GOOD, "", "", line(expires=""), line(case="C-2"), "x"), tmp_path, signer, NOW)
    assert "line 5: no expiry; line 7: 1 field instead of 9." in refused.value.happened


def test_expired_entries_are_left_out_and_counted() -> None:
    lines, expired = hotlist.parse(csv_of(GOOD, line(expires="2026-05-01T00:00:00Z")), NOW)
    assert (list(lines), expired) == (["KA17PLE"], 1)


def test_plates_are_kept_in_canonical_form() -> None:
    lines, _ = hotlist.parse(csv_of(line(plate=" ab-12·3 "), line(plate="京 A·12345")), NOW)
    assert list(lines) == ["AB123", "京A12345"]


REGISTER_HEADER = ",".join(register.HEADER)
REGISTER_REFUSED: dict[str, tuple[str | bytes, str]] = {
    "the hot list's header": (csv_of(GOOD), "the register extract does not begin with the header"),
    "a plate with an umlaut": ("MÜ-AB 1,2025-01-01,2026-01-01,car,red", "line 2: a plate that is empty, too long"),
    "an end before its beginning": (f"{SECRET},2026-01-01,2025-01-01,car,red", "line 2: a valid_to before its valid_from"),
    "a beginning in words": (f"{SECRET},long ago,2025-01-01,car,red", "line 2: a valid_from that is neither a date"),
    "an end in February's 30th": (f"{SECRET},2025-01-01,2026-02-30,car,red", "line 2: a valid_to that is neither a date"),
    "an end without an offset": (f"{SECRET},2025-01-01,2026-01-01T00:00:00,car,red", "line 2: a valid_to that is neither"),
    "no beginning and no end": (f"{SECRET},,,car,red", "line 2: no beginning and no end"),
    "a field too few": (f"{SECRET},2025-01-01,2026-01-01,car", "line 2: 4 fields instead of 5"),
    "the same entry twice": (
        f"{SECRET},2025-01-01,2026-01-01,car,red\n{SECRET},2025-01-01,2026-01-01,car,red",
        "line 3: the same entry as an earlier line",
    ),
}


@pytest.mark.parametrize("sin", REGISTER_REFUSED)
def test_a_bad_register_extract_is_refused_and_the_one_in_force_stays(sin: str, tmp_path: Path, signer: FileSigner) -> None:
    body, message = REGISTER_REFUSED[sin]
    register.publish(csv_of("KA17PLE,2025-01-01,2027-01-01,car,red", header=REGISTER_HEADER), tmp_path, signer, NOW)
    before = (tmp_path / register.FILE_NAME).read_bytes()
    with pytest.raises(ListError) as refused:
        register.publish(body if isinstance(body, bytes) else csv_of(body, header=REGISTER_HEADER), tmp_path, signer, NOW)
    assert message in refused.value.happened
    assert SECRET not in refused.value.diagnosis()
    assert (tmp_path / register.FILE_NAME).read_bytes() == before


def test_a_file_that_is_missing_or_a_folder_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(ListError, match="cannot be read") as refused:
            lists.read_csv(path)
        assert str(path) in refused.value.happened


def test_a_file_is_never_read_beyond_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "CSV_BYTES_MAX", 2**20)
    path = tmp_path / "endless.csv"
    path.write_bytes(bytes(2**20 + 1))
    with pytest.raises(ListError, match="more than 1 MiB"):
        lists.read_csv(path)


def test_a_row_too_many_is_refused(tmp_path: Path, signer: FileSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "ROWS_MAX", 3)
    hotlist.publish(many(3), tmp_path, signer, NOW)
    with pytest.raises(ListError, match="line 5: a row more than the 3 that one list may have"):
        hotlist.publish(many(4), tmp_path, signer, NOW)


def many(count: int) -> bytes:
    """A list of that many vehicles, in the size of real rows."""
    tail = "DE,car,stolen,police,{},2026-01-01T00:00:00Z,2026-05-01T08:00:00+02:00,2027-01-01T00:00:00Z"
    return csv_of(*(f"A{n:07d},{tail.format(n)}" for n in range(count)))


def took_in(count: int, folder: Path, signer: FileSigner) -> float:
    """The seconds that it takes to publish so many rows and to load them again."""
    data = many(count)
    began = time.perf_counter()
    assert hotlist.publish(data, folder, signer, NOW).entries == count
    hotlist.load(folder, {signer.key_id: signer.public_key()})
    return time.perf_counter() - began


def test_fifty_thousand_rows_take_seconds(tmp_path: Path, signer: FileSigner) -> None:
    assert took_in(50_000, tmp_path, signer) < 5.0


@pytest.mark.slow
def test_a_million_rows_take_half_a_minute_at_most(tmp_path: Path, signer: FileSigner) -> None:
    assert took_in(1_000_000, tmp_path, signer) < 30.0


@pytest.mark.slow
def test_a_million_bad_rows_are_refused_in_as_little_time(tmp_path: Path, signer: FileSigner) -> None:
    began = time.perf_counter()
    with pytest.raises(ListError, match="and 999,990 more"):
        hotlist.publish(many(1_000_000).replace(b",stolen,", b",curious,"), tmp_path, signer, NOW)
    assert time.perf_counter() - began < 30.0
