"""`cchc certificate`: a certificate for servers inside one composition, where the office has no authority at hand."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

_DAYS: Final = 825  # the longest that browsers accept of a server


def register(app: typer.Typer) -> None:
    """Add this command to `cchc`."""
    app.command()(certificate)


def certificate(
    directory: Annotated[Path, typer.Option(help="Nơi ghi tls.crt và tls.key (where the server reads them).")],
    ca_file: Annotated[Path, typer.Option(help="Nơi ghi chứng thư của nơi ký, cho các máy khách (for clients).")],
    host: Annotated[list[str], typer.Option(help="Tên máy chủ; lặp lại được (host names).")],
) -> None:
    """Tạo chứng thư TLS tự ký cho máy chủ nội bộ, nếu chưa có; khóa của nơi ký không được lưu (make TLS once).

    Khóa tls.key đọc được bởi mọi tiến trình thấy thư mục đó: chỉ gắn thư mục vào máy chủ ấy.
    """
    made = directory / "tls.crt"
    if not (made.exists() and ca_file.exists()):
        _make(directory, ca_file, host)
    typer.echo(made)


def _make(directory: Path, ca_file: Path, hosts: list[str]) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    from shared.clock import SystemClock

    now = SystemClock().now()
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cchc")])

    def signed(name: x509.Name, key: ec.EllipticCurvePrivateKey, extensions: list[x509.ExtensionType]) -> bytes:
        builder = x509.CertificateBuilder(
            issuer_name=authority,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(days=1),
            not_valid_after=now + timedelta(days=_DAYS),
        )
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        builder = builder.add_extension(identifier, critical=False).add_extension(issuer, critical=False)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    signs = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    ca = signed(authority, authority_key, [x509.BasicConstraints(ca=True, path_length=0), signs])
    server = signed(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])]),
        server_key,
        [
            x509.BasicConstraints(ca=False, path_length=None),
            x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        ],
    )
    private = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    directory.mkdir(parents=True, exist_ok=True)
    ca_file.parent.mkdir(parents=True, exist_ok=True)
    ca_file.write_bytes(ca)
    (directory / "tls.key").write_bytes(private)
    (directory / "tls.crt").write_bytes(server)
