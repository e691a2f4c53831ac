"""W5: no webhook leaves for an address that is not public, however it is written and whatever its name says."""

import ipaddress
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from services.reporting.adapters.outgoing.networks import Address, Guard
from services.reporting.adapters.outgoing.poster import Poster
from services.reporting.adapters.outgoing.target import UrlRefused, check_url
from shared.addresses import networks
from shared.clock import FixedClock
from tests.support.answers import NOW
from tests.support.strangers import Receiver, answering

PUBLIC_ONLY = Guard(plain_http=True)
LITERALS = (
    # loopback in every spelling
    *("127.0.0.1", "127.0.0.2", "127.255.255.254", "127.1", "127.0.1", "2130706433", "017700000001", "0x7f000001"),
    *("0x7f.0.0.1", "0177.0.0.1", "0177.0x0.0.1", "127.0.0.1.", "127.00.0.1", "00127.0.0.1", "0x7f.1", "127.0.0.0x1"),
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]"),
    *("１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "localhost", "LOCALHOST", "localhost.", "a.localhost", "ⓛocalhost"),
    # this host, and nowhere
    *("0.0.0.0", "0", "0x0", "0.1.2.3", "[::]", "[::0.0.0.0]", "255.255.255.255"),  # noqa: S104 -- refused, not bound
    # metadata of clouds
    *(
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[::ffff:169.254.169.254]",
    ),
    *("[fd00:ec2::254]", "100.100.100.200", "168.63.129.16", "192.0.0.192", "[fd20:ce::254]"),
    # networks of one's own
    *(
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "[fc00::1]",
        "[fd12::1]",
    ),
    *("169.254.1.1", "[fe80::1]", "[fe80::1%25lo]", "[fe80::1%lo]", "[fec0::1]"),
    # many at once, documentation, benchmarks, reserved
    *("224.0.0.1", "239.255.255.250", "[ff02::1]", "[ff05::1:3]", "192.0.2.1", "198.51.100.7", "203.0.113.9"),
    *("[2001:db8::1]", "[3fff::1]", "198.18.0.1", "198.19.255.255", "240.0.0.1", "[100::1]", "[4000::1]"),
    # one address inside another
    *("[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2002:c0a8:101::1]"),
    *("[2001:0:7f00:1::]", "[2001::1]", "192.88.99.1", "[::ffff:10.0.0.1]", "[::ffff:0.0.0.0]"),
)
MISREAD = (
    "http://user@127.0.0.1:{port}/",
    "http://user:pass@127.0.0.1:{port}/",
    "http://public.example@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@public.example/",
    "http://public.example\\@127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/#fragment",
    "http://127.0.0.1:{port}#@public.example/",
    "http://public.example:80:{port}/",
    "http://127.0.0.1:{port}\t/",
    "http://127.0.0.1\r\n:{port}/",
    "http://127.0.0.1%00.public.example:{port}/",
    "http://127.0.0.1\0:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1 :{port}/",
    "http://[127.0.0.1]:{port}/",
    "http://[::1:{port}/",
    "http://[::1]x:{port}/",
    "http://127.0.0.1:0{port}0/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:٨٠/",
    "http://127.0.0.1:{port}\u202e/",
    "http://127.0.0.1:\ud800/",
    "http://a..b:{port}/",
    "http://-a:{port}/",
    "http://:{port}/",
    "http:///",
    "gopher://127.0.0.1:{port}/_",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "dict://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "javascript:alert(1)",
    "data:text/plain,a",
    "unix:///tmp/socket",
    "",
    "http://" + "a" * 3000,
)


@pytest.fixture
async def traps() -> AsyncIterator[list[Receiver]]:
    """Servers on loopback of both kinds, one port."""
    first = await Receiver().start(host="0.0.0.0")  # noqa: S104 -- a trap hears everything
    second = await Receiver().start(host="::1", port=first.port)
    yield [first, second]
    await first.stop()
    await second.stop()


def a_poster(guard: Guard, **settings: object) -> Poster:
    return Poster(guard, **{"clock": FixedClock(NOW), "total_seconds": 5.0, **settings})  # type: ignore[arg-type]


async def test_no_spelling_of_a_forbidden_address_reaches_the_trap(
    traps: list[Receiver], tell: Callable[[str], None]
) -> None:
    port = traps[0].port
    urls = [f"{scheme}://{literal}:{port}/" for literal in LITERALS for scheme in ("http", "https")]
    urls += [url.replace("{port}", str(port)) for url in MISREAD]
    async with a_poster(PUBLIC_ONLY) as poster:
        for url in urls:
            with pytest.raises(UrlRefused) as refusal:
                check_url(url, PUBLIC_ONLY)
            assert refusal.value.code.startswith("url-")
            assert str(refusal.value).endswith("].")
            answer = await poster.post(url, {}, b"{}")
            assert (answer.status, answer.failure) == (None, "address-forbidden"), url
    connections = sum(trap.connections for trap in traps)
    assert connections == 0
    tell(f"W5: {len(urls)} URLs refused when registered and when posted to; connections on the trap: {connections}")


async def test_the_traps_can_be_reached_at_all(traps: list[Receiver]) -> None:
    everywhere = Guard(networks("127.0.0.0/8 ::1"))
    async with a_poster(everywhere) as poster:
        for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "127.9.9.9"):
            url = f"http://{host}:{traps[0].port}/"
            check_url(url, everywhere)
            assert (await poster.post(url, {}, b"{}")).accepted, host
    assert all(trap.connections for trap in traps)


