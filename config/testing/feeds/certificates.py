"""A certificate authority and a certificate of localhost, made for each test process."""

from __future__ import annotations

import functools
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """`ca` is the authority's certificate, which clients trust; `server` the key and certificate of localhost and
    127.0.0.1. Both are PEM files in a temporary folder, which goes when this object does."""

    ca: Path
    server: Path
    folder: tempfile.TemporaryDirectory[str]

    def make_server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        return context


@functools.cache
def get_certificates() -> Certificates:
    """The certificates of this process."""
    folder = tempfile.TemporaryDirectory(prefix="certificates-")
    ca, server = Path(folder.name, "ca.pem"), Path(folder.name, "server.pem")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca)
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(server)
    return Certificates(ca, server, folder)
