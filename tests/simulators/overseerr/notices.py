"""What the service tells others of: a kind, and about whom and what it is; sends nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from .records import Comment, Issue, Media, Request, User


class Kind(IntFlag):
    """Of a notification; an agent's `types` is a sum of these."""

    MEDIA_PENDING = 2
    MEDIA_APPROVED = 4
    MEDIA_AVAILABLE = 8
    MEDIA_FAILED = 16
    TEST_NOTIFICATION = 32
    MEDIA_DECLINED = 64
    MEDIA_AUTO_APPROVED = 128
    ISSUE_CREATED = 256
    ISSUE_COMMENT = 512
    ISSUE_RESOLVED = 1024
    ISSUE_REOPENED = 2048
    MEDIA_AUTO_REQUESTED = 4096


@dataclass(frozen=True)
class Notice:
    """One thing that happened. `user` is whom it concerns; a test concerns who pressed the button."""

    kind: Kind
    media: Media | None = None
    request: Request | None = None
    issue: Issue | None = None
    comment: Comment | None = None
    user: User | None = None
