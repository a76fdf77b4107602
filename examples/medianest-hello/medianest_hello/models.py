"""What goes in and out of the routes, and what tasks are given."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field


class GreetingPath(BaseModel):
    """The part of a path that names one greeting."""

    id: int = Field(ge=1, le=2**63 - 1)


class GreetingQuery(BaseModel):
    """Which page of the guest book to show."""

    limit: int = Field(default=20, ge=1, le=100)
    cursor: int | None = Field(default=None, ge=1, le=2**63 - 1, description="`next_cursor` of the page before.")


class NewGreeting(BaseModel):
    """What somebody writes into the book."""

    text: str = Field(min_length=1, max_length=200)


class Postcard(BaseModel):
    """What comes from outside, by the webhook."""

    name: str = Field(min_length=1, max_length=100)
    text: str = Field(min_length=1, max_length=200)


class Greeting(BaseModel):
    """One entry of the book. `answer` is None until the worker has written one."""

    id: int
    author_id: UUID
    author_name: str
    text: str
    left_at: datetime
    answer: str | None = None


class GreetingId(BaseModel):
    """Which greeting to answer."""

    id: int


class Answered(BaseModel):
    """Pushed to the author's open pages as `hello:greeting.answered`."""

    id: int
    answer: str


class About(BaseModel):
    """What a stranger may know. `beats` counts the stream's beats, `fence` is the number of its present holder."""

    greeting: str
    generation: int
    beats: int
    fence: int
