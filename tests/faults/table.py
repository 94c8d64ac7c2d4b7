"""The file that the shim and a driver share: the places from which calls came, and what was made to fail (struct shim_table)."""
import mmap
import os
import struct

FRAMES = 5
SITES = 16384
HEAD = 64
SITE = struct.Struct(f"<QIIII40s{'20sI' * FRAMES}")
STEP, ARMED, FAILED, FAILED_STEP, WRITES, OVERFLOW = range(6)


def text(raw):
    return raw.split(b"\0", 1)[0].decode()


class Site:
    """A place: a function, and who called it."""

    def __init__(self, fields):
        self.hash, self.count, self.errors, self.step, frames = fields[:5]
        self.function = text(fields[5])
        self.frames = [(text(fields[6 + 2 * i]), fields[7 + 2 * i]) for i in range(frames)]

    @property
    def caller(self):
        return self.frames[0][0] if self.frames else "?"

    def fault(self, occurrence=1, error=0):
        return f"{self.function}:{self.frames[0][1]:x}:{self.hash:x}:{occurrence}:{error}"

    def __str__(self):
        return f"{self.function} from " + " < ".join(f"{module}+{offset:#x}" for module, offset in self.frames)


class Table:
    def __init__(self, path, armed=True):
        with open(path, "wb") as file:
            file.truncate(HEAD + SITES * SITE.size)
        descriptor = os.open(path, os.O_RDWR)
        self.memory = mmap.mmap(descriptor, HEAD + SITES * SITE.size)
        os.close(descriptor)
        self.path = path
        self[ARMED] = armed

    def __getitem__(self, field):
        return struct.unpack_from("<I", self.memory, 4 * field)[0]

    def __setitem__(self, field, value):
        struct.pack_into("<I", self.memory, 4 * field, value)

    def close(self):
        self.memory.close()

    def sites(self):
        """In the order of the scenario, as far as the steps tell."""
        assert not self[OVERFLOW], "more places than the table holds"
        found = [SITE.unpack_from(self.memory, HEAD + i * SITE.size) for i in range(SITES)]
        return sorted((Site(fields) for fields in found if fields[0]), key=lambda site: (site.step, site.function, site.hash))
