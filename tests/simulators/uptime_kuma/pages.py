"""A status page as everybody may read it: what is public, and nothing else."""

from __future__ import annotations

from itertools import islice
from typing import Any

from .monitor_json import tag_json
from .uptime import whole
from .world import Incident, Maintenance, Monitor, StatusPage, World

BEATS_SHOWN = 100


def page_config(world: World, page: StatusPage, *, private: bool = False) -> dict[str, Any]:
    """Its settings; `private` is how the owner's `statusPageList` has them."""
    made: dict[str, Any] = {
        "id": page.id,
        "slug": page.slug,
        "title": page.title,
        "description": page.description,
        "icon": "/icon.svg",
        "theme": "auto",
        "autoRefreshInterval": 300,
        "published": page.published,
        "showTags": page.show_tags,
        "domainNameList": [],
        "customCSS": "",
        "footerText": "",
        "showPoweredBy": True,
        "googleAnalyticsId": None,
        "analyticsId": None,
        "analyticsScriptUrl": None,
        "analyticsType": None,
        "showCertificateExpiry": page.show_certificates,
        "showOnlyLastHeartbeat": False,
        "rssTitle": None,
    }
    new = (
        "autoRefreshInterval",
        "analyticsId",
        "analyticsScriptUrl",
        "analyticsType",
        "showOnlyLastHeartbeat",
        "rssTitle",
    )
    for name in ("googleAnalyticsId",) if world.v2 else new:
        del made[name]
    for name in () if private else ("id", "domainNameList"):
        del made[name]
    return made


def page_json(world: World, page: StatusPage) -> dict[str, Any]:
    """What `/api/status-page/<slug>` answers."""
    incidents = [incident_json(world, one) for one in world.pinned(page)]
    shown = {"incidents": incidents} if world.v2 else {"incident": incidents[0] if incidents else None}
    return {
        "config": page_config(world, page),
        **shown,
        "publicGroupList": public_groups(world, page),
        "maintenanceList": [
            maintenance_json(one) for one in world.maintenances.values() if one.active and page.id in one.pages
        ],
    }


def public_groups(world: World, page: StatusPage) -> list[dict[str, Any]]:
    """Its groups in order, with their monitors."""
    return [
        {
            "id": at,
            "name": name,
            "weight": at,
            "monitorList": [_public(world, page, world.monitors[number]) for number in ids if number in world.monitors],
        }
        for at, (name, ids) in enumerate(page.groups, start=1)
    ]


def _public(world: World, page: StatusPage, monitor: Monitor) -> dict[str, Any]:
    made: dict[str, Any] = {"id": monitor.id, "name": monitor.name, "sendUrl": 0, "type": monitor.type}
    if page.show_tags:
        made["tags"] = [tag_json(world, monitor, at, public=True) for at in range(len(monitor.tags))]
    if page.show_certificates:
        made["certExpiryDaysRemaining"] = monitor.cert.days if monitor.cert else ""
        made["validCert"] = monitor.cert.valid if monitor.cert else False
    return made


def beats_json(world: World, page: StatusPage | None) -> dict[str, Any]:
    """What `/api/status-page/heartbeat/<slug>` answers, for a page that is not there as well."""
    beats: dict[str, Any] = {}
    uptimes: dict[str, Any] = {}
    ids = [number for _, ids in page.groups for number in ids if number in world.monitors] if page else []
    for number in sorted(ids):
        monitor = world.monitors[number]
        newest = list(islice(reversed(monitor.beats), BEATS_SHOWN))
        beats[str(number)] = [
            {"status": one.status, "time": one.when, "msg": "", "ping": one.ping} for one in reversed(newest)
        ]
        uptimes[f"{number}_24"] = whole(monitor.statistics.ratios["1d"])
    return {"heartbeatList": beats, "uptimeList": uptimes}


def incident_json(world: World, incident: Incident, *, fresh: bool = False) -> dict[str, Any]:
    """An incident; `fresh` is what the one who posts it is told."""
    made: dict[str, Any] = {
        "id": incident.id,
        "style": incident.style,
        "title": incident.title,
        "content": incident.content,
        "pin": incident.pinned if world.v2 else int(incident.pinned),
    }
    if world.v2:
        made["active"] = True
    made["createdDate"] = incident.created
    if not fresh:
        made["lastUpdatedDate"] = None
    if world.v2:
        made["status_page_id"] = incident.page_id
    return made


def maintenance_json(maintenance: Maintenance) -> dict[str, Any]:
    """Manual maintenance, the same for everybody."""
    midnight = {"hours": 0, "minutes": 0}
    return {
        "id": maintenance.id,
        "title": maintenance.title,
        "description": maintenance.description,
        "strategy": "manual",
        "intervalDay": 1,
        "active": maintenance.active,
        "dateRange": [maintenance.started],
        "timeRange": [midnight, midnight],
        "weekdays": [],
        "daysOfMonth": [],
        "timeslotList": [],
        "cron": "",
        "durationMinutes": None,
        "timezone": "UTC",
        "timezoneOption": "UTC",
        "timezoneOffset": "+00:00",
        "status": "under-maintenance" if maintenance.active else "inactive",
    }
