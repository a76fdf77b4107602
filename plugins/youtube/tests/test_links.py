"""Which video an address names, and which addresses are not taken: whoever shares a key shares the file."""

from __future__ import annotations

import re

import pytest
from yt_dlp.extractor.youtube import YoutubeIE

from medianest_hub.plugin_api import errors
from medianest_youtube.addresses import HostRules
from medianest_youtube.links import check_link, media_key
from medianest_youtube.proxy_head import BadRequest, parse_head

A, B = "AAAAAAAAAAA", "BBBBBBBBBBB"
YOUTUBE = HostRules.of(["youtube.com", "youtu.be", "youtube-nocookie.com"])


@pytest.mark.parametrize(
    "url",
    [
        f"https://www.youtube.com/watch?v={A}",
        f"http://youtube.com/watch?v={A}",
        f"https://m.youtube.com/watch?v={A}&t=10s",
        f"https://music.youtube.com/watch?list=PL123&v={A}",
        f"https://youtu.be/{A}",
        f"https://youtu.be/{A}?t=10",
        f"https://www.youtube.com/shorts/{A}",
        f"https://www.youtube.com/live/{A}?feature=share",
        f"https://www.youtube-nocookie.com/embed/{A}",
    ],
)
def test_the_usual_addresses_of_one_video_are_one_video(url):
    assert media_key(check_link(url, YOUTUBE)) == f"youtube:{A}"


@pytest.mark.parametrize(
    "url",
    [
        f"https://youtu.be/{B}?v={A}",
        f"https://youtu.be/{B}/?v={A}",
        f"https://www.youtube.com/embed/{B}?v={A}",
        f"https://www.youtube.com/shorts/{B}?v={A}",
        f"https://www.youtube.com/watch?x=;v={B}&v={A}",
        f"https://www.youtube.com/watch?v={B}&v={A}",
        f"https://www.youtube.com/watch?v={A}&v={B}",
        f"https://www.youtube.com/watch?v={A}{B}",
        f"https://www.youtube.com/watch/?x#!v={B}&v={A}",
        f"https://www.youtube.com/watch?a=b#/watch?v={B}",
        f"https://www.youtube.com/watch?%76={A}",
        f"https://www.youtube.com/playlist?v={A}&list=PL",
        f"https://www.youtube.com:443/watch?v={A}",
        f"https://www.youtube.com./watch?v={A}",
        "https://www.youtube.com/embed/videoseries?list=PL",
        "https://www.youtube.com/embed/live_stream?channel=UC",
        f"https://youtu.be/{B}#/{A}",
        f"https://youtu.be/watch?v={A}",
    ],
)
def test_an_address_that_could_be_read_in_two_ways_never_claims_a_video_yt_dlp_would_not_fetch(url):
    link = check_link(url, YOUTUBE)
    key = media_key(link)
    read = re.match(YoutubeIE._VALID_URL, link)

    assert key.startswith("url:") or (read is not None and key == f"youtube:{read['id']}")
    assert key != f"youtube:{A}" or read["id"] == A


def test_a_fragment_which_yt_dlp_reads_options_from_is_not_passed_on():
    link = check_link(f"https://youtu.be/{A}#__youtubedl_smuggle=%7B%22force_videoid%22%3A%22x%22%7D", YOUTUBE)

    assert link == f"https://youtu.be/{A}"


@pytest.mark.parametrize("private", [True, False])
def test_port_zero_is_no_port(private):
    with pytest.raises(errors.BadInput):
        check_link("https://youtu.be:0/x", HostRules.of(["*"], allow_private=private))
    for head in (b"CONNECT youtu.be:0 HTTP/1.1\r\n\r\n", b"GET http://youtu.be:0/ HTTP/1.1\r\n\r\n"):
        with pytest.raises(BadRequest):
            parse_head(head)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://i.ytimg.com/vi/x.jpg", True),
        ("http://i.ytimg.com/x.jpg", True),
        *((f"http://{host}/reboot", False) for host in ("192.168.1.1", "10.0.0.1", "[::1]", "127.1", "2130706433")),
        *((f"http://{host}/reboot", False) for host in ("0x7f.1", "router", "router.lan", "nas.local", "fritz.home.arpa")),
        ("https://a:b@i.ytimg.com/x.jpg", False),
        ("https://i.ytimg.com:8443/x.jpg", False),
        ("javascript:alert(1)", False),
        ("data:image/png,x", False),
        ("https://[", False),
    ],
)  # fmt: skip
def test_pictures_come_from_the_internet_only(url, allowed):
    assert HostRules.of(["*"]).allows_picture(url) is allowed


def test_pictures_come_from_allowed_hosts_only():
    assert not YOUTUBE.allows_picture("https://i.ytimg.com/x.jpg")
    assert HostRules.of(["ytimg.com"]).allows_picture("https://i.ytimg.com/x.jpg")
    assert HostRules.of(["*"], allow_private=True).allows_picture("http://192.168.1.1:8096/poster.jpg")
