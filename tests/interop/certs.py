# SPDX-License-Identifier: Apache-2.0
"""Certificates of every kind, made with the openssl command: good ones, and those that must be refused."""

import pathlib
import subprocess

CONFIG = """
[ca]
default_ca = own
[own]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Authority:
    """A certificate authority in a folder of its own; `ca.pem` is its certificate."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.cert, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        (self.folder / "index.txt").write_text("", encoding="ascii")
        (self.folder / "serial").write_text("01\n", encoding="ascii")
        self.config = self.folder / "ca.cnf"
        self.config.write_text(CONFIG.format(folder=self.folder), encoding="ascii")
        openssl("req", "-x509", *KEY, "-keyout", self.key, "-out", self.cert, "-days", 2, "-subj", f"/CN=Authority {self.folder.name}")

    def sign(self, name, host="localhost", start="20200101000000Z", end="20991231235959Z"):
        """(certificate, key) of a host, or of a client."""
        cert, key, request = (self.folder / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
        openssl("req", "-new", *KEY, "-keyout", key, "-out", request, "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}")
        openssl("ca", "-batch", "-notext", "-config", self.config, "-cert", self.cert, "-keyfile", self.key,
                "-in", request, "-out", cert, "-startdate", start, "-enddate", end)
        return cert, key

    def expired(self, name, host="localhost"):
        return self.sign(name, host, "20200101000000Z", "20200201000000Z")

    def early(self, name, host="localhost"):
        return self.sign(name, host, "20980101000000Z", "20990101000000Z")


def self_signed(folder, name, host="localhost"):
    cert, key = (pathlib.Path(folder) / f"{name}.{kind}" for kind in ("pem", "key"))
    openssl("req", "-x509", *KEY, "-keyout", key, "-out", cert, "-days", 2, "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}")
    return cert, key
