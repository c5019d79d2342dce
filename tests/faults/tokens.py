"""Session tokens in Clerk's shape, signed with the key whose public half the stand-in publishes."""

import base64
import hashlib
import json
import time
from pathlib import Path

KEYS = Path(__file__).resolve().parents[1] / "keys"
KEY_ID = "ins_2SampleTest"
# What comes before a SHA-256 hash in a signature (RFC 8017, section 9.2, note 1).
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def elements(der):
    """The contents of the elements of a DER sequence."""
    found, at = [], 0
    while at < len(der):
        length, at = der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        found.append(der[at : at + length])
        at += length
    return found


class Key:
    """An RSA key from a PEM file (PKCS#8)."""

    def __init__(self, path):
        lines = path.read_text().split("\n")
        whole = base64.b64decode("".join(line for line in lines if not line.startswith("-----")))
        key = elements(elements(elements(whole)[0])[2])[0]
        numbers = [int.from_bytes(part, "big") for part in elements(key)]
        _, self.n, _, _, self.p, self.q, self.dp, self.dq, self.inverse = numbers

    def sign(self, message):
        size = (self.n.bit_length() + 7) // 8
        tail = SHA256_PREFIX + hashlib.sha256(message).digest()
        padded = b"\0\1" + b"\xff" * (size - len(tail) - 3) + b"\0" + tail
        number = int.from_bytes(padded, "big")
        p, q = pow(number, self.dp, self.p), pow(number, self.dq, self.q)
        return (q + (p - q) * self.inverse % self.p * self.q).to_bytes(size, "big")


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Tokens:
    """One token a user, for as long as the clock is not set."""

    def __init__(self):
        self.key = Key(KEYS / "test-rsa.pem")
        # By how many seconds the server's clock is ahead.
        self.ahead = 0
        self.made = {}

    def of(self, user, is_complete=True):
        """Good for an hour. Complete: with e-mail address and name, so that Clerk need not be asked."""
        name = (user, is_complete, self.ahead)
        if name not in self.made:
            self.made[name] = self.sign(user, is_complete)
        return self.made[name]

    def sign(self, user, is_complete):
        now = int(time.time()) + self.ahead
        head = {"alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": KEY_ID, "typ": "JWT"}
        claims = {
            "azp": "https://app.example.com", "exp": now + 3600, "fva": [0, -1], "iat": now, "iss": "https://clerk.example.com",
            "jti": "0123456789abcdef", "nbf": now - 10, "sid": f"sess_{user}", "sts": "active",
            "sub": user, "v": 2,
        }
        if is_complete:
            claims |= {"email": f"{user}@example.com", "name": "Sample Person"}
        message = b".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        return (message + b"." + encoded(self.key.sign(message))).decode()
