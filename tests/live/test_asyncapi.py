"""The AsyncAPI document: whole, true of its own examples, and to be read without anything from elsewhere."""

import json
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from apps.api.live import asyncapi
from apps.api.live.messages import MESSAGES, read
from tests.live.asyncapi import committed


def test_the_committed_document_is_what_the_classes_say() -> None:
    assert committed() == asyncapi.document()


def test_every_reference_leads_somewhere() -> None:
    document = committed()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found: Any = document
                for name in value["$ref"].removeprefix("#/").split("/"):
                    found = found[name]
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(document)


@pytest.mark.parametrize("name", sorted(committed()["components"]["messages"]))
def test_each_schema_is_one_and_each_example_is_of_it(name: str) -> None:
    message = committed()["components"]["messages"][name]
    Draft202012Validator.check_schema(message["payload"])
    for example in message.get("examples", ()):
        Draft202012Validator(message["payload"]).validate(example["payload"])


@pytest.mark.parametrize("op", sorted(MESSAGES))
def test_each_example_of_what_one_may_say_is_read(op: str) -> None:
    said = read(json.dumps(MESSAGES[op].example))
    assert said.op == op


@pytest.mark.django_db
def test_the_page_and_the_document_are_served_without_anything_from_elsewhere(client: Client) -> None:
    page = client.get("/api/docs/websocket")
    text = page.content.decode()
    assert page.status_code == 200
    assert "cancel_on_disconnect" in text
    assert "<script" not in text
    assert "src=" not in text
    assert "stylesheet" not in text
    assert client.get("/api/schema/websocket").content.decode().startswith("asyncapi: 3.0.0")
