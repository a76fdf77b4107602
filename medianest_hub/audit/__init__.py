"""Who did what, on what, from where, with what result; knows no HTTP."""

from medianest_hub.audit.entry import ANONYMOUS, SYSTEM, Actor, Detail, Entry, Target, by_operator, id_of, operator
from medianest_hub.audit.log import Audit
from medianest_hub.audit.reading import AuditEntry, Filter

__all__ = [
    "ANONYMOUS",
    "SYSTEM",
    "Actor",
    "Audit",
    "AuditEntry",
    "Detail",
    "Entry",
    "Filter",
    "Target",
    "by_operator",
    "id_of",
    "operator",
]
