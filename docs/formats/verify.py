"""Checks one Clearway exhibit. One file, written from docs/formats/exhibit.md alone, for whoever trusts nobody.

    python verify.py EXHIBIT.zip --key clearway.pub [--tsa tsa.pem] [--witness name+hash+key]

It needs Python 3.11 or later and the package `cryptography`, reads the files that you name, and goes nowhere else. It shares no
line with the program that makes exhibits, nor with `clearway verify`: two programs that agree are better evidence than one. The
steps and their numbers are the same. The exit code is 0 only where every step passed.

What it cannot tell: whether the claim is right, whether a timestamp authority's certificate was revoked since, whether the ledger
that you are shown is the one that others are shown (compare checkpoints, or name a witness), and whose the keys are that you were
given.
"""

import argparse
import base64
import hashlib
import json
import math
import os
import re
import struct
import sys
import zlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

TITLES = (
    "The file is an ordinary ZIP, within bounds",
    "The manifest is canonical and its SHA-256 is the exhibit's id",
    "Exactly the files that the manifest names are there",
    "Every file has its SHA-256",
    "The statement is signed by a known key",
    "The ledger holds an entry about this exhibit",
    "The ledger's checkpoint is signed by a known key",
    "Who else vouches for the time",
)
RESTS_ON = {2: (), 3: (2,), 4: (2, 3), 5: (2,), 6: (2,), 7: (6,), 8: (2,)}
MANIFEST, STATEMENT, TIMESTAMP = "manifest.json", "statement.dsse.json", "timestamp.tsr"
PROOFS = {f"clearway-exhibit/{version}": "ledger.tlog-proof" for version in (4, 3, 2)} | {"clearway-exhibit/1": "ledger.json"}
MIB = 2**20
NAME = r"[^\s+\x00-\x1f\x7f]{1,255}"  # of a ledger or a witness


