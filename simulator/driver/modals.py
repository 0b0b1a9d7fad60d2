"""The fields of a modal by the names that people see. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def controls_by_name(modal: Mapping[str, Any]) -> dict[str, str]:
    """Answer label → custom id for every field; labels that occur twice are left out."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for label, custom_id in _fields(modal.get("components") or []):
        if label in found:
            twice.add(label)
        found[label] = custom_id
    return {label: custom_id for label, custom_id in found.items() if label not in twice}


def _fields(nodes: list[Mapping[str, Any]], above: str = "") -> Iterator[tuple[str, str]]:
    for node in nodes:
        label = str(node.get("label") or above)
        if node.get("custom_id") and label:
            yield label, str(node["custom_id"])
        inner = node.get("component")
        if isinstance(inner, Mapping):
            yield from _fields([inner], label)
        yield from _fields(list(node.get("components") or []))