class Names:
    """A resolver that answers as told, one answer a question."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, _host: str) -> Sequence[Address]:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [ipaddress.ip_address(each) for each in answer]


async def test_a_name_that_changes_its_address_is_asked_once_a_connection_and_believed_once() -> None:
    """127.0.0.2 stands for the public address that a rebinding name shows first."""
    public = await Receiver(
        otherwise=answering(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    ).start(host="127.0.0.2")
    trap = await Receiver().start(host="127.0.0.1", port=public.port)
    names = Names(["127.0.0.2"], ["127.0.0.1"])
    async with a_poster(Guard(networks("127.0.0.2")), resolve=names) as poster:
        answers = [await poster.post(f"http://rebinding.example:{public.port}/", {}, b"{}") for _ in range(3)]
    await public.stop()
    await trap.stop()
    assert [answer.failure for answer in answers] == [None, "address-forbidden", "address-forbidden"]
    assert public.requests[0].header("host") == f"rebinding.example:{public.port}"
    assert (public.connections, trap.connections, names.asked) == (1, 0, 3)


@pytest.mark.parametrize(
    "order", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "::ffff:127.0.0.1"]]
)
async def test_a_name_with_one_forbidden_address_is_refused_altogether(order: list[str]) -> None:
    public = await Receiver().start(host="127.0.0.2")
    trap = await Receiver().start(host="127.0.0.1", port=public.port)
    async with a_poster(Guard(networks("127.0.0.2")), resolve=Names(order)) as poster:
        answer = await poster.post(f"http://both.example:{public.port}/", {}, b"{}")
    await public.stop()
    await trap.stop()
    assert answer.failure == "address-forbidden"
    assert (public.connections, trap.connections) == (0, 0)


async def test_the_next_address_is_tried_where_the_first_takes_no_connection() -> None:
    receiver = await Receiver().start(host="127.0.0.2")
    async with a_poster(Guard(networks("127.0.0.0/8")), resolve=Names(["127.0.0.3", "127.0.0.2"])) as poster:
        answer = await poster.post(f"http://two.example:{receiver.port}/", {}, b"{}")
    await receiver.stop()
    assert answer.accepted


async def test_a_redirect_to_a_forbidden_place_goes_nowhere(traps: list[Receiver]) -> None:
    answer_there = f"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:{traps[0].port}/\r\nContent-Length: 0\r\n\r\n"
    public = await Receiver(otherwise=answering(answer_there.encode())).start(host="127.0.0.2")
    async with a_poster(Guard(networks("127.0.0.2"))) as poster:
        answer = await poster.post(f"http://127.0.0.2:{public.port}/", {}, b"{}")
    await public.stop()
    assert (answer.status, answer.failure) == (307, "redirect")
    assert [trap.connections for trap in traps] == [0, 0]


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://a.example", "a.example", 443, "/", "a.example"),
        ("HTTPS://A.Example.:8443/x?y=z", "a.example", 8443, "/x?y=z", "a.example:8443"),
        ("https://a.example?q", "a.example", 443, "/?q", "a.example"),
        ("https://a.example:443/%41/é", "a.example", 443, "/%41/%C3%A9", "a.example"),
        ("https://tiếngviệt.vn/nhận", "xn--tingvit-8yb1690d.vn", 443, "/nh%E1%BA%ADn", None),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443, "/", "[2606:4700::1111]"),
        ("https://1.1.1.1:444/", "1.1.1.1", 444, "/", "1.1.1.1:444"),
        ("https://[64:ff9b::1.1.1.1]/", "64:ff9b::101:101", 443, "/", "[64:ff9b::101:101]"),
    ],
)
def test_public_addresses_are_read_as_browsers_read_them(
    url: str, host: str, port: int, path: str, authority: str | None
) -> None:
    target = check_url(url, Guard())
    assert (target.port, target.path) == (port, path)
    if authority is not None:
        assert (target.host, target.authority) == (host, authority)
    assert target.host.isascii()


@pytest.mark.parametrize(
    ("url", "guard", "code"),
    [
        ("http://a.example/", Guard(), "url-plain-http"),
        ("http://1.1.1.1/", Guard(networks("10.0.0.0/8")), "url-plain-http"),
        ("https://10.0.0.1/", Guard(), "url-address-forbidden"),
        ("https://u:p@a.example/", Guard(), "url-credentials"),
        ("https://a.example/#x", Guard(), "url-fragment"),
        ("https://a.example:99999/", Guard(), "url-port"),
        ("https://127.1/", Guard(), "url-host"),
        ("ldap://a.example/", Guard(), "url-scheme"),
        ("https://a b/", Guard(), "url-unreadable"),
    ],
)
def test_refusals_have_stable_codes(url: str, guard: Guard, code: str) -> None:
    with pytest.raises(UrlRefused) as refusal:
        check_url(url, guard)
    assert refusal.value.code == code


def test_own_networks_may_be_reached_without_encryption_once_allowed() -> None:
    guard = Guard(networks("10.20.0.0/16"))
    assert not check_url("http://10.20.3.4/", guard).encrypted
    assert check_url("https://10.20.3.4/", guard).encrypted
    for address, permitted in (
        ("10.20.3.4", True),
        ("::ffff:10.20.3.4", True),
        ("10.21.0.1", False),
        ("1.1.1.1", False),
    ):
        assert guard.permits(ipaddress.ip_address(address), encrypted=False) is permitted
    assert guard.permits(ipaddress.ip_address("1.1.1.1"), encrypted=True)