class Exhibit:
    """What the steps find out about one file; each step is a method that says what it found, or raises."""

    def __init__(self, path, keys, authorities, witnesses):
        self.path, self.keys, self.authorities, self.witnesses = path, keys, authorities, witnesses

    def step_1(self):
        """The container: its bytes follow from its files, so it is built anew and compared."""
        handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            raw = file.read(513 * MIB)
        self.files, at, directory = {}, 0, b""
        while raw[at : at + 4] == b"PK\3\4":
            size, name_size = struct.unpack_from("<I", raw, at + 18)[0], struct.unpack_from("<H", raw, at + 26)[0]
            name, content = raw[at + 30 : at + 30 + name_size], raw[at + 30 + name_size : at + 30 + name_size + size]
            common = struct.pack("<5H3IHH", 20, 0, 0, 0, 33, zlib.crc32(content), size, size, name_size, 0)
            need(re.fullmatch(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name), "a name may lead elsewhere")
            need(raw[at : at + 30] == b"PK\3\4" + common and len(content) == size, "a file's header is not in the one form")
            need(name.decode() not in self.files and len(self.files) < 64, "two files of one name, or too many")
            directory += (
                b"PK\1\2" + struct.pack("<H", 3 << 8 | 20) + common + struct.pack("<3H2I", 0, 0, 0, 0o100644 << 16, at) + name
            )
            self.files[name.decode()] = content
            at += 30 + name_size + size
        count = len(self.files)
        end = b"PK\5\6" + struct.pack("<4H2IH", 0, 0, count, count, len(directory), at, 0)
        need(raw[at:] == directory + end, "it is no ZIP in the one form that exhibits have")
        need(sum(map(len, self.files.values())) <= 512 * MIB, "it is too large")
        return f"{count} files, nothing before, between or behind them"

    def step_2(self):
        raw = self.small(MANIFEST)
        self.manifest = canonical(raw)
        self.id = hashlib.sha256(raw).hexdigest()
        self.proof = PROOFS.get(self.manifest["format"])
        need(self.proof, "it is of a format that this program does not know")
        self.named = {}
        for file in self.manifest["files"]:
            need(file.keys() == {"name", "sha256", "size_bytes"} and type(file["size_bytes"]) is int, "a file is misnamed")
            need(type(file["name"]) is type(file["sha256"]) is str, "a file is misnamed")
            need(file["name"] not in {MANIFEST, STATEMENT, TIMESTAMP, *PROOFS.values(), *self.named}, "a file is named twice")
            self.named[file["name"]] = file["sha256"], file["size_bytes"]
        stem, ending = os.path.splitext(os.path.basename(self.path))
        called = re.fullmatch("[0-9a-f]{64}", stem) is not None
        need(
            not called or (stem == self.id and ending == ".zip"),
            f"the file is named by another exhibit's id; this one's is {self.id}",
        )
        return self.id

    def step_3(self):
        expected = {*self.named, MANIFEST, STATEMENT, self.proof}
        may = {TIMESTAMP} if type(self.manifest.get("timestamp")) is dict else set()
        need(not expected - self.files.keys(), f"missing: {', '.join(sorted(expected - self.files.keys()))}")
        need(not self.files.keys() - expected - may, f"added: {', '.join(sorted(self.files.keys() - expected - may))}")
        return f"{len(self.named)} named files{self.original()}"

    def original(self):
        said = self.manifest.get("original", "none")
        if said == "none":
            return ""
        keys = {"file", "because", "sealed_to_sha256", "suite", "salted_sha256"}
        known = type(said) is dict and said.keys() == keys and all(type(value) is str for value in said.values())
        digests = known and all(re.fullmatch("[0-9a-f]{64}", said[key]) for key in ("sealed_to_sha256", "salted_sha256"))
        need(digests and said["file"] in self.named, "the manifest speaks of an original that this program does not know")
        return f"; only the holder of the X25519 key {said['sealed_to_sha256']} can open {said['file']}, the unmasked clip"

    def step_4(self):
        for name, (sha256, size) in self.named.items():
            content = self.files[name]
            need((hashlib.sha256(content).hexdigest(), len(content)) == (sha256, size), f"{name} was changed after it was sealed")
        return f"{len(self.named)} of {len(self.named)}"

    def step_5(self):
        raw, kind = self.small(STATEMENT), "application/vnd.in-toto+json"
        said = json.loads(raw)
        (signature,) = said["signatures"]
        payload, signed = unbase64(said["payload"]), unbase64(signature["sig"])
        one = {
            "payloadType": kind,
            "payload": said["payload"],
            "signatures": [{"keyid": signature["keyid"], "sig": signature["sig"]}],
        }
        need(json.dumps(one, separators=(",", ":")).encode() == raw, "it holds something that is not signed")
        known = {hashlib.sha256(key).hexdigest(): key for key in self.keys}
        need(signature["keyid"] in known, "it is signed by a key that you did not name")
        verify_ed25519(
            known[signature["keyid"]], signed, b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
        )
        statement = canonical(payload)
        need(statement["_type"] == "https://in-toto.io/Statement/v1", "it is no statement")
        need(statement["predicateType"] == "https://clearway.example/exhibit/v1", "it is no statement about an exhibit")
        need(statement["subject"] == [{"name": MANIFEST, "digest": {"sha256": self.id}}], "it is about another manifest")
        return f"key {signature['keyid']}"

    def step_6(self):
        at, by = self.manifest["sealed_at"], f"camera:{self.manifest['passage']['camera']}"
        moment(at)
        need(re.fullmatch(r"camera:[^\x00-\x1f\x7f]{1,128}", by), "the manifest names no camera")
        entry = {"at": at, "by": by, "event": "exhibit:seal", "subject": self.id}
        text, size = self.small(self.proof).decode(), None
        if self.proof == "ledger.json":
            said = canonical(text.encode())
            need(
                said.keys() == {"entry", "index", "size", "path", "checkpoint"} and said["entry"] == entry,
                "it is about something else",
            )
            need(type(said["index"]) is type(said["size"]) is int, "it is no proof")
            index, size, path, self.note = said["index"], said["size"], said["path"], said["checkpoint"]
        else:
            head, _, self.note = text.partition("\n\n")
            first, second, *path = head.split("\n")
            need(first == "c2sp.org/tlog-proof@v1" and second.startswith("index "), "it is no tlog-proof")
            index = number(second.removeprefix("index "))
        self.origin, leaves, root = checkpoint(self.note)
        need(size in (None, leaves) and len(path) <= 63 and 0 <= index < leaves, "it is of another tree than its checkpoint")
        # RFC 9162, section 2.1.3.2.
        node, place, last = hashlib.sha256(b"\0" + spelled(entry).encode()).digest(), index, leaves - 1
        for sibling in map(unbase64, path):
            need(last and len(sibling) == 32, "its path is too long")
            if place % 2 or place == last:
                node = hashlib.sha256(b"\1" + sibling + node).digest()
                while place and not place % 2:
                    place, last = place // 2, last // 2
            else:
                node = hashlib.sha256(b"\1" + node + sibling).digest()
            place, last = place // 2, last // 2
        need(not last and node == root, "it does not lead to the checkpoint's root: it is of another tree")
        return f"entry {index} of {leaves}, in {self.origin}"

    def step_7(self):
        text, signatures = note(self.note)
        (name, first), *others = signatures
        need(all(len(raw) == 76 for _, raw in others), "it carries a signature that is no cosignature")
        for key in self.keys:
            hashed = hashlib.sha256(self.origin.encode() + b"\n\x01" + key).digest()[:4]
            if name == self.origin and first[:4] == hashed and (name, hashed) not in [(who, raw[:4]) for who, raw in others]:
                verify_ed25519(key, first[4:], text.encode())
                return f"key {hashlib.sha256(key).hexdigest()}; {self.cosignatures(text, others)}"
        raise ValueError("it is signed by a key that you did not name")

    def cosignatures(self, text, lines):
        """Those of the named witnesses MUST be there. Of those that the manifest says were asked, their keys are its own word."""
        for word in self.witnesses:
            need(cosigned(word, text, lines), f"the witness {word.split('+')[0]} did not cosign it")
        asked = self.manifest.get("witnesses", [])
        need(type(asked) is list and ("witnesses" in self.manifest) == (1 <= len(asked) <= 16), "it names no list of witnesses")
        there = {word: cosigned(word, text, lines) for word in asked}
        names = [word.split("+")[0] for word in asked]
        need(len(set(names)) == len(names), "it names a witness twice")
        said = [f"{word} cosigned" for word in self.witnesses] + [
            f"{name} {'cosigned' if there[word] else 'was asked and did not cosign'}"
            for name, word in zip(names, asked, strict=True)
            if word not in self.witnesses
        ]
        return ", ".join([*said, f"cosignatures: {len(lines)}"])

    def step_8(self):
        passage, asked = self.manifest["passage"], self.manifest["timestamp"]
        sealed_at, first_at, last_at = map(moment, (self.manifest["sealed_at"], passage["first_at"], passage["last_at"]))
        error_ms, times = passage["clock"]["error_ms"], [moment(each["at"]) for each in self.manifest["shown"]["clip"]["frames"]]
        need(first_at <= last_at and times == sorted(times), "clocks run backwards: frames are not in order")
        need(isinstance(error_ms, int | float), "its clock is none")
        late = max([last_at, *times]) - sealed_at
        need(
            late <= timedelta(milliseconds=max(0, min(error_ms, 1e15))), "clocks run backwards: sealed before the vehicle passed"
        )
        if asked == "none":
            return "timestamp: none. Only the sealer's own clock says when this was sealed"
        need(asked.keys() == {"authority", "certificates_sha256"}, "the manifest speaks of an unknown timestamp")
        need(type(asked["authority"]) is str and type(asked["certificates_sha256"]) is list, "it speaks of an unknown timestamp")
        if TIMESTAMP not in self.files:
            return f"timestamp: asked for, not obtained (of {asked['authority']})"
        need(self.authorities, "no authority's certificate was named (--tsa)")
        need(len(self.files[TIMESTAMP]) <= 65536, "the token is too large")
        at, accuracy, who = token(self.files[TIMESTAMP], self.small(STATEMENT), self.authorities)
        need(sealed_at - at <= timedelta(seconds=11) + accuracy, "clocks run backwards: the token is from before the sealing")
        return f"{at.isoformat()}, says {who}; the sealer's clock said {sealed_at.isoformat()}"

    def small(self, name):
        need(name in self.files and len(self.files[name]) <= 4 * MIB, f"{name} is missing or too large")
        return self.files[name]


