"""The shipped policy packs: their documents, and the policies read from them.

The documents are `packs/*.yaml`, one policy each. Which of them a deployment uses is its own
affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from app.sla.engine.policy import Policy
from app.sla.engine.policy_document import parse_policy

PACK_NAMES = ("toolkit", "tiered-cases", "none")


@cache
def pack_document(name: str) -> Mapping[str, Any]:
    """Return the document of a shipped pack; KeyError for a name that does not ship."""
    if name not in PACK_NAMES:
        raise KeyError(name)
    text = files("app.sla").joinpath("packs", f"{name}.yaml").read_text(encoding="utf-8")
    document: Mapping[str, Any] = yaml.safe_load(text)
    return document


@cache
def load_pack(name: str, version: int = 1) -> Policy:
    """Return the policy of a shipped pack as the given version; KeyError for an unknown name."""
    return parse_policy(pack_document(name), version)
