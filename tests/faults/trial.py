"""One fault tried on one database: the world it happens in, and whether what is promised was kept."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from clerk import Clerk
from load import RIGHT, Load
from processes import Address, Cluster, Server, until
from tokens import Tokens

BEFORE = 2.0
# Seconds any answer may take: EXECUTION_TIMEOUT is 10, the rest is the noise of a busy machine.
LONGEST = 13
# MiB that a server may have gained when a fault is over.
GAIN = 32
# Of requests that need the database; GraphQL has them as an error of a field once the user is known.
UNAVAILABLE = {f"{status} {code}" for status in (200, 503) for code in ("SERVICE_UNAVAILABLE", "TIMEOUT")}
WRITING = ("write", "create", "delete")
ASKING = (*WRITING, "read", "deleted", "newcomer")
EVERYTHING = (*ASKING, "healthz", "readyz")


class NotHere(Exception):
    """This machine does not allow what a fault needs."""


@dataclass
class Fault:
    name: str
    promise: str
    # Lasts as long as the fault; gets the World.
    work: Callable
    # By kind of request, the labels that are allowed besides the right one until the server has recovered.
    may: dict = field(default_factory=dict)
    # What /readyz has to say at the end of the fault; None: either.
    is_ready: Optional[bool] = None
    # Whether some answers have to be other than right, or else the fault did not happen.
    is_felt: bool = True
    # Seconds after which everything is right again.
    recovery: float = 10
    # Acknowledged in so many seconds before the fault, a write may be lost.
    tolerates: float = 0
    restarts: bool = False
    # Whether it is a fault of the operator's that ERROR lines are for.
    is_logged: bool = False
    settings: dict = field(default_factory=dict)
    instances: int = 1
    # Size of a file system of its own for the database.
    room: str = ""
    needs_disk: bool = False
    has_standby: bool = False
    asks_newcomers: bool = False


def may(kinds, labels):
    return dict.fromkeys(kinds, set(labels))


class World:
    def __init__(self, bench, fault, database):
        self.bench, self.fault, self.database = bench, fault, database
        self.place = bench.new_place()
        self.tokens, self.clerk = Tokens(), Clerk()
        self.cluster = self.standby = self.address = None
        self.file = (self.disk() if fault.needs_disk else self.place) / "data" / "sample.db"
        self.others, self.wrong, self.remark = [], [], ""
        # When the fault begins to be undone, if that takes a while: readiness is looked at until then.
        self.undone = None

    def disk(self):
        """A folder that is not in memory, whose file system knows immutable files."""
        self.on_disk = tempfile.TemporaryDirectory(prefix="mission-control-faults.", dir="/var/tmp")
        return Path(self.on_disk.name)

    async def __aenter__(self):
        await self.clerk.start()
        if self.fault.room:
            self.mount()
        settings = {
            "AUTH_MODE": "clerk", "CLERK_SECRET_KEY": "sk_test_0123456789abcdefghij",
            "CLERK_API_URL": f"http://127.0.0.1:{self.clerk.port}",
            "CLERK_AUTHORIZED_PARTIES": "https://app.example.com",
            "DATABASE_URL": await self.make_database(), **self.fault.settings,
        }
        settings = {name: value.replace("PLACE", str(self.place)) for name, value in settings.items()}
        self.servers = [
            Server(self.bench.binary, self.place / f"server{n}", settings) for n in range(self.fault.instances)
        ]
        self.server = self.servers[0]
        for server in self.servers:
            server.start()
        self.load = Load([server.port for server in self.servers], self.tokens)
        self.load.asks_newcomers = self.fault.asks_newcomers
        return self

    async def make_database(self):
        if self.database == "SQLite":
            return f"sqlite:{self.file}"
        options = {"synchronous_standby_names": "walreceiver"} if self.fault.has_standby else {}
        self.cluster = Cluster(self.place / "room" if self.fault.room else self.place / "primary", options)
        self.cluster.make(self.bench.pattern)
        await asyncio.to_thread(self.cluster.start)
        if not self.fault.has_standby:
            return self.cluster.url()
        self.standby = Cluster(self.place / "standby")
        copy = ["-D", str(self.standby.data), "-R", "-X", "stream", "-c", "fast"]
        source = ["-h", "127.0.0.1", "-p", str(self.cluster.port), "-U", "tests"]
        await asyncio.to_thread(self.standby.run, "pg_basebackup", *copy, *source)
        await asyncio.to_thread(self.standby.start)
        primary = self.cluster
        await until("the standby follows", lambda: primary.ask("SELECT sync_state FROM pg_stat_replication") == [["sync"]])
        self.address = Address(primary.port)
        await self.address.start()
        return primary.url(self.address.port)

    def mount(self):
        room = self.place / ("data" if self.database == "SQLite" else "room")
        room.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={self.fault.room}", "tmpfs", str(room)], capture_output=True
        )
        if mounted.returncode:
            raise NotHere("no right to mount a small file system")
        self.room = room

    async def __aexit__(self, *_):
        for server in self.servers if hasattr(self, "servers") else []:
            server.process.kill()
            server.process.wait()
        for process in self.others:
            process.kill()
            process.wait()
        for cluster in filter(None, [self.cluster, self.standby, *getattr(self, "left", [])]):
            cluster.send(signal.SIGCONT)
            await asyncio.to_thread(cluster.stop, "immediate", False)
        self.clerk.server.close()
        if self.address:
            self.address.server.close()
        if hasattr(self, "room"):
            subprocess.run(["umount", "-l", str(self.room)], check=False)
        if hasattr(self, "on_disk"):
            self.on_disk.cleanup()
        if not os.environ.get("KEEP"):
            subprocess.run(["rm", "-rf", str(self.place)], check=False)

    def undo(self):
        self.undone = time.monotonic()

    def rows(self):
        """What is in the database, seen without the server: see `Load.compare`."""
        users = "SELECT clerk_user_id, id, coalesce(notes, '') FROM users"
        gone = "SELECT clerk_id FROM tombstones WHERE kind = 'user'"
        if self.cluster:
            users, gone = self.cluster.ask(users), self.cluster.ask(gone)
        else:
            with contextlib.closing(sqlite3.connect(self.file)) as connection:
                users, gone = connection.execute(users).fetchall(), connection.execute(gone).fetchall()
        return {user: (own, notes) for user, own, notes in users}, {user for (user,) in gone}


@dataclass
class Row:
    fault: str
    database: str
    promise: str
    answers: str = ""
    longest: float = 0
    recovery: float = 0
    acknowledged: int = 0
    lost: int = 0
    memory: str = ""
    remark: str = ""
    wrong: list = field(default_factory=list)
    is_skipped: bool = False

    def shown(self):
        verdict = "not run" if self.is_skipped else "BROKEN: " + "; ".join(self.wrong[:4]) if self.wrong else "kept"
        if self.remark:
            verdict += f" ({self.remark})"
        return (
            f"| {self.fault} | {self.database} | {self.promise} | {self.answers} | {self.longest:.1f} s "
            f"| {self.recovery:.1f} s | {self.acknowledged}/{self.lost} | {self.memory} | {verdict} |"
        )


HEAD = (
    "| fault | database | what is promised | answers during it | longest | recovered after | writes acknowledged/lost "
    "| MiB before, most, after | verdict |\n| --- | --- | --- | --- | ---: | ---: | ---: | --- | --- |"
)


async def attempt(bench, fault, database):
    row = Row(fault.name, database, fault.promise)
    try:
        async with World(bench, fault, database) as world:
            await happen(world, fault, row)
    except NotHere as reason:
        row.is_skipped, row.remark = True, str(reason)
    except Exception as error:  # Anything that goes wrong is a row that is not kept.
        row.wrong.append(f"{type(error).__name__}: {error}"[:300])
    return row


async def happen(world, fault, row):
    load, most = world.load, 0

    async def watch():
        nonlocal most
        while True:
            most = max(most, world.server.memory())
            await asyncio.sleep(0.1)

    load.start()
    await load.until_calm(time.monotonic(), 30)
    await asyncio.sleep(BEFORE)
    before, processes = world.server.memory(), [server.process.pid for server in world.servers]
    watching = asyncio.create_task(watch())
    began = time.monotonic()
    await fault.work(world)
    ended = time.monotonic()
    await load.until_calm(ended, fault.recovery)
    give_up = time.monotonic() + 20
    while not fault.restarts and world.server.memory() > before + GAIN and time.monotonic() < give_up:
        await asyncio.sleep(0.2)
    after = world.server.memory()
    watching.cancel()
    await load.stop()

    row.wrong += world.wrong + load.wrong[:3]
    if not fault.restarts and [server.process.pid for server in world.servers] != processes:
        row.wrong.append("the server was restarted")
    for server in world.servers:
        if not server.is_running():
            row.wrong.append(f"the server ended with {server.process.returncode}")
        for line in server.log.read_text(errors="replace").splitlines():
            if "panicked" in line or ('"level":"ERROR"' in line and not fault.is_logged):
                row.wrong.append(f"in the log: {line[:200]}")
                break
    if not fault.restarts and after > before + GAIN:
        row.wrong.append("memory is not back")
    lost = load.compare(world.rows(), before=float("inf"))
    row.wrong += lost[:2]
    row.lost, row.acknowledged, row.remark = len(lost), load.acknowledged, world.remark
    row.memory = f"{before:.0f}, {most:.0f}, {after:.0f}"
    judge(load.answers, began, ended, fault, row)
    if fault.is_ready is not None:
        judge_readiness(load.answers, began, world.undone or ended, fault, row)


def judge(answers, began, ended, fault, row):
    during = [one for one in answers if one.ended >= began and one.begun <= ended]
    after = [one for one in answers if one.begun > ended]
    row.answers = ", ".join(
        f"{label}: {count}" for label, count in Counter(one.label for one in during if one.kind in ASKING).most_common()
    )
    row.longest = max((one.seconds for one in during + after), default=0)
    row.recovery = max([0, *(one.ended - ended for one in during + after if one.label != RIGHT[one.kind])])
    if row.longest > LONGEST:
        row.wrong.append(f"an answer took {row.longest:.1f} s")
    if row.recovery > fault.recovery:
        row.wrong.append(f"not well again within {fault.recovery:.0f} s")
    for kind in set(RIGHT) & {one.kind for one in answers}:
        if not any(one.label == RIGHT[kind] for one in after if one.kind == kind):
            row.wrong.append(f"{kind} was not answered afterwards")
    allowed = fault.may | {"readyz": fault.may.get("readyz", set()) | ({"503"} if fault.is_ready is not True else set())}
    unexpected = Counter(
        (one.kind, one.label) for one in during + after
        if one.label not in {RIGHT[one.kind]} | allowed.get(one.kind, set())
    )
    for (kind, label), count in unexpected.most_common(5):
        row.wrong.append(f"{kind} was answered {label}, {count} times")
    # A fault that nobody can have felt proves nothing. Whoever waited for its end has felt it too.
    is_felt = any(one.label != RIGHT[one.kind] or one.seconds >= 1 for one in during)
    if fault.is_felt and not fault.restarts and not is_felt:
        row.wrong.append("the fault had no effect")


def judge_readiness(answers, began, undone, fault, row):
    """By the last answer that lies within the fault, two seconds from its beginning."""
    probes = [one for one in answers if one.kind == "readyz" and began + 2 < one.begun and one.ended < undone]
    said, expected = probes[-1].label if probes else "nothing", "200" if fault.is_ready else "503"
    if said != expected:
        row.wrong.append(f"/readyz said {said}, not {expected}")


def settings_of_clock(library):
    return {
        "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": "PLACE/clock", "FAKETIME_NO_CACHE": "1",
        # Timers go by the other clock, which nobody sets.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def write_clock(path, ahead):
    Path(path).write_text(f"{ahead:+d}")
