"""Web push: the standard's own example, a browser that decrypts, a push service that checks who pushes and has its moods."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from medianest_hub.plugin_api import Empty, Notification, errors
from medianest_hub.testing import make_call, make_job
from medianest_notify import notifiers, push_routes, tasks
from medianest_notify.models import NewLabel, Push, Target
from medianest_notify.push import keys, sending, services
from medianest_notify.push.encryption import MOST_PLAIN, Receiver, encrypt, padless, public_point, unpadded
from medianest_notify.push.sending import payload
from tests.simulators.push.receiving import BrowserKeys, decoded, decrypt

from .conftest import allow, allowing, devices, run_job, somebody, subscribed, try_out, waiting

HELLO = Notification(kind="youtube.download_done", title="It is here", body="Big Buck Bunny", href="/downloads/1")


def key_of(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decoded(text), "big"), ec.SECP256R1())


# RFC 8291, section 5 and appendix A.
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
BROWSER = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
PLAIN = b"When I grow up, I want to be a watermelon"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95b"
    "Qpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_the_standard_is_encrypted_to_the_byte():
    receiver = Receiver.read(POINT, AUTH)
    assert padless(encrypt(PLAIN, receiver, key=key_of(SENDER), salt=unpadded(SALT))) == BODY
    assert decrypt(decoded(BODY), BrowserKeys(key_of(BROWSER), decoded(AUTH))) == PLAIN


@pytest.mark.parametrize("length", [0, 1, 100, MOST_PLAIN])
def test_whatever_fits_is_read_by_the_browser_and_never_twice_the_same_on_the_wire(length):
    browser = BrowserKeys(ec.generate_private_key(ec.SECP256R1()), b"s" * 16)
    receiver = Receiver(browser.point, browser.secret)
    first, second = encrypt(b"x" * length, receiver), encrypt(b"x" * length, receiver)
    assert decrypt(first, browser) == decrypt(second, browser) == b"x" * length
    assert first[:86] != second[:86]
    assert len(first) <= 4096


def test_more_than_a_push_service_takes_is_refused():
    with pytest.raises(ValueError, match="3993"):
        encrypt(b"x" * (MOST_PLAIN + 1), Receiver.read(POINT, AUTH))


@pytest.mark.parametrize("body", ["ü" * 4000, "\U0001f600" * 2000, "\x01" * 4000, "a" * 9000, "short"])
def test_of_a_long_message_as_much_is_pushed_as_fits(body):
    push = Push(id=str(uuid4()), kind="a.b", title="T" * 200, body=body, href="/" + "h" * 900)
    data = payload(push)
    assert len(data) <= MOST_PLAIN
    kept = json.loads(data)["body"]
    assert kept == body if body == "short" else (kept[-1] == "…" and len(data) > MOST_PLAIN - 20 * 6)


async def test_a_push_reaches_the_browser_with_all_it_needs(home, push):
    mia = somebody(home)
    browser, device = await subscribed(home, mia, push)
    assert (await try_out(home, mia, device)).outcome == "delivered"
    await notifiers.deliver_by_push(home, mia, HELLO)
    await run_job(home)

    test, told = browser.told
    assert (test["kind"], test["title"]) == ("notify.test", "MediaNest Hub")
    assert {name: told[name] for name in ("v", "kind", "title", "body", "href")} == {
        "v": 1,
        "kind": "youtube.download_done",
        "title": "It is here",
        "body": "Big Buck Bunny",
        "href": "/downloads/1",
    }
    headers = browser.headers[1]
    assert (headers["TTL"], headers["Urgency"], len(headers["Topic"])) == ("86400", "normal", 32)
    assert browser.claims[1]["sub"] == "mailto:ada@hub.example"
    assert (push.refused, await waiting(home)) == ([], [])
    assert (await devices(home, mia))[0].delivered_at == home.clock.now()


@pytest.mark.parametrize("fault", ["busy", "503", "429"])
async def test_a_push_service_that_is_unwell_is_asked_again_and_the_message_comes_once(home, push, fault):
    mia = somebody(home)
    browser, _ = await subscribed(home, mia, push)
    await notifiers.deliver_by_push(home, mia, HELLO)
    push.faults.set("push", fault)
    with pytest.raises(errors.RetryLater) as later:
        await run_job(home)
    assert later.value.retry_after == (90 if fault == "busy" else tasks.PAUSES[0])
    (device,) = await devices(home, mia)
    assert device.trouble is not None
    assert device.trouble.code == "service_busy"
    push.faults.clear()
    await run_job(home, attempt=2)
    await run_job(home, attempt=3)
    assert len(browser.told) == 1
    assert (await devices(home, mia))[0].trouble is None


@pytest.mark.parametrize("fault", ["500", "502", "504", "reset", "empty", "cut", "hang", "redirect"])
async def test_what_a_push_service_may_have_taken_is_not_sent_again(home, push, fault, monkeypatch):
    monkeypatch.setattr(sending, "_SECONDS", 1.0)
    mia = somebody(home)
    await subscribed(home, mia, push)
    await notifiers.deliver_by_push(home, mia, HELLO)
    push.faults.set("push", fault)
    await run_job(home)
    push.faults.clear()
    await run_job(home, attempt=2)
    (device,) = await devices(home, mia)
    assert device.trouble is not None
    assert (device.trouble.code, push.asked, await waiting(home)) == ("no_answer", 1, [])


@pytest.mark.parametrize(
    ("fault", "code"), [("key", "push_key"), ("large", "push_refused"), ("html_401", "push_key"), ("html", "")]
)
async def test_what_a_push_service_will_never_take_is_not_sent_again(home, push, fault, code):
    mia = somebody(home)
    await subscribed(home, mia, push)
    await notifiers.deliver_by_push(home, mia, HELLO)
    push.faults.set("push", fault)
    await run_job(home)
    await run_job(home, attempt=2)
    assert push.asked == 1
    (device,) = await devices(home, mia)
    assert (device.trouble.code if device.trouble else "", await waiting(home)) == (code, [])


@pytest.mark.parametrize("fault", ["gone", "html_404", None])
async def test_a_browser_that_takes_no_more_is_forgotten(home, push, fault):
    mia = somebody(home)
    browser, device = await subscribed(home, mia, push)
    other, _ = await subscribed(home, mia, push)
    if fault is None:
        push.unsubscribe(browser)
    else:
        push.faults.set("push", fault, times=1)
    told = await try_out(home, mia, device)
    assert (told.outcome, told.code) == ("failed", "push_gone")
    assert [left.id == device.id for left in await devices(home, mia)] == [False]
    assert len(home.people.secrets) == 1
    await notifiers.deliver_by_push(home, mia, HELLO)
    await run_job(home)
    assert (len(browser.told), len(other.told)) == (0, 1)


async def test_a_browser_subscribed_again_is_the_same_device_with_new_keys(home, push):
    mia = somebody(home)
    browser, device = await subscribed(home, mia, push)
    browser.keys = BrowserKeys(ec.generate_private_key(ec.SECP256R1()), b"0123456789abcdef")
    again = await allow(home, mia, browser, "Kitchen tablet")
    assert (again.id, again.label) == (device.id, "Kitchen tablet")
    assert (await try_out(home, mia, again)).outcome == "delivered"
    assert len(browser.told) == 1


async def test_a_browser_two_people_use_is_whose_who_allowed_push_last(home, push):
    mia, tom = somebody(home), somebody(home, "tom")
    browser, device = await subscribed(home, mia, push)
    await notifiers.deliver_by_push(home, mia, HELLO)
    taken = await allow(home, tom, browser)
    assert taken.id != device.id
    assert (await devices(home, mia), await waiting(home)) == ([], [])
    assert [person for person, _ in home.people.secrets] == [tom.id]
    await run_job(home)
    assert browser.told == []
    assert (await try_out(home, tom, taken)).outcome == "delivered"


ENDPOINTS = (
    *(
        "http://fcm.googleapis.com/fcm/send/a",
        "https://fcm.googleapis.com.evil.example/a",
        "https://evilfcm.googleapis.com.x/",
    ),
    *(
        "https://fcm.googleapis.com@evil.example/a",
        "https://evil.example/fcm.googleapis.com",
        "https://evil.example#.push.apple.com",
    ),
    *("https://fcm.googleapis.com:8443/a", "https://xfcm.googleapis.com/a", "https://evil.example\\.push.apple.com/a"),
    *(
        "https://10.0.0.1/a",
        "https://localhost/a",
        "https:///a",
        "//push.apple.com/a",
        "https://push.apple.com/\r\nX: y",
    ),
    *(
        "https://push.apple.com/" + "a" * 2000,
        "file:///etc/passwd",
        "https://[::1]/a",
        "https://push.apple.com/ü",
        "x" * 20,
    ),
)


async def test_an_endpoint_lies_at_a_push_service_that_is_known(make, push, authority):
    ctx = await make(devices_per_person=20)
    mia = somebody(ctx)
    browser = push.subscribe(padless(public_point(await keys.push_key(ctx))))
    for browser.endpoint in (*ENDPOINTS, f"{push.origin}/push/a"):
        with pytest.raises(errors.BadInput) as refused:
            await allow(ctx, mia, browser)
        assert refused.value.fields[0].code == "unknown_push_service", browser.endpoint
        assert "evil" not in refused.value.message
    for url, service in (
        ("https://fcm.googleapis.com/fcm/send/abc", "Google"),
        ("https://updates.push.services.mozilla.com/wpush/v2/abc", "Mozilla"),
        ("https://wns2-db5p.notify.windows.com:443/w/?token=abc", "Microsoft"),
        ("https://web.push.apple.com/abc", "Apple"),
    ):
        browser.endpoint = url
        assert (await allow(ctx, mia, browser)).service == service
    assert len(await devices(ctx, mia)) == 4


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("A" * 87, "A" * 22),
        (POINT[:-2] + "AA", AUTH),
        (POINT, "A" * 30),
        (POINT.replace("B", "!", 1), AUTH),
        ("B" + "_" * 86, AUTH),
    ],
)
def test_keys_that_are_none_are_refused(p256dh, auth):
    with pytest.raises(ValueError, match=r".+"):
        Receiver.read(p256dh, auth)


async def test_a_route_refuses_keys_in_words(home, push):
    mia = somebody(home)
    browser = push.subscribe(padless(public_point(await keys.push_key(home))))
    browser.keys = replace(browser.keys, secret=b"longer than sixteen")
    with pytest.raises(errors.BadInput) as refused:
        await allow(home, mia, browser)
    assert refused.value.fields[0].code == "bad_keys"


async def test_nobody_has_more_devices_than_are_allowed(make, authority, push):
    ctx = await make(**allowing(authority), devices_per_person=2)
    mia = somebody(ctx)
    outcomes = await asyncio.gather(*(subscribed(ctx, mia, push) for _ in range(5)), return_exceptions=True)
    assert len([one for one in outcomes if isinstance(one, errors.Conflict)]) == 3
    assert len(await devices(ctx, mia)) == 2


async def test_the_key_is_made_once_whoever_asks_first_and_survives_sealing_anew(home):
    mia = somebody(home)
    calls = [push_routes.key(home, make_call(person=mia)) for _ in range(5)]
    (key,) = {one.public_key for one in await asyncio.gather(*calls)}
    assert len(decoded(key)) == 65
    kept = "SELECT sealed FROM plugin_notify.push_key"
    before = await home.db.fetchval(kept)
    await tasks.tidy(home, make_job(Empty()))
    assert await home.db.fetchval(kept) != before
    assert (await push_routes.key(home, make_call(person=mia))).public_key == key


async def test_a_key_that_cannot_be_opened_is_said_so_and_can_be_forgotten(home, push):
    mia = somebody(home)
    browser, device = await subscribed(home, mia, push)
    await home.db.execute("UPDATE plugin_notify.push_key SET sealed = 'mn1.lost.AAAA'")
    with pytest.raises(errors.Unavailable) as lost:
        await push_routes.key(home, make_call(person=mia))
    assert lost.value.error_code == "push_key_lost"
    assert (await try_out(home, mia, device)).outcome == "failed"
    await tasks.tidy(home, make_job(Empty()))

    await push_routes.forget_key(home, make_call(person=mia))
    told = await try_out(home, mia, device)
    assert (told.code, push.refused != []) == ("push_key", True)
    renewed, again = await subscribed(home, mia, push)
    assert (await try_out(home, mia, again)).outcome == "delivered"
    assert (len(browser.told), len(renewed.told)) == (0, 1)


async def test_a_device_is_renamed_and_removed(home, push):
    mia = somebody(home)
    browser, device = await subscribed(home, mia, push)
    path = Target(id=device.id)
    assert await push_routes.device_owner(home, make_call(person=mia, path=path)) == mia.id
    renamed = await push_routes.rename_device(home, make_call(person=mia, path=path, body=NewLabel(label="Phone")))
    assert renamed.label == "Phone"
    await notifiers.deliver_by_push(home, mia, HELLO)
    await push_routes.remove_device(home, make_call(person=mia, path=path))
    await run_job(home)
    assert (await devices(home, mia), browser.told, home.people.secrets) == ([], [], {})
    for call in (push_routes.remove_device, push_routes.rename_device, push_routes.test_device):
        with pytest.raises(errors.NotFound):
            await call(home, make_call(person=mia, path=path, body=NewLabel(label="x")))


async def test_a_push_service_named_no_more_is_pushed_to_no_more(home, push):
    mia = somebody(home)
    _, device = await subscribed(home, mia, push)
    fewer = replace(home, settings=home.settings.model_copy(update={"push_services": []}))
    told = await try_out(fewer, mia, device)
    assert (told.outcome, told.code, push.asked) == ("failed", "not_offered", 0)


def test_hosts_added_by_the_operator_hold_for_what_lies_below_them():
    assert services.read("https://up.example.org/x", ["example.org"]).added
    with pytest.raises(errors.BadInput):
        services.read("https://upexample.org/x", ["example.org"])
