"""The decision on a request, row by row, and origins as browsers write them."""

import pytest

from cruse_forms.origins import canonical_origin
from cruse_forms.policy import Facts, Reason, Verdict, judge
from cruse_forms.settings import FormsSettings

OWN = "https://shop.example"
PASS, ASK = Verdict.PASS, Verdict.ASK_TOKEN


def decide(mode="origin+token", site=None, origin=None, ambient=True, trusted=()):
    settings = FormsSettings(csrf_mode=mode, csrf_trusted_origins=trusted)
    return judge(settings, Facts(site, origin, ambient, lambda: OWN))


@pytest.mark.parametrize("mode", ["origin", "origin+token"])
@pytest.mark.parametrize(
    ("site", "verdict"),
    [
        ("same-origin", PASS),
        ("none", PASS),
        ("same-site", Reason.SAME_SITE),
        ("cross-site", Reason.CROSS_SITE),
        ("", Reason.UNKNOWN_SITE),
        ("Same-Origin", Reason.UNKNOWN_SITE),
        ("same-origin,cross-site", Reason.UNKNOWN_SITE),
    ],
)
def test_the_browsers_statement_goes_before_the_origin(mode, site, verdict):
    for origin in (None, OWN, "https://evil.example", "null"):
        assert decide(mode, site, origin) is verdict


@pytest.mark.parametrize(
    ("origin", "verdict"),
    [
        (OWN, PASS),
        ("HTTPS://Shop.Example:443", PASS),
        ("http://shop.example", Reason.OTHER_ORIGIN),
        ("https://shop.example:8443", Reason.OTHER_ORIGIN),
        ("https://www.shop.example", Reason.OTHER_ORIGIN),
        ("https://shop.example.evil.example", Reason.OTHER_ORIGIN),
        ("https://shop.example@evil.example", Reason.OTHER_ORIGIN),
        ("https://shop.example/page", Reason.OTHER_ORIGIN),
        ("https://[", Reason.OTHER_ORIGIN),
        ("https://shop.example:port", Reason.OTHER_ORIGIN),
        ("", Reason.OTHER_ORIGIN),
        ("null", Reason.NULL_ORIGIN),
    ],
)
def test_the_origin_is_compared_as_a_whole(origin, verdict):
    assert decide(origin=origin) is verdict
    assert decide(origin=origin, ambient=False) is verdict


def test_without_statement_only_credentials_of_the_browser_need_a_proof():
    assert decide(ambient=False) is PASS
    assert decide(ambient=True) is ASK
    assert decide("origin", ambient=True) is Reason.NO_ORIGIN
    assert decide("origin", ambient=False) is PASS


def test_the_mode_token_asks_for_a_token_on_top():
    assert decide("token", site="same-origin") is ASK
    assert decide("token", origin=OWN) is ASK
    assert decide("token", ambient=True) is ASK
    assert decide("token", site="cross-site") is Reason.CROSS_SITE
    assert decide("token", origin="null") is Reason.NULL_ORIGIN
    assert decide("token", ambient=False) is PASS


@pytest.mark.parametrize("mode", ["origin", "origin+token", "token"])
def test_trusted_origins_pass_exactly(mode):
    trusted = ("https://Pay.example:443/",)
    for site in (None, "cross-site", "same-site"):
        assert decide(mode, site, "https://pay.example", trusted=trusted) is PASS
        for other in ("http://pay.example", "https://pay.example:444", "https://a.pay.example"):
            assert isinstance(decide(mode, site, other, trusted=trusted), Reason)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("https://Example.COM:443", "https://example.com"),
        ("http://example.com:80/", "http://example.com"),
        ("http://example.com:443", "http://example.com:443"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_origins_are_written_in_one_way(text, canonical):
    assert canonical_origin(text) == canonical


@pytest.mark.parametrize(
    "text", ["example.com", "https://", "https://a/b", "https://u@a", "https://a?q", "https://a:x"]
)
def test_what_is_no_origin_is_refused(text):
    with pytest.raises(ValueError, match=r"origin|[Pp]ort"):
        canonical_origin(text)
