// A Clerk that nobody here wrote: npm `emulate`, started by a test.

import { join } from "node:path";
import { freePort, startProgram, temporaryDirectory } from "./server.mjs";

const program = join(import.meta.dirname, "../node_modules/.bin/emulate");

/** Starts it on a port of its own. */
export async function startClerk() {
  const port = await freePort();
  const directory = await temporaryDirectory();
  const url = `http://127.0.0.1:${port}`;
  const secretKey = "sk_test_emulate";
  const running = await startProgram(process.execPath, [program, "--service", "clerk", "--port", String(port)], {
    cwd: directory.path,
    env: { PATH: process.env.PATH },
    ready: `${url}/v1/jwks`,
  }).catch(async (error) => {
    await directory.remove();
    throw error;
  });

  /** Calls its Backend API. */
  const call = async (method, path, body) => {
    const reply = await fetch(`${url}/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${secretKey}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    return { status: reply.status, body: await reply.json() };
  };
  return {
    call,
    /** What a server needs to take it for Clerk. */
    settings: { AUTH_MODE: "clerk", CLERK_SECRET_KEY: secretKey, CLERK_API_URL: url },
    /** What its tokens call themselves. */
    issuer: `http://localhost:${port}`,
    /** Signs somebody up. */
    createUser: async (user = {}) => (await call("POST", "users", user)).body,
    /** Begins a session of a user; answers a function that mints its tokens. */
    async signIn(userId) {
      const { body: session } = await call("POST", "sessions", { user_id: userId });
      return async () => (await call("POST", `sessions/${session.id}/tokens`)).body.jwt;
    },
    async stop() {
      await running.stop().finally(directory.remove);
    },
  };
}
