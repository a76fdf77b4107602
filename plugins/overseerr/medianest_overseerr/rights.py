"""What Overseerr and Seerr let a user do: their permissions are one number, a sum of these."""

from __future__ import annotations

from enum import IntFlag


class Right(IntFlag):
    """The permissions used here, as both services number them."""

    ADMIN = 2
    MANAGE_REQUESTS = 16
    REQUEST = 32
    REQUEST_4K = 1024
    REQUEST_4K_MOVIE = 2048
    REQUEST_4K_TV = 4096
    REQUEST_MOVIE = 262_144
    REQUEST_TV = 524_288
    MANAGE_ISSUES = 1_048_576
    VIEW_ISSUES = 2_097_152
    CREATE_ISSUES = 4_194_304


def has(permissions: int, *rights: Right) -> bool:
    """Whether the number has one of these at least. Who is an admin there has all."""
    wanted = Right.ADMIN
    for right in rights:
        wanted |= right
    return bool(permissions & wanted)


def may_request(permissions: int, kind: str, *, is4k: bool) -> bool:
    """Whether its user may ask for films (`movie`) or series (`tv`), in 4K or not."""
    if is4k:
        of_kind = Right.REQUEST_4K_MOVIE if kind == "movie" else Right.REQUEST_4K_TV
        return has(permissions, Right.REQUEST_4K, of_kind)
    return has(permissions, Right.REQUEST, Right.REQUEST_MOVIE if kind == "movie" else Right.REQUEST_TV)