def verify(path, keys, authorities=(), witnesses=()):
    """[(passed, words)] of the eight steps. `keys` are raw Ed25519 public keys, `authorities` certificates, `witnesses` the keys
    of those who must have cosigned, as C2SP spells them. Never raises."""
    exhibit, steps = Exhibit(str(path), list(keys), list(authorities), list(witnesses)), []
    for number_ in range(1, 9):
        failed = [n for n in RESTS_ON.get(number_, ()) if not steps[n - 1][0]]
        if number_ > 1 and not steps[0][0]:
            failed = [1]
        try:
            need(not failed, f"not tried, because step {failed[:1]} failed")
            steps.append((True, getattr(exhibit, f"step_{number_}")()))
        except Exception as error:  # whatever foreign bytes do, the step has not passed
            steps.append((False, str(error) or type(error).__name__))
    return steps


def need(holds, words):
    if not holds:
        raise ValueError(words)


# --- JSON, in the one form of RFC 8785 ---


def canonical(raw):
    def once(pairs):
        need(len({name for name, _ in pairs}) == len(pairs), "it names a key twice")
        return dict(pairs)

    def whole(digits):
        return int(digits) if abs(float(digits)) < 2**53 else float(digits)

    said = json.loads(raw.decode(), object_pairs_hook=once, parse_int=whole)
    need(spelled(said).encode() == raw, "it is not in canonical form (RFC 8785)")
    return said


