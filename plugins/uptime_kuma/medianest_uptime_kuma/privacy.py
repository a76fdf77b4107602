"""Which monitors members may see, as the one piece of SQL everything that shows monitors uses."""

from __future__ import annotations

from medianest_uptime_kuma.settings import UptimeKumaSettings

READ = "read"
"""The permission to see the monitors that are shown to members."""

DETAILS = "details"
"""The permission to see every monitor, with addresses and messages."""


def shown_sql(first: int, row: str = "m") -> str:
    """Whether members may see the monitor `row`; its three parameters, from `shown_args`, begin at `$first`."""
    see, groups, tags = (f"${first + offset}" for offset in range(3))
    in_group = f"EXISTS (SELECT FROM unnest({row}.groups) AS g WHERE lower(g) = ANY({groups}::text[]))"  # nosec B608
    tagged = f"lower(t) = ANY({tags}::text[]) OR lower(split_part(t, ':', 1)) = ANY({tags}::text[])"
    has_tag = f"EXISTS (SELECT FROM unnest({row}.tags) AS t WHERE {tagged})"  # nosec B608
    return f"({see}::text = 'everything' OR ({see}::text = 'chosen' AND ({in_group} OR {has_tag})))"


def shown_args(settings: UptimeKumaSettings) -> tuple[str, list[str], list[str]]:
    """The parameters of `shown_sql`."""
    return settings.members_see, list(settings.members_see_groups), list(settings.members_see_tags)
