"""TLS of destinations that do not speak HTTP: whom they trust, and by what they are known."""

from __future__ import annotations

import os
import ssl

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from logkeep import settings
from logkeep.errors import BadSetting


def tls_context(ca: str) -> ssl.SSLContext:
    """Trusts the certificates in `ca` (PEM), or those of the system when it is empty. Certificate and host
    are checked, and nothing older than TLS 1.2 is spoken. Raises BadSetting."""
    try:
        context = ssl.create_default_context(cadata=ca or None)
    except (ssl.SSLError, TypeError, ValueError) as error:  # TypeError: it is not ASCII
        raise BadSetting(
            "ca holds no certificates that can be read", hint="paste them in PEM", field="ca"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def check_certificate(certificate: str, key: str) -> None:
    """Raises BadSetting unless both can be read and belong together. No key is not looked at: a pipeline is
    also checked where its secrets are not at hand."""
    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
    except ValueError as error:
        raise BadSetting(
            "client_certificate cannot be read", hint="paste it in PEM", field="client_certificate"
        ) from error
    if not key:
        return
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # its words could hold a part of it
        raise BadSetting(
            "client_key cannot be read",
            hint="paste it in PEM, without a passphrase",
            field="secrets.client_key",
        ) from None
    if private.public_key() != chain[0].public_key():
        raise BadSetting(
            "client_key is not that of client_certificate",
            hint="paste the key that the certificate was made for",
            field="secrets.client_key",
        )


def present(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Have the context show this certificate to a server that asks. What `check_certificate` let through.
    Raises BadSetting."""
    file = os.memfd_create("client-certificate")  # ssl reads files only, and this one is on no disk
    try:
        os.write(file, f"{key.strip()}\n{certificate.strip()}\n".encode())
        context.load_cert_chain(f"/proc/self/fd/{file}")
    except ssl.SSLError as error:
        raise BadSetting(
            f"client_certificate cannot be used: {error.reason}",
            hint="paste a certificate of today's strength, then those that it was signed with",
            field="client_certificate",
        ) from None
    finally:
        os.close(file)


def seconds(value: int | str, field: str) -> int:
    """Of a duration that has to be some. Raises BadSetting with the field."""
    try:
        taken = settings.duration(str(value))
    except ValueError:
        taken = 0
    if taken <= 0:
        raise BadSetting(f"{field} is {value!r}", hint="write a duration such as 30s", field=field)
    return taken
