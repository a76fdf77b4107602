"""Which e-mail addresses may say who somebody is; changes none, looks at no mail box."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 254

PLAIN: Final = r"^[!-?A-~]+@[!-?A-~]+$"
"""ASCII that can be seen, with exactly one `@` between: what is written otherwise may look or fold like somebody else's."""

_PLAIN: Final = re.compile(PLAIN[1:-1])


def is_plain(address: str) -> bool:
    """Whether this address, exactly as it was sent, may be compared with others. Two are the same by ASCII lower case."""
    return len(address) <= LONGEST and _PLAIN.fullmatch(address) is not None
