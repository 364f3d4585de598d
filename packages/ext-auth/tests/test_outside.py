"""Requests to addresses that others have named: never into our own network."""

import datetime
import socket
import ssl
import threading

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from cruse_auth import outside
from cruse_auth.outside import OutsideOnly, is_outside


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::127.0.0.1", False),
        ("::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d70e", True),
        ("::ffff:0:127.0.0.1", False),
        ("fec0::1", False),
        ("5f00::1", False),
    ],
)
def test_what_is_outside(address, expected):
    assert is_outside(address) is expected


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for shop.example, with its key, in files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "cert").write_bytes(made.public_bytes(encoding))
    (folder / "key").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return folder / "cert", folder / "key"


@pytest.fixture
def port(certificate, monkeypatch):
    """A server of shop.example; every name leads to it, and it is taken for one outside."""

    def app(environ, start_response):
        return Response(Request(environ).host)(environ, start_response)

    server = make_server("127.0.0.1", 0, app, ssl_context=tuple(map(str, certificate)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]
    context = ssl.create_default_context(cafile=certificate[0])
    look_up = socket.getaddrinfo
    monkeypatch.setattr(outside, "is_outside", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(outside, "ssl_context", lambda: context)
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **options: (
            here if str(host).endswith(".example") else look_up(host, *args, **options)
        ),
    )
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_certificate_has_to_be_that_of_the_name(port):
    with httpx2.Client(transport=OutsideOnly()) as client:
        answer = client.get(f"https://shop.example:{port}/")
        assert answer.text == f"shop.example:{port}", "the server is told its name"
        with pytest.raises(httpx2.ConnectError, match="certificate"):
            client.get(f"https://other.example:{port}/")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "10.0.0.1"])
def test_what_is_inside_is_not_asked(host):
    with (
        httpx2.Client(transport=OutsideOnly()) as client,
        pytest.raises(httpx2.ConnectError, match="not outside"),
    ):
        client.get(f"https://{host}/")


def test_a_host_that_is_not_there_is_an_error_as_any(monkeypatch):
    def fail(*args, **options):
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with (
        httpx2.Client(transport=OutsideOnly()) as client,
        pytest.raises(httpx2.ConnectError, match="cannot be found"),
    ):
        client.get("https://shop.example/")
