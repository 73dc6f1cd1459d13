"""A real token in software (SoftHSM2), with tokens and keys made for one test run. Debian: `apt install softhsm2`."""

import atexit
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, Mechanism
from pkcs11.util.ec import encode_named_curve_parameters

from clearway.evidence.pkcs11 import TokenKey

PIN = "4711-canary"
MODULES = tuple(
    Path(folder) / "libsofthsm2.so"
    for folder in (
        "/usr/lib/softhsm",
        "/usr/lib/x86_64-linux-gnu/softhsm",
        "/usr/lib/aarch64-linux-gnu/softhsm",
        "/usr/lib64/pkcs11",
    )
)
# RFC 8410: an object identifier, as OpenSSL and SoftHSM name the curves.
_ED25519, _ED448 = bytes.fromhex("06032b6570"), bytes.fromhex("06032b6571")


@dataclass(frozen=True)
class SoftHsm:
    """One installation of SoftHSM2, with a folder of tokens of its own."""

    module: Path

    def token(self, label: str) -> TokenKey:
        """A fresh token with an Ed25519 key pair `road`."""
        self.new_token(label)
        self.make(label, "road")
        return TokenKey(self.module, label, "road", None)

    def new_token(self, label: str) -> None:
        command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "98765432"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        self.restart()

    def restart(self) -> None:
        """As if this program had just begun: SoftHSM looks once for what is plugged in, and a login is for a whole program."""
        pkcs11.lib(str(self.module)).reinitialize()

    def make(self, token: str, label: str, kind: str = "Ed25519", *, extractable: bool = False) -> None:
        """A key pair in the token. Whoever was logged in is not any more."""
        self.restart()
        found = pkcs11.lib(str(self.module)).get_token(token_label=token)
        private = {Attribute.EXTRACTABLE: extractable, Attribute.SENSITIVE: not extractable}
        with found.open(rw=True, user_pin=PIN) as session:
            if kind == "RSA":
                session.generate_keypair(KeyType.RSA, 2048, store=True, label=label)
                return
            curves = {
                "P-256": (KeyType.EC, encode_named_curve_parameters("secp256r1"), Mechanism.EC_KEY_PAIR_GEN),
                "Ed25519": (KeyType.EC_EDWARDS, _ED25519, Mechanism.EC_EDWARDS_KEY_PAIR_GEN),
                "Ed448": (KeyType.EC_EDWARDS, _ED448, Mechanism.EC_EDWARDS_KEY_PAIR_GEN),
            }
            key_type, curve, mechanism = curves[kind]
            domain = session.create_domain_parameters(key_type, {Attribute.EC_PARAMS: curve}, local=True)
            domain.generate_keypair(mechanism=mechanism, store=True, label=label, private_template=private)

    def rename(self, token: str, kind: pkcs11.ObjectClass, old: str, new: str) -> None:
        self.restart()
        with pkcs11.lib(str(self.module)).get_token(token_label=token).open(rw=True, user_pin=PIN) as session:
            session.get_key(object_class=kind, label=old)[Attribute.LABEL] = new


@cache
def softhsm() -> SoftHsm:
    """The installation of this machine; without one, the test is skipped."""
    module = next((path for path in MODULES if path.exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("no SoftHSM2 here: apt-get install softhsm2")
    folder = Path(tempfile.mkdtemp(prefix="clearway-softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tokens").mkdir()
    config = f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    (folder / "softhsm2.conf").write_text(config)
    # Read once by the library, when the first test of this process opens it.
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    return SoftHsm(module)
