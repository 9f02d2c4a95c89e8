"""Just enough of a reader of SIP messages to look at what a peer received."""

import hashlib
import re

_COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
    "c": "content-type", "k": "supported",
}


class SIPMessage:
    """A message as text, with the wall time at which it was met (seconds since 1970)."""

    def __init__(self, text, at=None):
        self.text = text
        self.at = at
        head, _, self.body = text.replace("\r\n", "\n").partition("\n\n")
        lines = re.sub(r"\n[ \t]+", " ", head).split("\n")
        self.first_line = lines[0]
        self.fields = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                name = name.strip().lower()
                self.fields.append((_COMPACT.get(name, name), value.strip()))

    def __repr__(self):
        return f"<SIPMessage {self.first_line!r}>"

    @property
    def method(self):
        """The method, of a response that of its CSeq."""
        if self.status is None:
            return self.first_line.split(" ")[0]
        return self["cseq"].split()[1]

    @property
    def status(self):
        """The status code, or None for a request."""
        match = re.match(r"SIP/2\.0 (\d{3})", self.first_line)
        return int(match[1]) if match else None

    @property
    def phrase(self):
        return self.first_line.split(" ", 2)[2] if self.status else None

    def __getitem__(self, name):
        """The first field of that name; None when there is none."""
        return next((v for n, v in self.fields if n == name.lower()), None)

    def all(self, name):
        return [v for n, v in self.fields if n == name.lower()]

    def user(self, name):
        """The user part of the URI in From, To, Contact, P-Asserted-Identity."""
        match = re.search(r"(?:sips?|tel):([^@;>]+)", self[name] or "")
        return match[1] if match else None

    def tag(self, name):
        """The tag of From or To."""
        match = re.search(r";tag=([^;>,\s]+)", self[name] or "")
        return match[1] if match else None

    @property
    def request_uri(self):
        return None if self.status else self.first_line.split(" ")[1]

    @property
    def request_user(self):
        match = re.match(r"\S+ (?:sips?|tel):([^@;> ]+)", self.first_line)
        return match[1] if match else None

    def reason(self, protocol):
        """The Reason header's (cause, text) for `SIP` or `Q.850`; None when it is not there."""
        for value in self.all("reason"):
            if value.lower().startswith(protocol.lower()):
                cause = re.search(r"cause=(\d+)", value)
                text = re.search(r'text="([^"]*)"', value)
                return (int(cause[1]) if cause else None, text[1] if text else None)
        return None


def authorization(challenge, user, password, method, uri):
    """The line that answers the MD5 challenge of a 401, for a first request by it."""
    text = next(text for text in challenge.all("www-authenticate") if "MD5" in text)
    nonce = re.search(r'nonce="([^"]*)"', text)[1]
    realm = re.search(r'realm="([^"]*)"', text)[1]

    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    secret = md5(f"{user}:{realm}:{password}")
    answer = md5(f"{secret}:{nonce}:00000001:c:auth:{md5(f'{method}:{uri}')}")
    return (
        f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", '
        f'uri="{uri}", response="{answer}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"\r\n')
