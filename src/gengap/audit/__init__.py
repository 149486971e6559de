"""Whether this data, this target, this protocol are fit to learn from."""

from __future__ import annotations

from gengap.audit.base import Check, Subject
from gengap.audit.duplicates import copies_policy, drop_copies, find_copies, group_copies
from gengap.audit.runner import all_checks, audit, refuse

__all__ = [
    "Check",
    "Subject",
    "all_checks",
    "audit",
    "copies_policy",
    "drop_copies",
    "find_copies",
    "group_copies",
    "refuse",
]
