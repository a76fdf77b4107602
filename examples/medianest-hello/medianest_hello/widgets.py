"""Two tiles: one loaded once for everybody, one for each person."""

from __future__ import annotations

from medianest_hello import store
from medianest_hello.settings import HelloSettings
from medianest_hello.tables import GreetingRow
from medianest_hub.plugin_api import EVERYONE, Context, ItemList, ListItem, Stat, Tone, Viewer, widget


@widget("latest", title="Guest book", scope=EVERYONE, ttl=60, permission="read")
async def latest(ctx: Context[HelloSettings], viewer: Viewer) -> ItemList:
    """The last five greetings. `viewer` is empty here: what everybody shares may depend on nobody."""
    items = [
        ListItem(
            id=str(greeting.id),
            title=greeting.text,
            subtitle=greeting.answer or greeting.author_name,
            at=greeting.left_at,
            image=ctx.images.link("badge", str(greeting.author_id), width=48),
            tone=Tone.GOOD if greeting.answer else Tone.NEUTRAL,
        )
        for greeting in await store.page(ctx.db, 5, None)
    ]
    return ItemList(items=items, empty="Nobody has left a greeting yet.")


@widget("mine", title="My greetings", ttl=60, permission="write", size="small")
async def mine(ctx: Context[HelloSettings], viewer: Viewer) -> Stat:
    """How many greetings this person left."""
    if viewer.person is None:
        return Stat(value=0, label="greetings")
    return Stat(value=await GreetingRow.count().where(GreetingRow.author_id == viewer.person.id), label="greetings")
