"""Figures are for the home network, or for who has the token; a proxy in front makes nobody look like home."""

import pytest

from .conftest import Reply, Site, StartSite


async def scrape(site: Site, **headers: str) -> Reply:
    return await site.get("/metrics", headers=headers)


async def test_without_a_token_the_same_machine_is_answered(start_site: StartSite) -> None:
    reply = await scrape(await start_site())
    assert reply.status == 200
    assert b"medianest_" in reply.body


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Proto", "Via"])
async def test_what_a_proxy_nobody_trusts_passes_on_is_not_from_home(start_site: StartSite, header: str) -> None:
    reply = await scrape(await start_site(), **{header: "192.168.1.20"})
    assert (reply.status, reply.json()["code"]) == (401, "metrics_token")
    assert "metrics.token" in reply.json()["detail"]
    assert b"medianest_requests" not in reply.body


async def test_behind_a_trusted_proxy_its_callers_address_decides(start_site: StartSite) -> None:
    site = await start_site(server__trusted_proxies="127.0.0.0/8")
    for forwarded, status in (
        ("192.168.1.20", 200),
        ("fd12::9", 200),
        ("203.0.113.9", 401),
        ("2001:db8::1", 401),
        ("192.168.1.20, 203.0.113.9", 401),  # the first is what the caller wrote
    ):
        assert (await scrape(site, **{"X-Forwarded-For": forwarded})).status == status, forwarded
    assert (await scrape(site)).status == 200  # the proxy's own look at whether we live
    assert (
        await scrape(site, **{"X-Real-IP": "192.168.1.20"})
    ).status == 401  # it does not say whose it is where we read


async def test_with_a_token_the_token_alone_decides(start_site: StartSite) -> None:
    site = await start_site(metrics__token="let-me-see", server__trusted_proxies="127.0.0.0/8")
    far = {"X-Forwarded-For": "203.0.113.9"}
    assert (await scrape(site, Authorization="Bearer let-me-see", **far)).status == 200
    for headers in ({}, {"Authorization": "Bearer let-me"}, {"Authorization": "Basic let-me-see"}):
        reply = await scrape(site, **headers)
        assert (reply.status, reply.json()["code"]) == (401, "metrics_token")


async def test_a_flood_is_refused_before_anything_is_put_together(start_site: StartSite) -> None:
    site = await start_site(limits__static="3/minute", metrics__token="let-me-see")
    got = [(await scrape(site)).status for _ in range(5)]
    assert got == [401, 401, 401, 429, 429]
    assert (await scrape(site, Authorization="Bearer let-me-see")).status == 429
    assert (await site.get("/api/health/ready")).status == 200
