"""Ids of fragments, so that links inside the page find what they name."""

from __future__ import annotations

import hashlib
import re

from auditkit.schema import Estimate


def anchor(kind: str, key: str) -> str:
    """An id for a fragment link: readable, unique by 8 hex of the key's sha256, the same in every rendering."""
    slug = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")[:40].strip("-")
    return "-".join(part for part in (kind, slug, hashlib.sha256(key.encode()).hexdigest()[:8]) if part)


def rule_anchor(code: str) -> str:
    """Where the rule's documentation is on the page."""
    return anchor("rule", code)


def estimate_anchor(estimate: Estimate) -> str:
    """Where the estimate's row is on the page."""
    return anchor("estimate", str(estimate.id))


def case_anchor(sample_id: str) -> str:
    """Where the cited sample is on the page."""
    return anchor("sample", sample_id)
