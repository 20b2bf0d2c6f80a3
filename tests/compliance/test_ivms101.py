"""IVMS101 records: what is complete, and every way of not being so, named by its path."""

import copy
from datetime import date
from typing import Any

import pytest

from apps.compliance.rules import ivms101

TODAY = date(2026, 9, 15)
LEI = "529900T8BM49AURSDO55"
OURS = ivms101.legal_person("Flowdesk Ltd", lei=LEI, customer="flowdesk")
PERSON = ivms101.natural_person("Müller", "Ada", born="1980-01-31", place="Bonn")


def whole() -> dict[str, Any]:
    return ivms101.record(
        originator=copy.deepcopy(PERSON), originator_account="bc1qa", beneficiary=ivms101.legal_person("Acme"), beneficiary_account="bc1qb",
        ours=copy.deepcopy(OURS), theirs=None, out=False,
    )  # fmt: skip


def test_a_whole_record_has_no_fault_and_tells_its_names() -> None:
    assert ivms101.faults(whole(), today=TODAY) == []
    assert [ivms101.name_of(whole(), side) for side in ("originator", "beneficiary")] == ["Ada Müller", "Acme"]
    assert whole()["beneficiaryVASP"]["beneficiaryVASP"] == OURS
    assert ivms101.name_of({}, "originator") == ivms101.name_of({"originator": None}, "originator") == ""
    firm = ivms101.legal_person("Acme", customer="7", country="DE")
    firm["legalPerson"]["geographicAddress"] = [
        {"addressType": "BIZZ", "streetName": "Rue", "buildingNumber": "1", "townName": "Lyon", "country": "FR"}
    ]
    assert ivms101.faults({**whole(), "originator": {"originatorPersons": [firm], "accountNumber": ["x"]}}, today=TODAY) == []


