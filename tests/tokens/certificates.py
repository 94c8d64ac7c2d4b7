"""Self-signed certificates over the test keys, for x5c, x5t and PEM files.

Issued by vendor-rsa with a fixed serial number and fixed dates, so the same
each time; nobody checks the signature on them.
"""
import base64
import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from forge import b64, key


def certificate(name, common_name="tokens.example.com"):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
            .public_key(key(name).public_key()).serial_number(20260101)
            .not_valid_before(datetime.datetime(2025, 1, 1)).not_valid_after(datetime.datetime(2035, 1, 1))
            .sign(key("vendor-rsa"), hashes.SHA256()))


def certificate_pem(name):
    return certificate(name).public_bytes(serialization.Encoding.PEM)


def x5_members(name, common_name="tokens.example.com"):
    """x5c in plain base64 and x5t, as RFC 7517 4.7 and 4.8 have them."""
    der = certificate(name, common_name).public_bytes(serialization.Encoding.DER)
    return {"x5c": [base64.b64encode(der).decode()], "x5t": b64(hashlib.sha1(der).digest()).decode()}
