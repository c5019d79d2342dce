"""Every fault on every database, and the table of what came of them; called by `run`."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import on_clerk
import on_postgres
import on_process
import on_sqlite
from processes import Cluster
from trial import HEAD, attempt


class Bench:
    """What all trials share: the binary, a folder, and a PostgreSQL cluster to copy."""

    def __init__(self, binary, directory):
        self.binary, self.directory, self.count = binary, Path(directory), 0
        # The owner of the clusters has to get through.
        self.directory.chmod(0o755)
        pattern = Cluster(self.directory / "pattern")
        pattern.run(
            "initdb", "-D", str(pattern.data), "-U", "tests", "--auth=trust", "--no-sync", "-E", "UTF8",
            "--locale=C.UTF-8", "--data-checksums", "--wal-segsize=1",
        )
        self.pattern = pattern.data

    def new_place(self):
        self.count += 1
        place = self.directory / f"trial{self.count}"
        place.mkdir()
        return place


def chosen(words):
    """Faults with their database; of those named, or all."""
    for database, own in (("SQLite", on_sqlite.FAULTS), ("PostgreSQL", on_postgres.FAULTS)):
        for fault in own + on_clerk.FAULTS + on_process.FAULTS:
            text = f"{database}: {fault.name}"
            if not words or any(word.lower() in text.lower() for word in words):
                yield fault, database


async def main():
    # Whoever ends it early leaves no server and no cluster behind.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    binary = str(Path(sys.argv[1]).resolve())
    rows, started = [], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mission-control-faults.", dir=os.environ.get("FAULTS_DIRECTORY")) as directory:
        bench = Bench(binary, directory)
        print(HEAD, flush=True)
        for fault, database in chosen(sys.argv[2:]):
            row = await attempt(bench, fault, database)
            rows.append(row)
            print(row.shown(), flush=True)
    broken, skipped = sum(bool(row.wrong) for row in rows), sum(row.is_skipped for row in rows)
    minutes = (time.monotonic() - started) / 60
    print(f"\n{len(rows)} trials in {minutes:.1f} minutes: {broken} broken, {skipped} not run")
    return 1 if broken or not rows else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