def spelled(value, depth=0):
    need(depth <= 32, "it is nested too deeply")
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{spelled(name, depth + 1)}:{spelled(value[name], depth + 1)}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(spelled(each, depth + 1) for each in value) + "]"
    if not isinstance(value, float):
        return json.dumps(value, ensure_ascii=False)
    need(math.isfinite(value), "it holds a number that is none")
    # ECMA-262, section 6.1.6.1.20, in its own letters: k digits s, and the value is 0.s times 10 to the n.
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    s, k = "".join(map(str, digits)), len(digits)
    n, minus = k + exponent, "-" * sign
    if value == 0:
        return "0"
    if k <= n <= 21:
        return minus + s + "0" * (n - k)
    if 0 < n <= 21:
        return f"{minus}{s[:n]}.{s[n:]}"
    if -6 < n <= 0:
        return f"{minus}0.{'0' * -n}{s}"
    return f"{minus}{s[0]}{'.' * (k > 1)}{s[1:]}e{n - 1:+d}"


def moment(text):
    at = datetime.fromisoformat(text)
    need(at.utcoffset() == timedelta(0) and at.isoformat().replace("+00:00", "Z") == text, "it holds a time that is none")
    return at


def unbase64(text):
    raw = base64.b64decode(text, validate=True)
    need(base64.b64encode(raw).decode() == text, "it holds base64 in another spelling")
    return raw


def verify_ed25519(key, signature, message):
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except Exception:
        raise ValueError("the signature is not right: it was changed after it was signed") from None


# --- C2SP: signed notes and checkpoints ---


def note(raw):
    """The signed text, and (name, key hash and signature) of each line under it."""
    text, blank, lines = raw.rpartition("\n\n")
    plain = all(c >= " " or c == "\n" for c in raw) and len(raw) <= 16384
    need(blank and plain and lines.endswith("\n"), "its checkpoint is no signed note")
    signatures = []
    for line in lines[:-1].split("\n"):
        dash, name, encoded = line.split(" ")
        need(dash == "\u2014" and re.fullmatch(NAME, name), "it holds a line that is no signature")
        signatures.append((name, unbase64(encoded)))
        need(len(signatures[-1][1]) > 4 and len(signatures) <= 17, "it holds a line that is no signature")
    return text + "\n", signatures


