"""The lifecycle that ships: `packs/default.yaml`, in the contract's form. It is version 0."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from app.lifecycle.schemas import LifecycleDocument


@cache
def shipped_document() -> Mapping[str, Any]:
    """Return the shipped document, with every default filled in."""
    text = files("app.lifecycle").joinpath("packs", "default.yaml").read_text(encoding="utf-8")
    form = LifecycleDocument.model_validate(yaml.safe_load(text))
    document: Mapping[str, Any] = form.model_dump(mode="json", by_alias=True)
    return document
