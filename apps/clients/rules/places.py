"""Where a client is paid: formats and check digits, the proof that a place is its own. No Django."""

import re
from datetime import datetime, timedelta
from decimal import Decimal

from stdnum import bic as bic_code
from stdnum import bitcoin, iban
from stdnum.us import rtn

from apps.clients.errors import BadEvidence, BadNumber, BadSsi

from .wallets import checksummed

SELF_CUSTODY = "SIGNED_MESSAGE"  # who signs with a wallet's key holds it
EVIDENCE = {"BANK": ("CALL_BACK",), "CHAIN": (SELF_CUSTODY, "MICRO_TRANSFER")}
_ACCOUNT = re.compile(r"([0-9]{9})-([A-Za-z0-9]{1,17})", re.ASCII)
_ETHEREUM = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_NUMBER = re.compile(r"\+[1-9][0-9]{7,14}", re.ASCII)


def require_place(rail: str, kind: str, address: str, bic: str, *, self_hosted: bool) -> None:
    """An address that can be paid over this rail: a bank account with its bank, or a wallet of this chain.

    Check digits: IBAN (ISO 13616), routing number (ABA), BIC (ISO 9362), Bitcoin (base58check, BIP 173), Ethereum (EIP-55).

    :param kind: of the rail: BANK or CHAIN
    :raises BadSsi: what is wrong, with the member of the body that it is about
    """
    if kind == "BANK":
        if self_hosted:
            raise BadSsi("only a wallet is self-hosted", pointer="/self_hosted")
        if not is_bic(bic):
            raise BadSsi("a bank account goes with the BIC of its bank: 8 or 11 capitals and digits, without blanks", pointer="/bic")
        if rail.startswith("fedwire"):
            found = _ACCOUNT.fullmatch(address)
            if found is None or not rtn.is_valid(found[1]):
                raise BadSsi("a routing number with its check digit, a hyphen, the account number: 021000021-1001", pointer="/address")
        elif iban.compact(address) != address or not iban.is_valid(address):
            raise BadSsi("an IBAN with its check digits, without blanks", pointer="/address")
        return
    if bic:
        raise BadSsi("a wallet has no BIC", pointer="/bic")
    if rail.startswith("bitcoin"):
        if bitcoin.compact(address) != address or not bitcoin.is_valid(address):
            raise BadSsi("a Bitcoin address of the main chain, P2PKH, P2SH or native SegWit version 0", pointer="/address")
    elif not _ETHEREUM.fullmatch(address) or checksummed(address) != address:
        raise BadSsi("0x and 40 hexadecimal digits in the capitals of EIP-55, which are their check digits", pointer="/address")


def canonical(address: str) -> str:
    """A wallet's address as settlement instructions have it: EIP-55 capitals, a SegWit address in small letters; any other as it is."""
    if _ETHEREUM.fullmatch(address):
        return checksummed(address)
    return address.lower() if address.startswith("BC1") and address.isupper() else address


def read_wallet(text: str) -> str:
    """A wallet of either chain, as settlement instructions have it.

    :raises BadSsi: no address that is paid to; wrong check digits
    """
    address = canonical(text)
    digits = text[2:]
    checked = digits in {digits.lower(), digits.upper()}  # in one case it has no check digits
    if _ETHEREUM.fullmatch(text) and not checked and address != text:
        raise BadSsi("its capitals are not those of EIP-55, which are its check digits", pointer="/address")
    require_place("ethereum" if address[:2].lower() == "0x" else "bitcoin", "CHAIN", address, "", self_hosted=False)
    return address


def is_bic(text: str) -> bool:
    """Whether it is a BIC (ISO 9362) as banks' files have it: in capitals, without blanks."""
    return bool(bic_code.compact(text) == text and bic_code.is_valid(text))


def require_ahead(valid_until: datetime | None, now: datetime, cooling: timedelta) -> None:
    """:raises BadSsi: it would end before it can have cooled off"""
    if valid_until is not None and valid_until <= now + cooling:
        raise BadSsi("it would end before it can be used", pointer="/valid_until")


def micro_amount(ssi_number: int, scale: int) -> Decimal:
    """What the owner of a wallet sends us to prove that it is his: small, and another one for each instruction.

    :param ssi_number: its id as a number
    :param scale: decimals of the asset
    :return: 1000 to 9999 of the asset's 8th decimal, or of its last one where it has fewer
    """
    return Decimal(1000 + ssi_number % 9000).scaleb(-min(scale, 8))


def require_kind(kind: str, evidence: str) -> None:
    """
    :param kind: of the rail: BANK or CHAIN
    :raises BadEvidence: not of this kind of rail
    """
    if evidence not in EVIDENCE[kind]:
        raise BadEvidence(f"{evidence or 'none'}: of {'a bank account' if kind == 'BANK' else 'a wallet'} {' or '.join(EVIDENCE[kind])}")


def needs_compliance(evidence: str, *, self_hosted: bool) -> bool:
    """Whether compliance signs too: for a wallet that its owner calls self-hosted, or shows to be by signing with its key."""
    return self_hosted or evidence == SELF_CUSTODY


def read_number(text: str) -> str:
    """A telephone number in E.164, without blanks.

    :raises BadNumber: it is none
    """
    plain = re.sub(r"[ ()./-]", "", text)
    if not _NUMBER.fullmatch(plain):
        raise BadNumber(f"{text}: + and the country code, 8 to 15 digits")
    return plain
