"""Faults of PostgreSQL: the server restarted, killed, paused, full, locked, read-only, damaged, and fail-over."""

import asyncio
import os
import shutil
import signal
import subprocess

from on_sqlite import DAMAGED, fill
from processes import until
from trial import ASKING, UNAVAILABLE, WRITING, Fault, may

FILES = (
    "SELECT pg_relation_filepath(oid) FROM pg_class WHERE relkind IN ('r', 'i') "
    "AND relnamespace = 'public'::regnamespace"
)


async def restarted(world):
    for _ in range(2):
        await asyncio.to_thread(world.cluster.stop)
        await asyncio.sleep(2)
        await asyncio.to_thread(world.cluster.start)
        await asyncio.sleep(1)


async def killed(world):
    world.cluster.send(signal.SIGKILL)
    await asyncio.sleep(10)
    world.undo()
    await asyncio.to_thread(world.cluster.start)


async def paused(world):
    stopped = world.cluster.processes()
    world.cluster.send(signal.SIGSTOP)
    await asyncio.sleep(8)
    for process in stopped:
        os.kill(process, signal.SIGCONT)
    world.cluster.send(signal.SIGCONT)


async def full(world):
    filler = world.room / "filler"
    fill(filler)
    await asyncio.sleep(6)
    filler.unlink()
    if not world.cluster.is_running():
        await asyncio.to_thread(world.cluster.start)


async def locked(world):
    psql = [str(world.cluster.binaries / "psql"), "-XAtq", "-d", world.cluster.url()]
    other = subprocess.Popen(psql, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    other.stdin.write("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE; SELECT 'locked';\n")
    other.stdin.flush()
    assert (await asyncio.to_thread(other.stdout.readline)).strip() == "locked"
    await asyncio.sleep(8)
    other.communicate("ROLLBACK;\n")


async def read_only(world):
    world.cluster.ask("ALTER SYSTEM SET default_transaction_read_only = on")
    world.cluster.ask("SELECT pg_reload_conf()")
    await asyncio.sleep(5)
    world.cluster.ask("ALTER SYSTEM RESET default_transaction_read_only")
    world.cluster.ask("SELECT pg_reload_conf()")


async def damaged(world):
    """Its tables and indexes garbled, then restored from a copy of the moment before."""
    cluster, copy = world.cluster, world.place / "copy"
    await world.load.hold()
    files = [cluster.data / path for (path,) in cluster.ask(FILES)]
    await asyncio.to_thread(cluster.stop)
    subprocess.run(["cp", "-a", str(cluster.data), str(copy)], check=True)
    for path in files:
        path.write_bytes(os.urandom(path.stat().st_size))
    await asyncio.to_thread(cluster.start)
    world.load.go_on()
    await asyncio.sleep(5)
    world.undo()
    await asyncio.to_thread(cluster.stop, "immediate")
    shutil.rmtree(cluster.data)
    copy.rename(cluster.data)
    await asyncio.to_thread(cluster.start)


async def promote(world):
    """What an operator's software does once it has noticed: the standby becomes the primary, and its address that."""
    world.undo()
    await asyncio.to_thread(world.standby.run, "pg_ctl", "-D", str(world.standby.data), "-w", "promote")
    world.left = [world.cluster]
    world.cluster, world.standby = world.standby, None
    world.address.lead_to(world.cluster.port)
    await until("it writes", lambda: world.cluster.ask("SELECT pg_is_in_recovery()") == [["f"]])


async def primary_killed(world):
    world.cluster.send(signal.SIGKILL)
    await asyncio.sleep(3)
    await promote(world)


async def primary_lost(world):
    """No reset, no answer: connections hang until they are given up."""
    world.address.lose()
    world.cluster.send(signal.SIGSTOP)
    await asyncio.sleep(10)
    await promote(world)


GONE = may(ASKING, UNAVAILABLE)
FAILOVER = {"instances": 2, "has_standby": True, "is_ready": False}

FAULTS = [
    Fault("restarted, twice", "503 meanwhile", restarted, GONE),
    Fault("killed -9, back after 10 s", "503 meanwhile, not ready", killed, GONE, is_ready=False),
    Fault("paused, 8 s", "503 meanwhile, not ready", paused, GONE, is_ready=False),
    Fault("disk full, 6 s", "503 meanwhile", full, GONE, room="96m"),
    Fault("`users` locked, 8 s", "503 after 5 s", locked, GONE),
    Fault("read-only, 5 s", "reads go on; writes 503", read_only, may(WRITING, UNAVAILABLE)),
    Fault("tables garbled, then restored", "500 and an ERROR in the log, not ready", damaged,
          may(ASKING, DAMAGED), is_ready=False, is_logged=True),
    Fault("fail-over, the primary killed", "503 meanwhile, on both instances; no restart", primary_killed, GONE, **FAILOVER),
    Fault("fail-over, the primary's host silent", "503 meanwhile, on both instances; no restart", primary_lost, GONE, **FAILOVER),
]
