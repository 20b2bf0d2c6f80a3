"""Ethereum wallets: the check digits of an address, and whether its key signed a text. No Django.

A signature names its key up to arithmetic on secp256k1 (SEC 1, 4.1.6). What is found that way is believed only when the library verifies
the signature with it and it hashes to the address, so a fault of ours can refuse a good signature and never take a bad one.
"""

from Crypto.Hash import keccak
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

_P = 2**256 - 2**32 - 977
_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
_Point = tuple[int, int] | None  # None: the point at infinity
_SIGNATURE = 65  # bytes: r, s, and which of the two keys


def checksummed(address: str) -> str:
    """An Ethereum address in the capitals of EIP-55, which are its check digits."""
    digits = address[2:].lower()
    told = _keccak(digits.encode()).hex()
    return "0x" + "".join(one.upper() if int(at, 16) >= 8 else one for one, at in zip(digits, told, strict=False))


def is_signed_by(address: str, text: str, signature: str) -> bool:
    """Whether the key of this Ethereum address has signed this text (EIP-191, `personal_sign`).

    :param signature: r, s and v, 65 bytes in hexadecimal
    """
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        return False
    if len(raw) != _SIGNATURE or raw[-1] not in {0, 1, 27, 28}:
        return False
    message = text.encode()
    hashed = _keccak(b"\x19Ethereum Signed Message:\n%d%b" % (len(message), message))
    r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:64])
    key = _recover(int.from_bytes(hashed), r, s, odd=raw[-1] in {1, 28})
    if key is None:
        return False
    half = 32
    if "0x" + _keccak(key[0].to_bytes(half) + key[1].to_bytes(half))[-20:].hex() != address.lower():
        return False
    try:
        public = ec.EllipticCurvePublicNumbers(*key, ec.SECP256K1()).public_key()
        public.verify(encode_dss_signature(r, s), hashed, ec.ECDSA(Prehashed(SHA256())))  # of SHA256 only its length counts
    except (InvalidSignature, ValueError):
        return False
    return True


def _recover(z: int, r: int, s: int, *, odd: bool) -> _Point:
    """The key that made (r, s) over z, by the parity of its point."""
    if not (0 < r < _N and 0 < s < _N):
        return None
    square = (pow(r, 3, _P) + 7) % _P
    y = pow(square, (_P + 1) // 4, _P)
    if y * y % _P != square:
        return None
    point = (r, y if y % 2 == odd else _P - y)
    inverse = pow(r, -1, _N)
    return _add(_times(s * inverse % _N, point), _times(-z * inverse % _N, _G))


def _add(a: _Point, b: _Point) -> _Point:
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0] and (a[1] + b[1]) % _P == 0:
        return None
    slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, _P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, _P)
    x = (slope * slope - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def _times(n: int, point: _Point) -> _Point:
    total: _Point = None
    while n:
        if n & 1:
            total = _add(total, point)
        point = _add(point, point)
        n >>= 1
    return total


def _keccak(data: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=data).digest()
