"""Pictures over TLS: the connection goes to the address that was checked, the certificate is of the named host."""

import datetime
import ipaddress
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aisle.errors import InvalidImage
from aisle.settings import Settings
from serving.remote_pictures import RemotePictures

HERE = ipaddress.ip_address("127.0.0.1")
NOT_TRUSTED = "certificate"


class Authority:
    """Signs certificates."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of this test")])
        self.certificate = _signed(self.name, self.key, self.name, self.key, authority=True)

    def trusted(self) -> ssl.SSLContext:
        """A client's context that trusts this authority alone."""
        return ssl.create_default_context(cadata=_pem(self.certificate).decode())

    def server(self, folder, alternative, *, self_signed=False, asked=None) -> ssl.SSLContext:
        """A server's context with a certificate for `alternative`; names that clients ask for come into `asked`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server of this test")])
        issuer, signer = (name, key) if self_signed else (self.name, self.key)
        chain = folder / "server.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain.write_bytes(_pem(_signed(name, key, issuer, signer, alternative=alternative)) + secret)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        if asked is not None:
            context.sni_callback = lambda _socket, server_name, _context: asked.append(server_name)
        return context


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _signed(name, key, issuer, signer, *, authority=False, alternative=None) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if authority:
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
        )
        usage |= {"decipher_only": False, "digital_signature": True, "key_cert_sign": True, "crl_sign": True}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    if alternative is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    return builder.sign(signer, hashes.SHA256())


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@asynccontextmanager
async def fetching(tls: ssl.SSLContext, *, trusted: ssl.SSLContext | None):
    """A web server on this machine, which every name leads to; and how it is asked: a path is given, bytes come."""
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.host.partition(":")[0])
        return web.Response(body=b"picture")

    async def resolve(_host: str, _port: int):
        return [HERE]

    runner = web.AppRunner(application := web.Application(), shutdown_timeout=0.1)
    application.router.add_route("GET", "/{any:.*}", answer)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    settings = replace(Settings(), image_url_hosts=(f"*:{port}",), image_url_seconds=5.0)
    remote = RemotePictures(settings, resolve=resolve, acceptable=lambda address: address == HERE, tls=trusted)

    async def fetch(host: str) -> bytes:
        return await remote.fetch(f"https://{host}:{port}/a.jpg")

    try:
        yield fetch, asked
    finally:
        await remote.close()
        await runner.cleanup()


@pytest.mark.asyncio
async def test_a_host_that_proves_its_name_is_fetched_from_by_the_address_that_was_checked(authority, tmp_path):
    names = []
    tls = authority.server(tmp_path, x509.DNSName("img.test"), asked=names)
    async with fetching(tls, trusted=authority.trusted()) as (fetch, asked):
        assert await fetch("img.test") == b"picture"
    assert names == ["img.test"]  # SNI: the name, not the address that it was pinned to
    assert asked == ["img.test"]


@pytest.mark.asyncio
async def test_another_host_s_certificate_is_refused(authority, tmp_path):
    tls = authority.server(tmp_path, x509.DNSName("img.test"))
    async with fetching(tls, trusted=authority.trusted()) as (fetch, asked):
        with pytest.raises(InvalidImage, match=NOT_TRUSTED):
            await fetch("other.test")
    assert asked == []


@pytest.mark.asyncio
async def test_a_certificate_for_the_address_is_none_for_the_name(authority, tmp_path):
    tls = authority.server(tmp_path, x509.IPAddress(HERE))
    async with fetching(tls, trusted=authority.trusted()) as (fetch, asked):
        with pytest.raises(InvalidImage, match=NOT_TRUSTED):
            await fetch("img.test")
        assert await fetch("127.0.0.1") == b"picture"  # the same certificate, asked for what it is for
    assert asked == ["127.0.0.1"]


@pytest.mark.asyncio
@pytest.mark.parametrize("trusted", ["the machine's authorities", "another authority"])
async def test_a_certificate_that_no_authority_signed_is_refused(authority, tmp_path, trusted):
    tls = authority.server(tmp_path, x509.DNSName("img.test"), self_signed=True)
    context = authority.trusted() if trusted == "another authority" else None
    async with fetching(tls, trusted=context) as (fetch, asked):
        with pytest.raises(InvalidImage, match="the host of the picture's address has no valid certificate"):
            await fetch("img.test")
    assert asked == []


@pytest.mark.asyncio
async def test_an_authority_that_the_machine_does_not_know_is_none(authority, tmp_path):
    tls = authority.server(tmp_path, x509.DNSName("img.test"))
    async with fetching(tls, trusted=None) as (fetch, asked):
        with pytest.raises(InvalidImage, match=NOT_TRUSTED):
            await fetch("img.test")
    assert asked == []