ADDRESS = {"addressType": "HOME", "country": "DE", "addressLine": ["Am Markt 1", "Bonn"]}
VASP = "beneficiaryVASP.beneficiaryVASP"
NATURAL, LEGAL = "originator.originatorPersons.0.naturalPerson", "beneficiary.beneficiaryPersons.0.legalPerson"
ID = f"{LEGAL}.nationalIdentification"


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("originator", None, "originator: missing"),
        ("beneficiary", [], "beneficiary: an object"),
        ("extra", 1, "extra: not known to IVMS101"),
        ("originator.accountNumber", [], "originator.accountNumber: missing"),
        ("originator.accountNumber", "bc1q", "originator.accountNumber: a list of at most 20"),
        ("beneficiary.accountNumber", [7], "beneficiary.accountNumber.0: a text of at most 100"),
        ("originator.originatorPersons", [], "originator.originatorPersons: missing"),
        ("originator.originatorPersons", [{}], "originator.originatorPersons.0: one of naturalPerson and legalPerson"),
        ("originator.originatorPersons.0", {**PERSON, **OURS}, "originator.originatorPersons.0: one of naturalPerson and legalPerson"),
        (f"{NATURAL}.name", None, f"{NATURAL}.name: missing"),
        (f"{NATURAL}.name.nameIdentifier", [], f"{NATURAL}.name.nameIdentifier: missing"),
        (f"{NATURAL}.name.nameIdentifier.0.primaryIdentifier", " ", f"{NATURAL}.name.nameIdentifier.0.primaryIdentifier: a text"),
        (f"{NATURAL}.name.nameIdentifier.0.nameIdentifierType", "ALIA", f"{NATURAL}.name.nameIdentifier: missing: a name of type LEGL"),
        (f"{NATURAL}.name.nameIdentifier.0.nameIdentifierType", "NICK", f"{NATURAL}.name.nameIdentifier.0.nameIdentifierType: one of LEGL"),
        (f"{NATURAL}.dateAndPlaceOfBirth", None, f"{NATURAL}.dateAndPlaceOfBirth: missing"),
        (f"{NATURAL}.dateAndPlaceOfBirth.dateOfBirth", "2026-09-15", f"{NATURAL}.dateAndPlaceOfBirth.dateOfBirth: in the past"),
        (f"{NATURAL}.dateAndPlaceOfBirth.dateOfBirth", "31.1.80", f"{NATURAL}.dateAndPlaceOfBirth.dateOfBirth: a date"),
        (f"{NATURAL}.dateAndPlaceOfBirth.placeOfBirth", "", f"{NATURAL}.dateAndPlaceOfBirth.placeOfBirth: missing"),
        (f"{NATURAL}.countryOfResidence", "Germany", f"{NATURAL}.countryOfResidence: an ISO 3166"),
        (f"{NATURAL}.geographicAddress", [{**ADDRESS, "country": ""}], f"{NATURAL}.geographicAddress.0.country: missing"),
        (f"{NATURAL}.geographicAddress", [{**ADDRESS, "addressLine": []}], f"{NATURAL}.geographicAddress.0: missing: addressLine, or"),
        (f"{NATURAL}.geographicAddress", [{**ADDRESS, "planet": "3"}], f"{NATURAL}.geographicAddress.0.planet: not known"),
        (f"{LEGAL}.name.nameIdentifier.0.legalPersonName", "x" * 101, f"{LEGAL}.name.nameIdentifier.0.legalPersonName: a text of at most"),
        (f"{NATURAL}.geographicAddress", [{**ADDRESS, "streetName": {"x": ["\0"]}}], f"{NATURAL}.geographicAddress.0.streetName: a text"),
        (f"{NATURAL}.geographicAddress", [{**ADDRESS, "postCode": "1" * 17}], f"{NATURAL}.geographicAddress.0.postCode: a text of"),
        (f"{NATURAL}.geographicAddress", [{**ADDRESS, "townName": "a\0"}], f"{NATURAL}.geographicAddress.0.townName: a text of at most 35"),
        (f"{NATURAL}.geographicAddress", [{**ADDRESS, "addressLine": ["a\0"]}], f"{NATURAL}.geographicAddress.0.addressLine.0: a text"),
        (f"{NATURAL}.geographicAddress", [{**ADDRESS, "addressLine": ["a"] * 8}], f"{NATURAL}.geographicAddress.0.addressLine: a list of"),
        (f"{NATURAL}.geographicAddress", [{**ADDRESS, "x\0": 1}], f"{NATURAL}.geographicAddress.0.'x\\x00': not known"),
        (f"{NATURAL}.name.localNameIdentifier", {"x": 1}, f"{NATURAL}.name.localNameIdentifier: a list of at most 20"),
        (f"{LEGAL}.name.phoneticNameIdentifier", [{"x": "\0"}], f"{LEGAL}.name.phoneticNameIdentifier.0.x: not known"),
        (ID, {"nationalIdentifier": "1", "nationalIdentifierType": "CCPT"}, f"{ID}.nationalIdentifierType: one of RAID"),
        (ID, {"nationalIdentifier": LEI[:-1] + "6", "nationalIdentifierType": "LEIX"}, f"{ID}.nationalIdentifier: an LEI"),
        (ID, {"nationalIdentifier": "1", "nationalIdentifierType": "RAID"}, f"{ID}.registrationAuthority: missing"),
        (ID, {"nationalIdentifier": LEI, "nationalIdentifierType": "LEIX", "countryOfIssue": "DE"}, f"{ID}: an LEI has no"),
        ("beneficiaryVASP.beneficiaryVASP", None, "beneficiaryVASP.beneficiaryVASP: missing"),
        (VASP, ivms101.legal_person("Y"), f"{VASP}.legalPerson: missing: one of geographicAddress"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_named_by_its_path(path: str, value: Any, fault: str) -> None:
    record: Any = whole()
    *way, last = path.split(".")
    held = record
    for step in way:
        held = held[int(step)] if isinstance(held, list) else held[step]
    if isinstance(held, list):
        held[int(last)] = value
    else:
        held[last] = value
    found = ivms101.faults(record, today=TODAY)
    assert any(one.startswith(fault) for one in found), found


def test_an_originator_is_known_by_more_than_a_name() -> None:
    for person in (ivms101.natural_person("Doe"), ivms101.legal_person("Acme")):
        found = ivms101.faults({**whole(), "originator": {"originatorPersons": [person], "accountNumber": ["x"]}}, today=TODAY)
        assert len(found) == 1 and ": missing: one of geographicAddress" in found[0]


@pytest.mark.parametrize("given", [None, 7, "x", [], {}, {"originator": {"originatorPersons": [None], "accountNumber": [None]}}])
def test_anything_is_read_without_breaking(given: Any) -> None:
    assert ivms101.faults(given, today=TODAY)
