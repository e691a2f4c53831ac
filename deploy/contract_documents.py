"""Writes the generated documents: events.md, asyncapi.yaml and webhooks.md from shared/contracts, settings.md, api.md.

Run by `make docs`; a test holds them current.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from deploy.api_document import api_markdown
from deploy.settings_document import settings_markdown
from deploy.webhooks_document import webhooks_markdown
from shared.contracts import topics
from shared.contracts.envelope import Attributes, Contract
from shared.contracts.registry import CONTRACTS

DOCS = Path(__file__).resolve().parents[1] / "docs"


def _schemas() -> dict[str, Any]:
    """Return the JSON Schemas of all contracts and of the envelope, references pointing into AsyncAPI components."""
    models: list[type[BaseModel]] = [*CONTRACTS.values(), Attributes]
    _, document = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    definitions: dict[str, Any] = document["$defs"]
    return dict(sorted(definitions.items()))


def _name(event_type: str) -> str:
    return event_type.removeprefix("cchc.").replace(".", "_")


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document: one channel a topic, one message a type."""
    messages = {
        _name(event_type): {
            "name": event_type,
            "title": event_type,
            "summary": contract.description,
            "contentType": "application/json",
            "headers": {"$ref": "#/components/schemas/KafkaHeaders"},
            "payload": {"$ref": f"#/components/schemas/{contract.__name__}"},
        }
        for event_type, contract in CONTRACTS.items()
    }
    schemas = _schemas()
    attributes = schemas.pop("Attributes")
    schemas["KafkaHeaders"] = {
        "type": "object",
        "description": "CloudEvents 1.0, binary mode",
        "properties": {
            "content-type": {"const": "application/json"},
            **{f"ce_{name}": schema for name, schema in attributes["properties"].items()},
        },
        "required": ["content-type", *(f"ce_{name}" for name in attributes["required"])],
    }
    channels = {}
    operations = {}
    for topic in topics.ALL:
        carried = [_name(kind) for kind, contract in CONTRACTS.items() if contract.topic == topic]
        channel = topic.name.replace(".", "_")
        channels[channel] = {
            "address": topic.name,
            "description": topic.description,
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in carried},
            "bindings": {"kafka": {"partitions": topic.partitions}},
        }
        operations[f"publish_{channel}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{channel}"},
            "summary": f"Published by the service {topic.owner}",
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "cchc",
            "version": "1",
            "description": "Sự kiện của cchc. Generated from shared/contracts by `make docs`; do not edit.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _type_of(schema: dict[str, Any]) -> str:
    """Return a short reading of a JSON Schema for a table cell."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rsplit('/', 1)[-1]}`"
    if "anyOf" in schema:
        return " or ".join(_type_of(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type_of(schema.get('items', {}))}"
    shown = schema.get("format") or schema.get("type") or "any"
    return str(shown)


def _field_table(schema: dict[str, Any]) -> list[str]:
    required = set(schema.get("required", ()))
    rows = ["| field | type | required |", "|---|---|---|"]
    rows += [
        f"| `{name}` | {_type_of(field)} | {'yes' if name in required else 'no'} |"
        for name, field in schema["properties"].items()
    ]
    return rows


def _section(event_type: str, contract: type[Contract], schemas: dict[str, Any]) -> list[str]:
    meaning = " ".join((contract.__doc__ or "").split())
    return [
        f"## `{event_type}`",
        "",
        f"{contract.description}",
        "",
        f"{meaning} Topic `{contract.topic.name}`.",
        "",
        *_field_table(schemas[contract.__name__]),
        "",
    ]


def events_markdown() -> str:
    """Return docs/events.md: the topics, every event type with its fields, and the parts that they share."""
    schemas = _schemas()
    lines = [
        "# Events",
        "",
        "Generated from `shared/contracts` by `make docs`; do not edit.",
        "",
        "CloudEvents 1.0 in Kafka binary mode: attributes are headers (`ce_id`, `ce_type`, `ce_source`, `ce_subject`,",
        "`ce_time`, `ce_partitionkey`, `ce_specversion`, `ce_traceparent`), the value is JSON. A consumer recognises a",
        "repeat by `ce_id`. Fields are only ever added to a version; readers pass over fields that they do not know.",
        "",
        "| topic | owner | partitions | meaning |",
        "|---|---|---|---|",
        *(f"| `{topic.name}` | {topic.owner} | {topic.partitions} | {topic.description} |" for topic in topics.ALL),
        "",
    ]
    for event_type, contract in CONTRACTS.items():
        lines += _section(event_type, contract, schemas)
    shared_parts = sorted(set(schemas) - {contract.__name__ for contract in CONTRACTS.values()} - {"Attributes"})
    lines += ["# Parts", ""]
    for name in shared_parts:
        schema = schemas[name]
        lines += [f"## `{name}`", ""]
        if "enum" in schema:
            lines += ["One of " + ", ".join(f"`{value}`" for value in schema["enum"]) + ".", ""]
        else:
            lines += [*_field_table(schema), ""]
    return "\n".join(lines)


def documents() -> dict[str, str]:
    """Return the generated documents by file name. JSON is YAML, so asyncapi.yaml needs no YAML writer."""
    return {
        "events.md": events_markdown(),
        "asyncapi.yaml": json.dumps(asyncapi(), ensure_ascii=False, indent=2) + "\n",
        "settings.md": settings_markdown(),
        "api.md": api_markdown(),
        "webhooks.md": webhooks_markdown(),
    }


def main() -> None:
    """Write the documents."""
    for name, text in documents().items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
