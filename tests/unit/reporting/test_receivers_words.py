"""What strangers write, a URL or a Retry-After, is read or refused; it never breaks the reader."""

import ipaddress
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from services.reporting.adapters.outgoing.answer import retry_after
from services.reporting.adapters.outgoing.networks import Guard, inner
from services.reporting.adapters.outgoing.target import UrlRefused, check_url
from tests.fuzz.effort import examples

NOW = datetime(2023, 10, 31, tzinfo=UTC)
PIECES = st.sampled_from(
    [
        *"://@?#[]%\\.0x1279aA",
        "http",
        "https",
        "127.0.0.1",
        "::1",
        "::ffff:",
        "localhost",
        "0x7f",
        "a.example",
        "%25",
        "。",
        "１",
        "\u202e",
    ]
)
URLS = st.one_of(
    st.text(max_size=60),
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=8).map(lambda parts: "https://" + "".join(parts)),
)
ADDRESSES = st.one_of(
    st.ip_addresses(), st.integers(0, 2**32 - 1).map(lambda low: ipaddress.IPv6Address(low + 0xFFFF00000000))
)


@settings(max_examples=examples(500), deadline=None)
@given(URLS)
def test_a_url_is_refused_or_leads_to_one_permitted_place(url: str) -> None:
    guard = Guard()
    try:
        target = check_url(url, guard)
    except UrlRefused:
        return
    assert target.encrypted
    assert target.host.isascii()
    assert target.path.isascii()
    assert target.path.startswith("/")
    assert not {*target.path, *target.authority} & {*" \t\r\n\\\0"}
    if target.literal is not None:
        assert target.literal.is_global
    again = check_url(f"https://{target.authority}{target.path}", guard)
    assert again == target, "what was read is written and read as the same"


@settings(max_examples=examples(500), deadline=None)
@given(ADDRESSES)
def test_nothing_that_python_calls_private_is_permitted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """An independent list: the standard library's, whatever its version; ours may be stricter."""
    if Guard().permits(address, encrypted=True):
        judged = inner(address)
        assert judged.is_global
        assert not judged.is_multicast


@settings(max_examples=examples(300), deadline=None)
@given(
    st.one_of(
        st.text(max_size=40),
        st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,6} \d\d:\d\d:\d\d( GMT| [+-]\d{4,9})?"),
    )
)
def test_a_retry_after_is_seconds_or_nothing(text: str) -> None:
    asked = retry_after(text, NOW)
    assert asked is None or asked >= 0
