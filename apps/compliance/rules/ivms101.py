"""IVMS101, the interVASP data model of who sends and who receives (joint working group, version 1): made, and checked strictly. No Django.

A record is the JSON object of the standard: originator and beneficiary, each with persons and account numbers, and their VASPs. What is
missing or wrong is named by its path; what the standard does not know is refused.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from apps.clients.rules import identity

NAME_TYPES = ("LEGL", "SHRT", "TRAD", "ALIA", "BIRT", "MAID", "MISC")
LEGAL_NAME_TYPES = ("LEGL", "SHRT", "TRAD")
ADDRESS_TYPES = ("HOME", "BIZZ", "GEOG")
NATURAL_IDS = ("ARNU", "CCPT", "DRLC", "FIIN", "IDCD", "MISC", "RAID", "SOCS", "TXID")
LEGAL_IDS = ("RAID", "MISC", "LEIX", "TXID")  # constraint C7
ADDRESS = {  # its texts and their most characters
    "department": 50, "subDepartment": 70, "streetName": 70, "buildingNumber": 16, "buildingName": 35, "floor": 70, "postBox": 16,
    "room": 70, "postCode": 16, "townName": 35, "townLocationName": 35, "districtName": 35, "countrySubDivision": 35,
}  # fmt: skip
LINES = 7  # of an address
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_AUTHORITY = re.compile(r"RA[0-9]{6}", re.ASCII)
JSON = Mapping[str, Any]


def legal_person(name: str, *, lei: str = "", customer: str = "", country: str = "") -> dict[str, Any]:
    """A firm as our own file knows it."""
    made: dict[str, Any] = {"name": {"nameIdentifier": [{"legalPersonName": name, "legalPersonNameIdentifierType": "LEGL"}]}}
    if customer:
        made["customerNumber"] = customer
    if lei:
        made["nationalIdentification"] = {"nationalIdentifier": lei, "nationalIdentifierType": "LEIX"}
    if country:
        made["countryOfRegistration"] = country
    return {"legalPerson": made}


def natural_person(surname: str, given: str = "", *, customer: str = "", born: str = "", place: str = "") -> dict[str, Any]:
    """A person by what travels at least: the legal name, and one of a customer number and date and place of birth."""
    name = {"primaryIdentifier": surname, "nameIdentifierType": "LEGL", **({"secondaryIdentifier": given} if given else {})}
    made: dict[str, Any] = {"name": {"nameIdentifier": [name]}}
    if customer:
        made["customerIdentification"] = customer
    if born or place:
        made["dateAndPlaceOfBirth"] = {"dateOfBirth": born, "placeOfBirth": place}
    return {"naturalPerson": made}


def record(
    *,
    originator: JSON,
    originator_account: str,
    beneficiary: JSON,
    beneficiary_account: str,
    ours: JSON | None,
    theirs: JSON | None,
    out: bool,
) -> dict[str, Any]:
    """:param ours: our own entity as the VASP of our side; `theirs`: of the other, None for a wallet in its owner's hands, or unknown
    :param out: whether we send
    """
    made: dict[str, Any] = {
        "originator": {"originatorPersons": [originator], "accountNumber": [originator_account] if originator_account else []},
        "beneficiary": {"beneficiaryPersons": [beneficiary], "accountNumber": [beneficiary_account] if beneficiary_account else []},
    }
    sender, receiver = (ours, theirs) if out else (theirs, ours)
    if sender is not None:
        made["originatingVASP"] = {"originatingVASP": sender}
    if receiver is not None:
        made["beneficiaryVASP"] = {"beneficiaryVASP": receiver}
    return made


def name_of(given: JSON, side: str) -> str:
    """The name of the first person of a side (originator, beneficiary); "" where there is none."""
    return next(iter(names_of(given, side)), "")


def names_of(given: JSON, side: str) -> list[str]:
    """The names of all persons of a side, the first of each; those who have none are left out."""
    try:
        persons = list(given[side][f"{side}Persons"])
    except (KeyError, TypeError):
        return []
    return [name for name in map(_name, persons) if name]


def _name(person: Any) -> str:
    try:
        if "legalPerson" in person:
            return str(person["legalPerson"]["name"]["nameIdentifier"][0]["legalPersonName"])
        name = person["naturalPerson"]["name"]["nameIdentifier"][0]
        return " ".join(part for part in (name.get("secondaryIdentifier", ""), name["primaryIdentifier"]) if part)
    except (KeyError, IndexError, TypeError, AttributeError):
        return ""


def faults(given: object, *, today: date) -> list[str]:
    """What keeps a record from being complete, each by its path: `originator.accountNumber: missing`. Empty: it is complete."""
    check = _Check(today)
    said = check.obj(given, "", {"originator", "beneficiary", "originatingVASP", "beneficiaryVASP"})
    for side, role in (("originator", "C1"), ("beneficiary", "")):
        held = check.obj(said.get(side), side, {f"{side}Persons", "accountNumber"})
        for n, person in enumerate(check.items(held, f"{side}Persons", side)):
            check.person(person, f"{side}.{side}Persons.{n}", identified=bool(role))
        for n, number in enumerate(check.items(held, "accountNumber", side)):
            check.text({"": number}, "", f"{side}.accountNumber.{n}", 100)
    for vasp in ("originatingVASP", "beneficiaryVASP"):
        if vasp in said:
            held = check.obj(said[vasp], vasp, {vasp})
            check.person(held.get(vasp), f"{vasp}.{vasp}", identified=True)
    return check.found


class _Check:
    def __init__(self, today: date) -> None:
        self.today = today
        self.found: list[str] = []

    def fault(self, path: str, what: str) -> None:
        self.found.append(f"{path or 'record'}: {what}")

    def obj(self, given: object, path: str, known: set[str]) -> JSON:
        if given is None:
            self.fault(path, "missing")
            return {}
        if not isinstance(given, Mapping):
            self.fault(path, "an object")
            return {}
        for name in sorted(set(given) - known, key=str):
            told = name[:50] if isinstance(name, str) and name.isprintable() else ascii(name)[:50]
            self.fault(f"{path}.{told}".lstrip("."), "not known to IVMS101")
        return given

    def items(self, held: JSON, name: str, path: str) -> Sequence[Any]:
        given = held.get(name)
        if not given:
            self.fault(f"{path}.{name}", "missing")
            return []
        if not isinstance(given, list) or len(given) > 20:
            self.fault(f"{path}.{name}", "a list of at most 20")
            return []
        return given

    def text(self, held: JSON, name: str, path: str, most: int, *, needed: bool = True) -> str:
        given = held.get(name)
        if given in (None, "") and not needed:
            return ""
        if given in (None, ""):
            self.fault(path, "missing")
        elif not isinstance(given, str) or not given.strip() or len(given) > most or not given.isprintable():
            self.fault(path, f"a text of at most {most} characters")
        else:
            return given
        return ""

    def code(self, held: JSON, name: str, path: str, allowed: Sequence[str]) -> str:
        given = self.text(held, name, path, 10)
        if given and given not in allowed:
            self.fault(path, f"one of {', '.join(allowed)}")
        return given

    def country(self, held: JSON, name: str, path: str, *, needed: bool = False) -> None:
        given = self.text(held, name, path, 10, needed=needed)
        if given and not _COUNTRY.fullmatch(given):
            self.fault(path, "an ISO 3166 code of two capitals")

    def person(self, given: object, path: str, *, identified: bool) -> None:
        held = self.obj(given, path, {"naturalPerson", "legalPerson"})
        kinds = [kind for kind in ("naturalPerson", "legalPerson") if kind in held]
        if len(kinds) != 1:
            if held or given is None or isinstance(given, Mapping):
                self.fault(path, "one of naturalPerson and legalPerson")
            return
        (self.natural if kinds[0] == "naturalPerson" else self.legal)(held[kinds[0]], f"{path}.{kinds[0]}", identified)

    def natural(self, given: object, path: str, identified: bool) -> None:
        known = {
            "name",
            "geographicAddress",
            "nationalIdentification",
            "customerIdentification",
            "dateAndPlaceOfBirth",
            "countryOfResidence",
        }
        held = self.obj(given, path, known)
        self.names(held, path, ("primaryIdentifier", "nameIdentifierType", NAME_TYPES))
        self.text(held, "customerIdentification", f"{path}.customerIdentification", 50, needed=False)
        self.country(held, "countryOfResidence", f"{path}.countryOfResidence")
        self.addresses(held, path)
        self.identity(held, path, NATURAL_IDS)
        if "dateAndPlaceOfBirth" in held:
            born = self.obj(held["dateAndPlaceOfBirth"], f"{path}.dateAndPlaceOfBirth", {"dateOfBirth", "placeOfBirth"})
            at = f"{path}.dateAndPlaceOfBirth"
            self.text(born, "placeOfBirth", f"{at}.placeOfBirth", 70)
            self.birth(self.text(born, "dateOfBirth", f"{at}.dateOfBirth", 10), f"{at}.dateOfBirth")
        known_by = ("geographicAddress", "nationalIdentification", "customerIdentification", "dateAndPlaceOfBirth")
        if identified and not any(held.get(one) for one in known_by):
            self.fault(path, f"missing: one of {', '.join(known_by)}")  # constraint C1

    def legal(self, given: object, path: str, identified: bool) -> None:
        known = {"name", "geographicAddress", "nationalIdentification", "customerNumber", "countryOfRegistration"}
        held = self.obj(given, path, known)
        self.names(held, path, ("legalPersonName", "legalPersonNameIdentifierType", LEGAL_NAME_TYPES))
        self.text(held, "customerNumber", f"{path}.customerNumber", 50, needed=False)
        self.country(held, "countryOfRegistration", f"{path}.countryOfRegistration")
        self.addresses(held, path)
        self.identity(held, path, LEGAL_IDS)
        known_by = ("geographicAddress", "nationalIdentification", "customerNumber")
        if identified and not any(held.get(one) for one in known_by):
            self.fault(path, f"missing: one of {', '.join(known_by)}")  # constraint C4

    def names(self, held: JSON, path: str, fields: tuple[str, str, Sequence[str]]) -> None:
        text, kind, kinds = fields
        held_name = self.obj(held.get("name"), f"{path}.name", {"nameIdentifier", "localNameIdentifier", "phoneticNameIdentifier"})
        if not held_name:
            return
        for member in ("nameIdentifier", "localNameIdentifier", "phoneticNameIdentifier"):
            if member != "nameIdentifier" and member not in held_name:
                continue
            out = []
            for n, one in enumerate(self.items(held_name, member, f"{path}.name")):
                at = f"{path}.name.{member}.{n}"
                name = self.obj(one, at, {text, kind, "secondaryIdentifier"} if text == "primaryIdentifier" else {text, kind})
                self.text(name, text, f"{at}.{text}", 100)
                self.text(name, "secondaryIdentifier", f"{at}.secondaryIdentifier", 100, needed=False)
                self.code(name, kind, f"{at}.{kind}", kinds)
                out.append(name)
            if member == "nameIdentifier" and out and not any(name.get(kind) == "LEGL" for name in out):
                self.fault(f"{path}.name.nameIdentifier", "missing: a name of type LEGL")  # constraints C5, C6

    def identity(self, held: JSON, path: str, kinds: Sequence[str]) -> None:
        if "nationalIdentification" not in held:
            return
        at = f"{path}.nationalIdentification"
        known = {"nationalIdentifier", "nationalIdentifierType", "countryOfIssue", "registrationAuthority"}
        one = self.obj(held["nationalIdentification"], at, known)
        number = self.text(one, "nationalIdentifier", f"{at}.nationalIdentifier", 35)
        kind = self.code(one, "nationalIdentifierType", f"{at}.nationalIdentifierType", kinds)
        self.country(one, "countryOfIssue", f"{at}.countryOfIssue")
        authority = self.text(one, "registrationAuthority", f"{at}.registrationAuthority", 8, needed=False)
        if authority and not _AUTHORITY.fullmatch(authority):
            self.fault(f"{at}.registrationAuthority", "RA and six digits")
        if kind == "LEIX":
            if number and not identity.is_lei(number):
                self.fault(f"{at}.nationalIdentifier", "an LEI with its check digits")  # constraint C11
            if authority or one.get("countryOfIssue"):
                self.fault(at, "an LEI has no registrationAuthority and no countryOfIssue")  # constraint C9
        elif kinds is LEGAL_IDS and kind and not authority:
            self.fault(f"{at}.registrationAuthority", "missing")  # constraint C9

    def addresses(self, held: JSON, path: str) -> None:
        if "geographicAddress" not in held:
            return
        for n, one in enumerate(self.items(held, "geographicAddress", path)):
            at = f"{path}.geographicAddress.{n}"
            address = self.obj(one, at, {"addressType", "country", "addressLine", *ADDRESS})
            self.code(address, "addressType", f"{at}.addressType", ADDRESS_TYPES)
            self.country(address, "country", f"{at}.country", needed=True)
            for member, most in ADDRESS.items():
                self.text(address, member, f"{at}.{member}", most, needed=False)
            lines = address.get("addressLine")
            if lines is not None and not (isinstance(lines, list) and len(lines) <= LINES):
                self.fault(f"{at}.addressLine", f"a list of at most {LINES}")
                lines = []
            for nth, line in enumerate(lines or ()):
                self.text({"": line}, "", f"{at}.addressLine.{nth}", 70)
            house = address.get("buildingName") or address.get("buildingNumber")
            if not lines and not (address.get("streetName") and house):
                self.fault(at, "missing: addressLine, or streetName with buildingName or buildingNumber")  # constraint C8

    def birth(self, text: str, path: str) -> None:
        if not text:
            return
        try:
            born = date.fromisoformat(text)
        except ValueError:
            self.fault(path, "a date as 1980-01-31")
            return
        if born >= self.today:
            self.fault(path, "in the past")  # constraint C2
