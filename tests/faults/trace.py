"""What the agent did with its files, as the shim wrote it down (state.c), and what a disk may hold of it when the power fails.

A write is certain when a sync of its file that began after it has returned, or, on a descriptor with O_DSYNC, when it has returned itself.
Of the others any may be there, be missing, or be there by some of its sectors."""
import struct

import msgpack

ENTRY = struct.Struct("<cccciQQ")
SECTOR = 512


class Entry:
    def __init__(self, what, file, synced, fd, offset, content, size):
        self.what, self.file, self.synced, self.fd, self.offset, self.content, self.size = what, file, synced, fd, offset, content, size


def read(path):
    with open(path, "rb") as file:
        raw = file.read()
    entries, at = [], 0
    while at + ENTRY.size <= len(raw):
        what, file, synced, _, fd, offset, size = ENTRY.unpack_from(raw, at)
        at += ENTRY.size
        has_bytes = what in b"WA"
        content = raw[at:at + size] if has_bytes else b""
        at += size if has_bytes else 0
        entries.append(Entry(what.decode(), file.decode(errors="replace"), synced, fd, offset, content, size))
    return entries


def answers(entries):
    """(position, msgid, error) of each answer, at the position from which on a peer can have it."""
    streams = {}
    for position, entry in enumerate(entries):
        if entry.what != "A":
            continue
        stream = streams.setdefault(entry.fd, msgpack.Unpacker(raw=False, strict_map_key=False))
        try:
            stream.feed(entry.content)
            for message in stream:
                if isinstance(message, list) and len(message) == 4 and message[0] == 1:
                    yield position, message[1], message[2]
                else:
                    streams.pop(entry.fd, None)  # a log line, or what libuv says to itself
        except (msgpack.UnpackException, ValueError, UnicodeDecodeError):
            streams.pop(entry.fd, None)


class Disk:
    """data.mdb after the first `position` entries."""

    def __init__(self):
        self.certain = bytearray()
        self.pending = []  # (offset, bytes)
        self.last = {}     # by descriptor: the write that has not returned

    @staticmethod
    def put(image, offset, content):
        if len(image) < offset + len(content):
            image.extend(bytes(offset + len(content) - len(image)))
        image[offset:offset + len(content)] = content

    def step(self, entry):
        if entry.file != "d":
            return
        if entry.what == "W":
            write = (entry.offset, entry.content)
            self.pending.append(write)
            self.last[entry.fd] = (write, entry.synced != b"\0")
        elif entry.what == "T":
            self.put(self.certain, entry.offset, b"")
        elif entry.what == "E" and entry.synced == b"S":
            for offset, content in self.pending:
                self.put(self.certain, offset, content)
            self.pending.clear()
        elif entry.what == "E" and entry.synced == b"W" and entry.fd in self.last:
            write, synced = self.last.pop(entry.fd)
            if synced:
                self.put(self.certain, *write)
                self.pending = [other for other in self.pending if other is not write]

    def image(self, rng):
        """One of the states in which the disk may be found."""
        image = bytearray(self.certain)
        for offset, content in self.pending:
            fate = rng.random()
            if fate < 0.3:
                continue
            if fate < 0.6:
                self.put(image, offset, content)
                continue
            start = 0
            while start < len(content):
                end = min(len(content), (offset + start) // SECTOR * SECTOR + SECTOR - offset)
                if rng.random() < 0.5:
                    self.put(image, offset + start, content[start:end])
                start = end
        return bytes(image)