def cosigned(word, text, lines):
    """Whether the witness whose key `word` spells (name+hash+key) has one line among `lines`, and it is right."""
    name, hashed, encoded = word.split("+", 2)
    key = unbase64(encoded)
    begin = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    need(re.fullmatch(NAME, name) and key[:1] == b"\4" and len(key) == 33, "a witness is named that is none")
    need(hashed == begin.hex(), "a witness is named that is none")
    found = [raw[4:] for who, raw in lines if (who, raw[:4]) == (name, begin)]
    if len(found) != 1:
        return False
    at, signature = int.from_bytes(found[0][:8]), found[0][8:]
    if at >= 253402300800:  # after the year 9999
        return False
    try:
        verify_ed25519(key[1:], signature, f"cosignature/v1\ntime {at}\n{text}".encode())
    except ValueError:
        return False
    return True


def checkpoint(raw):
    """Origin, size and root; unverified."""
    lines = note(raw)[0][:-1].split("\n")
    need(all(lines) and re.fullmatch(NAME, lines[0]), "it is no checkpoint")
    root = unbase64(lines[2])
    need(len(root) == 32, "it is no checkpoint")
    return lines[0], number(lines[1]), root


def number(digits):
    need(re.fullmatch("0|[1-9][0-9]{0,18}", digits, re.ASCII) and int(digits) < 2**63, "it holds a number that is none")
    return int(digits)


# --- RFC 3161: the token is taken apart, put together again in its one form, and compared ---


def der(tag, *parts):
    content = b"".join(parts)
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8 or 1)
    return bytes([tag]) + (length if len(content) < 128 else bytes([128 + len(length)]) + length) + content


def elements(raw):
    """(tag, content) of each element in `raw`."""
    found, at = [], 0
    while at < len(raw):
        tag, length, start = raw[at], raw[at + 1], at + 2
        if length > 127:
            start += length - 128
            length = int.from_bytes(raw[at + 2 : start])
        found.append((tag, raw[start : start + length]))
        at = start + length
    need(b"".join(der(*each) for each in found) == raw, "it is not in DER")
    return found


