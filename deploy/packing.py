"""Tar archives whose bytes depend on what is in them and on nothing else: same entries, same archive."""

import gzip
import io
import os
import subprocess
import tarfile


def epoch():
    """The time that everything packed carries: SOURCE_DATE_EPOCH, else that of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    return int(subprocess.check_output(["git", "log", "-1", "--format=%ct"], text=True))


class Archive:
    """A tar archive in the making. Entries keep the order in which they are added."""

    def __init__(self, time):
        self._bytes = io.BytesIO()
        # Plain ustar: no headers with the packing machine's user names or fractions of a second.
        self._tar = tarfile.open(fileobj=self._bytes, mode="w", format=tarfile.USTAR_FORMAT)
        self._time = time

    def folder(self, name, mode=0o755, owner=0):
        self._add(name, tarfile.DIRTYPE, mode, owner, b"")

    def file(self, name, content, mode=0o644, owner=0):
        self._add(name, tarfile.REGTYPE, mode, owner, content)

    def _add(self, name, kind, mode, owner, content):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.size = kind, mode, len(content)
        entry.uid = entry.gid = owner
        entry.mtime = self._time
        self._tar.addfile(entry, io.BytesIO(content))

    def plain(self):
        """The archive as it is."""
        self._tar.close()
        return self._bytes.getvalue()

    def compressed(self):
        """The archive, compressed; without the name and time that gzip would note."""
        return gzip.compress(self.plain(), compresslevel=9, mtime=0)
