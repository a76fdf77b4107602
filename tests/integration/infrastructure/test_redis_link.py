"""The link to Redis: one pipeline a turn, quick failure while it is away, channels that survive."""

import asyncio
from typing import Any

import pytest
import redis.asyncio as aioredis
from redis.exceptions import ResponseError

from medianest_hub.infrastructure.redis import RedisAway, RedisLink, Script


async def test_commands_of_one_turn_travel_together(redis_url: str) -> None:
    link = RedisLink.open(redis_url, worker=False)
    watcher = aioredis.Redis.from_url(redis_url)
    try:
        await link.call("PING")
        before = (await watcher.info("stats"))["total_reads_processed"]
        answers = await asyncio.gather(*(link.call("INCR", "n") for _ in range(50)))
        after = (await watcher.info("stats"))["total_reads_processed"]
        assert answers == list(range(1, 51))
        assert after - before <= 4  # ours, and the two of INFO itself
    finally:
        await link.close()
        await watcher.aclose()


async def test_an_error_of_one_command_leaves_its_neighbours_alone(redis_url: str) -> None:
    link = RedisLink.open(redis_url, worker=False)
    try:
        good, bad, also_good = await asyncio.gather(
            link.call("SET", "a", "x"), link.call("INCR", "a"), link.call("GET", "a"), return_exceptions=True
        )
        assert good == b"OK"
        assert isinstance(bad, ResponseError)
        assert also_good == b"x"
        assert not link.is_away
    finally:
        await link.close()


async def test_a_script_is_loaded_when_the_server_forgot_it(redis_url: str) -> None:
    link = RedisLink.open(redis_url, worker=False)
    script = Script("return ARGV[1] .. redis.call('INCR', KEYS[1])")
    try:
        assert await link.eval(script, ["k"], ["v"]) == b"v1"
        await link.call("SCRIPT", "FLUSH")
        assert await asyncio.gather(*(link.eval(script, ["k"], ["v"]) for _ in range(3))) == [b"v2", b"v3", b"v4"]
    finally:
        await link.close()


async def test_a_redis_that_is_away_fails_fast_and_tells_when_it_is_back(valkey_server: Any) -> None:
    link = RedisLink.open(valkey_server.url, worker=False)
    back, heard = asyncio.Event(), asyncio.Event()

    async def hear(message: dict[str, Any]) -> None:
        if message == {"after": True}:
            heard.set()

    link.subscribe("mn:test", hear)
    link.on_back(back.set)
    await link.start()
    try:
        assert await link.wait_subscribed()
        valkey_server.stop()
        for _ in range(2):
            with pytest.raises(RedisAway):
                await link.call("PING")
        assert link.is_away
        assert await link.publish("mn:test", {}) is False
        valkey_server.start()
        async with asyncio.timeout(10):
            await back.wait()
            while not heard.is_set():
                await link.publish("mn:test", {"after": True})
                await asyncio.sleep(0.05)
        assert not link.is_away
    finally:
        await link.close()


async def test_a_handler_that_raises_does_not_end_the_listening(redis_url: str) -> None:
    link = RedisLink.open(redis_url, worker=False)
    seen: list[Any] = []
    done = asyncio.Event()

    async def fragile(message: dict[str, Any]) -> None:
        seen.append(message["n"])
        if message["n"] == 1:
            raise RuntimeError("boom")
        done.set()

    link.subscribe("mn:test", fragile)
    await link.start()
    try:
        await link.wait_subscribed()
        await link.call("PUBLISH", "mn:test", "not json")
        await link.publish("mn:test", {"n": 1})
        await link.publish("mn:test", {"n": 2})
        async with asyncio.timeout(5):
            await done.wait()
        assert seen == [1, 2]
    finally:
        await link.close()
