// The GraphiQL page in a real Chromium, against a real server.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import {
  CLERK_SETTINGS, EMBEDDED, LOCAL_TOKEN, PLAIN, launch, newPage, open, publishableKey, run, serve,
  sessionToken, standInForCdn, write,
} from "./support.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Keeps a picture when a directory for pictures is given. */
async function picture(page, name) {
  const directory = process.env.SCREENSHOTS;
  if (directory) await page.screenshot({ path: path.join(directory, `${name}.png`) });
}

/** A proxy that hands on what lies below the path, without the path, and knows nothing else. */
function stripping(t, prefix, server) {
  return new Promise((resolve) => {
    const proxy = http.createServer((request, response) => {
      if (!request.url.startsWith(`${prefix}/`)) {
        response.writeHead(404).end();
        return;
      }
      const { method, headers } = request;
      const onward = http.request(server.url + request.url.slice(prefix.length), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    proxy.listen(0, "127.0.0.1", () => {
      t.after(() => proxy.close());
      resolve({ url: `http://127.0.0.1:${proxy.address().port}` });
    });
  });
}

const tab = (page, name) => page.getByRole("tab", { name, exact: true });
const noticeOf = (page) => page.locator("#notice:not([hidden])");

describe("development mode", () => {
  test("the first query works at once, with nothing from any other host", async (t) => {
    const server = await serve(t, EMBEDDED, "dev");
    const page = await newPage(t, browser, server);
    await open(page, server);
    assert.equal(await page.locator("#mode").textContent(), "Development");
    assert.equal(await page.locator("#mode").evaluate((badge) => getComputedStyle(badge).backgroundColor), "rgb(245, 165, 36)");
    await page.getByRole("radio", { name: "Ada Lovelace", checked: true }).waitFor();
    const answer = await run(page);
    assert.equal(answer.data.serverInfo.authMode, "DEVELOPMENT");
    assert.equal(answer.data.me.email, "ada@example.com");
    page.check();
  });

  test("the page works under the other name of this machine", async (t) => {
    const { url } = await serve(t, EMBEDDED, "dev");
    const server = { url: url.replace("127.0.0.1", "localhost") };
    const page = await newPage(t, browser, server);
    await open(page, server);
    assert.equal((await run(page)).data.me.email, "ada@example.com");
    page.check();
  });

  test("another person is chosen with one click, and remembered", async (t) => {
    const server = await serve(t, EMBEDDED, "dev");
    const page = await newPage(t, browser, server);
    await open(page, server);
    await page.getByRole("radio", { name: "Grace Hopper" }).check();
    const { me } = (await run(page)).data;
    assert.equal(me.displayName, "Grace Hopper");
    assert.ok(me.memberships.nodes.some(({ organization }) => organization.name === "Acme"));
    await open(page, server);
    await page.getByRole("radio", { name: "Grace Hopper", checked: true }).waitFor();
    page.check();
  });

  test("a profile is edited, and a mistake in it is told", async (t) => {
    const server = await serve(t, EMBEDDED, "dev");
    const page = await newPage(t, browser, server);
    await open(page, server);
    await tab(page, "EditProfile").click();
    const { updateProfile } = (await run(page)).data;
    assert.deepEqual(updateProfile.userErrors, []);
    assert.equal(updateProfile.user.timezone, "Europe/London");
    await write(page, 'mutation { updateProfile(input: {timezone: "Mars/Base"}) { userErrors { code } } }');
    assert.deepEqual((await run(page)).data.updateProfile.userErrors, [{ code: "UNKNOWN_TIMEZONE" }]);
    await tab(page, "Welcome").click();
    const { me } = (await run(page)).data;
    assert.equal(me.displayName, "Captain");
    assert.equal(me.timezone, "Europe/London");
    page.check();
  });

  test("an error is shown with its code", async (t) => {
    const server = await serve(t, EMBEDDED, "dev");
    const page = await newPage(t, browser, server, { mayComplain: true });
    await open(page, server);
    await write(page, "{ me { shoeSize } }");
    const answer = await run(page);
    assert.equal(answer.errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
    assert.ok(!("data" in answer));
    await page.locator(".result-window").getByText("GRAPHQL_VALIDATION_FAILED").waitFor();
    await picture(page, "error");
    page.check();
  });

  test("signed out stays signed out, and the page says what to do about a 401", async (t) => {
    const server = await serve(t, EMBEDDED, "dev");
    const page = await newPage(t, browser, server, { mayComplain: true });
    await open(page, server);
    await page.getByRole("button", { name: "Sign out" }).click();
    const refused = await run(page);
    assert.equal(refused.status, 401);
    assert.equal(refused.errors[0].extensions.code, "UNAUTHENTICATED");
    assert.equal(refused.headers.authorization, undefined);
    await noticeOf(page).getByText("Not signed in.").waitFor();
    await picture(page, "signed-out");
    await open(page, server);
    assert.equal(await page.getByRole("radio", { checked: true }).count(), 0);
    assert.equal((await run(page)).status, 401);
    await page.getByRole("radio", { name: "Alan Turing" }).check();
    assert.equal((await run(page)).data.me.email, null);
    assert.equal(await noticeOf(page).count(), 0);
    page.check();
  });

  test("the token is renewed before it ends", async (t) => {
    const server = await serve(t, EMBEDDED, "dev");
    const page = await newPage(t, browser, server);
    await page.clock.install();
    const tokens = [];
    page.on("response", async (response) => {
      if (response.url().endsWith("/tokens")) tokens.push((await response.json()).jwt);
    });
    await open(page, server);
    const number = page.locator(".countdown .number");
    await number.getByText(/^(5\d|60) s$/).waitFor();
    const before = (await run(page)).headers.authorization;
    const renewed = page.waitForResponse("**/tokens");
    await page.clock.fastForward(52_000);
    await renewed;
    await number.getByText(/^(5\d|60) s$/).waitFor();
    const afterwards = (await run(page)).headers.authorization;
    assert.notEqual(afterwards, before);
    assert.deepEqual([before, afterwards], tokens.map((token) => `Bearer ${token}`));
    page.check();
  });

  test("the documentation of the schema can be read", async (t) => {
    const server = await serve(t, EMBEDDED, "dev");
    const page = await newPage(t, browser, server);
    await open(page, server);
    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    const docs = page.locator(".graphiql-plugin");
    await docs.getByRole("link", { name: "Query", exact: true }).click();
    await docs.getByText("The signed-in user.", { exact: false }).waitFor();
    await picture(page, "docs");
    page.check();
  });

  test("a server that is gone is told as such", async (t) => {
    const server = await serve(t, EMBEDDED, "dev");
    const page = await newPage(t, browser, server, { mayComplain: true });
    await open(page, server);
    await page.getByRole("radio", { name: "Ada Lovelace", checked: true }).waitFor();
    await run(page);
    await server.stop();
    await page.locator(".graphiql-execute-button").click();
    await page.locator(".result-window").getByText("The server does not answer.", { exact: false }).waitFor();
    page.check();
  });

  test("the page fits the screen, in both colour schemes", async (t) => {
    const server = await serve(t, EMBEDDED, "dev");
    for (const [width, height] of [[1280, 800], [420, 800]]) {
      for (const colorScheme of ["light", "dark"]) {
        const page = await newPage(t, browser, server, { viewport: { width, height }, colorScheme });
        await open(page, server);
        await run(page);
        const name = `${width}-${colorScheme}`;
        await picture(page, name);
        const outside = await page.evaluate(() => {
          const parts = document.querySelectorAll(".bar *, .graphiql-execute-button, .result-window");
          return [...parts]
            .filter((part) => {
              const { left, right, bottom } = part.getBoundingClientRect();
              return left < 0 || right > innerWidth || bottom > innerHeight;
            })
            .map((part) => part.outerHTML.slice(0, 80));
        });
        assert.deepEqual(outside, [], name);
        await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
        await page.locator(".graphiql-plugin").getByText("mutation", { exact: true }).waitFor();
        await picture(page, `${name}-docs`);
        page.check();
      }
    }
  });
});

describe("a build without GraphiQL inside", () => {
  const CDN = { hosts: ["cdn.jsdelivr.net"] };

  test("loads exactly the pinned files from the CDN", async (t) => {
    const server = await serve(t, PLAIN, "dev");
    const page = await newPage(t, browser, server, CDN);
    const asked = await standInForCdn(page);
    await open(page, server);
    assert.equal((await run(page)).data.me.email, "ada@example.com");
    assert.deepEqual(asked.sort(), [
      "/npm/graphiql@4.1.2/graphiql.min.css",
      "/npm/graphiql@4.1.2/graphiql.min.js",
      "/npm/react-dom@18.3.1/umd/react-dom.production.min.js",
      "/npm/react@18.3.1/umd/react.production.min.js",
    ]);
    page.check();
  });

  test("says what to do when the CDN cannot be reached", async (t) => {
    const server = await serve(t, PLAIN, "dev");
    const page = await newPage(t, browser, server, { ...CDN, mayComplain: true });
    await page.route("https://cdn.jsdelivr.net/**", (route) => route.abort("connectionrefused"));
    await page.goto(server.url);
    const help = page.getByRole("alert");
    await help.getByText("GraphiQL could not be loaded").waitFor();
    await help.getByText("--features embedded-ui", { exact: false }).waitFor();
    await help.getByText(`${server.url}/graphql`).waitFor();
    await picture(page, "no-cdn");
    page.check();
  });

  test("runs no file that is not the published one", async (t) => {
    for (const tampered of ["graphiql.min.js", "graphiql.min.css", "react.production.min.js"]) {
      const server = await serve(t, PLAIN, "dev");
      const page = await newPage(t, browser, server, { ...CDN, mayComplain: true });
      await standInForCdn(page, {
        tamper: (file) => (file.endsWith(`/${tampered}`) ? "window.tampered = true;" : null),
      });
      await page.goto(server.url);
      await page.getByRole("alert").getByText("GraphiQL could not be loaded").waitFor();
      assert.equal(await page.evaluate(() => window.tampered), undefined, tampered);
      page.check();
    }
  });

  test("says so when the CDN takes long, and goes on when it answers", async (t) => {
    const server = await serve(t, PLAIN, "dev");
    const page = await newPage(t, browser, server, CDN);
    await page.clock.install();
    let release;
    const released = new Promise((resolve) => {
      release = resolve;
    });
    await standInForCdn(page);
    await page.route("https://cdn.jsdelivr.net/**/graphiql.min.js", async (route) => {
      await released;
      await route.fallback();
    });
    await page.goto(server.url, { waitUntil: "domcontentloaded" });
    await page.getByRole("radio", { name: "Ada Lovelace", checked: true }).waitFor();
    await page.clock.fastForward(9000);
    await page.getByRole("alert").getByText("taking long").waitFor();
    release();
    await page.locator(".graphiql-container").waitFor();
    page.check();
  });
});

describe("modes with tokens of their own", () => {
  test("local mode takes the shared token and keeps it nowhere", async (t) => {
    const server = await serve(t, EMBEDDED, "serve", { AUTH_MODE: "local", LOCAL_AUTH_TOKEN: LOCAL_TOKEN });
    const page = await newPage(t, browser, server, { mayComplain: true });
    await open(page, server);
    assert.equal(await page.locator("#mode").textContent(), "Local");
    assert.equal((await run(page)).data.serverInfo.authMode, "LOCAL");
    await tab(page, "Me").click();
    assert.equal((await run(page)).status, 401);
    await noticeOf(page).getByText("Not signed in. Paste the LOCAL_AUTH_TOKEN").waitFor();
    await picture(page, "local");
    await page.getByLabel("Token").fill(`Bearer ${LOCAL_TOKEN}`);
    await page.getByLabel("Token").press("Enter");
    assert.equal((await run(page)).data.me.displayName, "Local User");
    assert.equal(await page.locator(".countdown:not([hidden])").count(), 0);
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.ok(!kept.includes(LOCAL_TOKEN));
    await page.getByRole("button", { name: "Forget" }).click();
    assert.equal((await run(page)).status, 401);
    page.check();
  });

  test("the page works below a path that a proxy takes off", async (t) => {
    const server = await serve(t, EMBEDDED, "serve", { AUTH_MODE: "local", LOCAL_AUTH_TOKEN: LOCAL_TOKEN });
    const proxy = await stripping(t, "/users/api", server);
    const page = await newPage(t, browser, proxy);
    await open(page, { url: `${proxy.url}/users/api/` });
    await write(page, "{ serverInfo { authMode } }");
    assert.equal((await run(page)).data.serverInfo.authMode, "LOCAL");
    page.check();
  });

  test("clerk mode without a publishable key takes a session token and counts down", async (t) => {
    const server = await serve(t, EMBEDDED, "serve", CLERK_SETTINGS);
    const page = await newPage(t, browser, server, { mayComplain: true });
    await page.clock.install();
    await open(page, server);
    assert.equal((await run(page)).data.serverInfo.authMode, "CLERK");
    await page.getByLabel("Token").fill("a token with blanks");
    await page.getByRole("button", { name: "Use" }).click();
    await noticeOf(page).getByText("copy it again").waitFor();
    await page.getByLabel("Token").fill(sessionToken());
    await page.getByRole("button", { name: "Use" }).click();
    await page.getByText("Zoë Ångström").waitFor();
    const number = page.locator(".countdown .number");
    await number.getByText(/^(5\d|60) s$/).waitFor();
    await picture(page, "token");
    await tab(page, "Me").click();
    assert.equal((await run(page)).data.me.displayName, "Zoë Ångström");
    await page.clock.fastForward(61_000);
    await number.getByText("expired").waitFor();
    await picture(page, "token-expired");
    await page.setViewportSize({ width: 420, height: 800 });
    await picture(page, "token-expired-420");
    await page.getByRole("button", { name: "Forget" }).click();
    await picture(page, "token-field-420");
    page.check();
  });

  test("clerk mode with a publishable key signs in with Clerk's script, from its host alone", async (t) => {
    const host = "clerk.example.com";
    const settings = { ...CLERK_SETTINGS, CLERK_PUBLISHABLE_KEY: publishableKey(host) };
    const server = await serve(t, EMBEDDED, "serve", settings);
    const page = await newPage(t, browser, server, { hosts: [host] });
    await page.exposeFunction("signedToken", () => sessionToken());
    const script = fs.readFileSync(path.join(import.meta.dirname, "clerk-stand-in.js"));
    await page.route(`https://${host}/npm/@clerk/clerk-js@6/dist/clerk.browser.js`, (route) =>
      route.fulfill({ body: script, contentType: "application/javascript", headers: { "access-control-allow-origin": "*" } }));
    await open(page, server);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Zoë Ångström").waitFor();
    await tab(page, "Me").click();
    assert.equal((await run(page)).data.me.displayName, "Zoë Ångström");
    await page.locator(".countdown .number").getByText(/^\d+ s$/).waitFor();
    await picture(page, "clerk");
    assert.deepEqual(await page.evaluate(() => window.Clerk.asked), {
      publishableKey: settings.CLERK_PUBLISHABLE_KEY,
      load: { telemetry: false },
      signIn: { signInForceRedirectUrl: `${server.url}/`, signUpForceRedirectUrl: `${server.url}/` },
    });
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    page.check();
  });

  test("a Clerk that cannot be reached does not keep GraphiQL from working", async (t) => {
    const host = "clerk.example.com";
    const settings = { ...CLERK_SETTINGS, CLERK_PUBLISHABLE_KEY: publishableKey(host) };
    const server = await serve(t, EMBEDDED, "serve", settings);
    const page = await newPage(t, browser, server, { hosts: [host], mayComplain: true });
    await page.route(`https://${host}/**`, (route) => route.abort("connectionrefused"));
    await open(page, server);
    await noticeOf(page).getByText("clerk.example.com").waitFor();
    assert.equal((await run(page)).data.serverInfo.authMode, "CLERK");
    page.check();
  });
});
