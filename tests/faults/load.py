"""A steady load of everything, and a record of what was acknowledged.

Each write leaves a trace that can be looked for later: a person's notes are a number that only grows, a first
sign-in is a row, a deletion the absence of one and a tombstone.
"""

import asyncio
import itertools
import random
import time

from http11 import Client

WRITERS, READERS = 3, 2
# Pauses between two requests of one worker, in seconds.
PAUSES = {"read": 0.02, "write": 0.03, "create": 0.1, "delete": 0.4, "deleted": 0.15, "healthz": 0.1, "readyz": 0.2}
RIGHT = {kind: "200" for kind in PAUSES} | {"deleted": "401", "newcomer": "200"}
ME = {"query": "{ me { id clerkUserId notes } }"}
WRITE = "mutation($notes: String) { updateProfile(input: {notes: $notes}) { user { notes } userErrors { code } } }"
DELETE = {"query": "mutation { deleteUser { deletedUserId } }"}


class Load:
    def __init__(self, ports, tokens):
        self.ports, self.tokens = ports, tokens
        self.answers, self.wrong = [], []
        # By user: the number acknowledged last, and when.
        self.notes = {f"user_writer{n}": (0, 0.0) for n in range(WRITERS)}
        self.tried = dict.fromkeys(self.notes, 0)
        self.created, self.deleted, self.refused = {}, {}, []
        self.acknowledged = 0
        self.is_held = self.is_over = False
        self.busy, self.tasks = 0, []
        self.turns = itertools.count()
        self.asks_newcomers = False

    def start(self):
        work = [self.read] * READERS + [self.create, self.delete, self.ask_deleted]
        work += [self.write(user) for user in self.notes]
        for one in work:
            self.tasks.append(asyncio.create_task(self.repeat(one)))
        for port in self.ports:
            for kind in ("healthz", "readyz"):
                self.tasks.append(asyncio.create_task(self.repeat(self.probe(kind), [port])))
        if self.asks_newcomers:
            self.tasks += [asyncio.create_task(self.repeat(self.newcomer)) for _ in range(4)]

    async def repeat(self, work, ports=None):
        clients = [Client(port) for port in ports or self.ports]
        while not self.is_over:
            if self.is_held:
                await asyncio.sleep(0.02)
                continue
            self.busy += 1
            try:
                answer = await work(clients[next(self.turns) % len(clients)])
            finally:
                self.busy -= 1
            self.answers.append(answer)
            await asyncio.sleep(PAUSES.get(answer.kind, 0.5))
        for client in clients:
            client.close()

    async def hold(self):
        """Nothing is under way any more when this is done."""
        self.is_held = True
        while self.busy:
            await asyncio.sleep(0.01)

    def go_on(self):
        self.is_held = False

    async def stop(self):
        self.is_over = True
        for one in await asyncio.gather(*self.tasks, return_exceptions=True):
            if isinstance(one, BaseException):
                self.wrong.append(f"the load itself: {one!r}")

    def ask(self, client, kind, user, document, is_complete=True):
        return client.ask(kind, "POST", "/graphql", self.tokens.of(user, is_complete), document)

    async def read(self, client):
        user = random.choice(list(self.notes))
        before, _ = self.notes[user]
        answer = await self.ask(client, "read", user, ME)
        if answer.label == "200":
            found = int(answer.body["data"]["me"]["notes"] or 0)
            if not before <= found <= self.tried[user]:
                self.wrong.append(f"{user} wrote {before} and reads {found}")
        return answer

    def write(self, user):
        async def one(client):
            self.tried[user] += 1
            number = self.tried[user]
            answer = await self.ask(client, "write", user, {"query": WRITE, "variables": {"notes": str(number)}})
            if answer.label == "200":
                assert answer.body["data"]["updateProfile"]["user"]["notes"] == str(number), answer.body
                self.notes[user] = number, answer.ended
                self.acknowledged += 1
            return answer

        return one

    async def create(self, client):
        user = f"user_new{next(self.turns)}"
        answer = await self.ask(client, "create", user, ME)
        if answer.label == "200":
            self.created[user] = answer.body["data"]["me"]["id"], answer.ended
            self.acknowledged += 1
        return answer

    async def newcomer(self, client):
        """Somebody whose token is incomplete, so that Clerk is asked."""
        return await self.ask(client, "newcomer", f"user_incomplete{next(self.turns)}", ME, is_complete=False)

    async def delete(self, client):
        """Somebody who is there and goes; who is refused comes again later."""
        is_repeated = bool(self.refused) and random.random() < 0.5
        if is_repeated:
            user = self.refused.pop(0)
        else:
            user = f"user_leaving{next(self.turns)}"
            answer = await self.ask(client, "delete", user, ME)
            if answer.label != "200":
                return answer
        answer = await self.ask(client, "delete", user, DELETE)
        if is_repeated and answer.label == "401 UNAUTHENTICATED":
            # An earlier try, whose answer was lost, did it.
            answer.label = "200"
        if answer.label == "200":
            self.deleted[user] = answer.ended
            self.acknowledged += 1
        else:
            self.refused.append(user)
        return answer

    async def ask_deleted(self, client):
        if not self.deleted:
            await asyncio.sleep(0.05)
            return await self.probe("healthz")(client)
        user = random.choice(list(self.deleted))
        answer = await self.ask(client, "deleted", user, ME)
        if answer.label == "200":
            self.wrong.append(f"{user} was deleted and is back")
        elif answer.label == "401 UNAUTHENTICATED":
            answer.label = "401"
        return answer

    def probe(self, kind):
        async def one(client):
            return await client.ask(kind, "GET", f"/{kind}")

        return one

    async def until_calm(self, since, patience):
        """Every kind was answered rightly after `since`, and for two seconds nothing else was."""
        kinds = set(PAUSES) - {"deleted"} | ({"newcomer"} if self.asks_newcomers else set())
        give_up = since + patience + 4
        while time.monotonic() < give_up:
            await asyncio.sleep(0.1)
            late = [one for one in self.answers if one.begun > since]
            good = {one.kind for one in late if one.label == RIGHT[one.kind]}
            last_bad = max((one.ended for one in self.answers if one.label != RIGHT[one.kind]), default=0)
            if kinds <= good and time.monotonic() - max(last_bad, since) > 2:
                return

    def compare(self, rows, before=float("inf")):
        """What was acknowledged before a moment and is not in the database: `users` as clerk id: (id, notes),
        and the clerk ids under `tombstones`."""
        users, tombstones = rows
        lost = []
        for user, (number, when) in self.notes.items():
            found = int(users.get(user, ("", None))[1] or 0)
            if when < before and found < number:
                lost.append(f"{user}'s notes are {found}, {number} was acknowledged")
        for user, (own, when) in self.created.items():
            if when < before and users.get(user, ("", ""))[0] != own:
                lost.append(f"{user} is gone")
        for user, when in self.deleted.items():
            if when < before and (user in users or user not in tombstones):
                lost.append(f"{user} was deleted and is back")
        return lost

    def forget(self, rows):
        """Goes on from what is there, after a backup was restored that lacks the end."""
        users, tombstones = rows
        now = time.monotonic()
        self.notes = {user: (int(users.get(user, ("", 0))[1] or 0), now) for user in self.notes}
        self.created = {user: one for user, one in self.created.items() if users.get(user, ("",))[0] == one[0]}
        self.deleted = {user: when for user, when in self.deleted.items() if user in tombstones}