def oid(dotted):
    first, second, *arcs = map(int, dotted.split("."))
    packed = b""
    for arc in (40 * first + second, *arcs):
        groups = [arc >> 7 * n & 127 for n in range(max(1, (arc.bit_length() + 6) // 7))]
        packed += bytes([128 + group for group in groups[:0:-1]] + groups[:1])
    return der(6, packed)


NULL, GRANTED, ONE, THREE = der(5), der(0x30, der(2, b"\0")), der(2, b"\1"), der(2, b"\3")
SIGNED_DATA, TST_INFO = oid("1.2.840.113549.1.7.2"), oid("1.2.840.113549.1.9.16.1.4")
CONTENT_TYPE, DIGEST = oid("1.2.840.113549.1.9.3"), oid("1.2.840.113549.1.9.4")
# How a signer names its certificate (RFC 5035), and by which hash where it names none.
NAMING = {oid("1.2.840.113549.1.9.16.2.12"): hashes.SHA1(), oid("1.2.840.113549.1.9.16.2.47"): hashes.SHA256()}
HASHES = {oid(f"2.16.840.1.101.3.4.2.{n}"): by for n, by in ((1, hashes.SHA256()), (2, hashes.SHA384()), (3, hashes.SHA512()))}
RSA, EC, ED25519 = "1.2.840.113549.1.1.", "1.2.840.10045.4.3.", oid("1.3.101.112")
SIGNATURES = {oid(RSA + "1"): None, ED25519: "sha512"}
SIGNATURES |= {oid(f"{RSA}{n}"): name for n, name in ((11, "sha256"), (12, "sha384"), (13, "sha512"))}
SIGNATURES |= {oid(f"{EC}{n}"): name for n, name in ((2, "sha256"), (3, "sha384"), (4, "sha512"))}


def algorithm(content, known):
    """What `known` says of an AlgorithmIdentifier, whose parameter is absent or NULL."""
    name = content.removesuffix(NULL)
    need(name in known, "it uses an algorithm that this program does not know")
    return name, known[name]


def token(response, statement, authorities):
    """When, how exactly, and who, once all of it holds."""
    _, (_, content_info) = elements(elements(response)[0][1])
    _, (_, explicit) = elements(content_info)
    _, (_, digests), (_, encapsulated), *certificates, (_, signers) = elements(elements(explicit)[0][1])
    (_, info) = elements(elements(encapsulated)[1][1])[0]
    _, (_, named), (_, digest_2), (_, attributes), (_, signing), (_, signature) = elements(elements(signers)[0][1])
    (_, digest_1), (_, issuer), (_, serial) = *elements(digests), *elements(named)
    signed_data = der(
        0x30,
        *(THREE, der(0x31, der(0x30, digest_1)), der(0x30, TST_INFO, der(0xA0, der(4, info)))),
        *(der(0xA0, inside) for _, inside in certificates),
        der(
            0x31,
            der(
                0x30,
                *(ONE, der(0x30, der(0x30, issuer), der(2, serial)), der(0x30, digest_2)),
                *(der(0xA0, attributes), der(0x30, signing), der(4, signature)),
            ),
        ),
    )
    rebuilt = der(0x30, GRANTED, der(0x30, SIGNED_DATA, der(0xA0, signed_data)))
    need(rebuilt == response and len(certificates) <= 1, "the token is not in the form that exhibits have")
    by = algorithm(digest_1, HASHES)[1]
    need(algorithm(digest_2, HASHES)[1] is by, "the token names two digests")
    at, accuracy = tst_info(info, statement)
    # Whose word it is: the signer's certificate, and those above it up to one that is trusted.
    sent = [certificate(der(*each)) for _, inside in certificates for each in elements(inside)]
    need(len(sent) <= 16, "the token carries too many certificates")
    known, name = [*authorities, *sent], (der(0x30, issuer), int.from_bytes(serial, signed=True))
    path = [each for each in known if (each.issuer.public_bytes(), each.serial_number) == name][:1]
    need(path, "the token's signer has no certificate here")
    values = dict(attribute(content) for _, content in elements(attributes))
    need(len(values) == len(elements(attributes)), "the token signs an attribute twice")
    need(values[CONTENT_TYPE] == TST_INFO and values[DIGEST] == der(4, digest_of(by, info)), "the token was changed")
    names = [(values[each], usual) for each, usual in NAMING.items() if each in values]
    need(
        names and all(names_certificate(value, usual, path[0]) for value, usual in names), "another certificate signed the token"
    )
    while path[-1] not in authorities:
        above = [each for each in known if each not in path and issued(each, path[-1])]
        need(above, f"the authority is a stranger: you named no certificate of {path[-1].issuer.rfc4514_string()}, nor one above")
        path.append(above[0])
    linked, idle = list(path), [each for each in sent if each not in path and each not in authorities]
    while idle:
        above = [each for each in idle if any(issued(each, below) for below in linked)]
        need(above and any(issued(each, above[0]) for each in known), "the token carries a certificate that vouches for nothing")
        linked.append(above[0])
        idle.remove(above[0])
    for each in path:
        timely = each.not_valid_before_utc <= at <= each.not_valid_after_utc
        need(
            timely,
            f"the certificate of {each.subject.rfc4514_string()} was not valid at {at}: expired {each.not_valid_after_utc}",
        )
    purposes = path[0].extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    alone = [each.dotted_string for each in purposes.value] == ["1.3.6.1.5.5.7.3.8"]
    need(purposes.critical and alone, "the signer's certificate is not for timestamps alone")
    for below, each in enumerate(path[1:]):
        limits = each.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = [e.value for e in each.extensions if isinstance(e.value, x509.KeyUsage)]
        need(limits.ca and all(u.key_cert_sign for u in usage), "a certificate may not vouch for another")
        need(limits.path_length is None or limits.path_length >= below, "a certificate may not vouch for another")
    kind, fixed = algorithm(signing, SIGNATURES)
    need(fixed in (None, by.name), "the signature is over another digest")
    verify_cms(path[0].public_key(), kind, by, signature, der(0x31, attributes))
    return at, accuracy, path[0].subject.rfc4514_string()


def tst_info(raw, statement):
    ((_, info),) = elements(raw)
    version, policy, (_, imprint), serial, (tag, time), *rest = elements(info)
    need((version, policy[0], serial[0], tag) == ((2, b"\1"), 6, 2, 0x18), "it is no timestamp")
    (_, by), digest = elements(imprint)
    need(digest == (4, digest_of(algorithm(by, HASHES)[1], statement)), "it is a token for another digest")
    whole, fraction = re.fullmatch(r"(\d{14})(\.\d{0,8}[1-9])?Z", time.decode(), re.ASCII).groups()
    at = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC) + timedelta(seconds=float(f"0{fraction or ''}"))
    tags = [each for each, _ in rest]
    need(tags == [each for each in (0x30, 1, 2, 0xA0, 0xA1) if each in tags], "it is no timestamp")
    parts = dict(rest)
    units = {2: timedelta(seconds=1), 0x80: timedelta(milliseconds=1), 0x81: timedelta(microseconds=1)}
    accuracy = sum((int.from_bytes(n) * units[each] for each, n in elements(parts.get(0x30, b""))), timedelta())
    need(accuracy <= timedelta(days=1), "its accuracy is none")
    for _, extension in elements(parts.get(0xA1, b"")):
        need([each for each, _ in elements(extension)] == [6, 4], "it has an extension that this program does not know")
    return at, accuracy


def certificate(raw):
    found = x509.load_der_x509_certificate(raw)
    need(raw[-len(found.signature) - 1] == 0, "a certificate's signature ends within a byte")
    return found


def attribute(content):
    (_, name), (_, values) = elements(content)
    return der(6, name), values


def names_certificate(value, by, own):
    """Whether an ESSCertID or ESSCertIDv2 (RFC 5035) names that certificate."""
    first = elements(elements(elements(elements(value)[0][1])[0][1])[0][1])
    if first[0][0] == 0x30:
        by = algorithm(first.pop(0)[1], HASHES)[1]
    return first[0] == (4, own.fingerprint(by))


def digest_of(by, message):
    return hashlib.new(by.name, message).digest()


def issued(issuer, below):
    try:
        below.verify_directly_issued_by(issuer)
    except Exception:
        return False
    return True


def verify_cms(key, kind, by, signature, message):
    try:
        if isinstance(key, rsa.RSAPublicKey):
            need(kind.startswith(oid(RSA + "1")[:-1]) and key.key_size >= 2048, "its key is too small")
            key.verify(signature, message, padding.PKCS1v15(), by)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            need(kind[2:].startswith(oid(EC + "2")[2:-1]), "it is another kind of key")
            key.verify(signature, message, ec.ECDSA(by))
        else:
            need(kind == ED25519 and isinstance(key, ed25519.Ed25519PublicKey), "it is another kind of key")
            key.verify(signature, message)
    except Exception as error:
        raise ValueError(f"the token was changed after it was signed, or {error}") from None


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("exhibit")
    asked.add_argument("--key", action="append", default=[], help="the sealer's public key, in PEM; may be repeated")
    asked.add_argument("--tsa", action="append", default=[], help="a timestamp authority's certificate, in PEM; may be repeated")
    asked.add_argument(
        "--witness", action="append", default=[], help="the key of a witness that must have cosigned, name+hash+key"
    )
    given, keys, authorities = asked.parse_args(), [], []
    for path in given.key:
        with open(path, "rb") as file:
            keys.append(serialization.load_pem_public_key(file.read()).public_bytes_raw())
    for path in given.tsa:
        with open(path, "rb") as file:
            authorities += x509.load_pem_x509_certificates(file.read())
    steps = verify(given.exhibit, keys, authorities, given.witness)
    for title, (place, (passed, words)) in zip(TITLES, enumerate(steps, start=1), strict=True):
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words[:500])
        print(f"{place} {'passed' if passed else 'FAILED'}  {title}\n          {shown}")
    return 0 if all(passed for passed, _ in steps) else 7


if __name__ == "__main__":
    sys.exit(main())
