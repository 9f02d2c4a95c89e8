"""A certificate authority of a test's own: signs certificates for the switch, phones and trunks."""

import os
import subprocess


class Authority:
    def __init__(self, folder, name="authority"):
        self.folder = str(folder)
        self.key = os.path.join(self.folder, f"{name}.key")
        self.certificate = os.path.join(self.folder, f"{name}.pem")
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "30", "-subj", f"/CN=Test {name}", "-keyout", self.key, "-out",
            self.certificate)

    def sign(self, name, *subjects):
        """The files of a new certificate and key; subjects are `DNS:x` or `IP:x`."""
        key = os.path.join(self.folder, f"{name}.key")
        request = os.path.join(self.folder, f"{name}.csr")
        certificate = os.path.join(self.folder, f"{name}.pem")
        extension = os.path.join(self.folder, f"{name}.ext")
        with open(extension, "w") as file:
            file.write(f"subjectAltName={','.join(subjects)}\n")
        self._openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
            "-CAcreateserial", "-days", "30", "-extfile", extension, "-out", certificate)
        return certificate, key

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
