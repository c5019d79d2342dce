// The example for Next.js as people use it: Clerk's own components and middleware, and Apollo Client.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { createClerkClient } from "@clerk/backend";
import { build, enterCode, isIsolated, launch, newPage, picture, reserve, serve, serveExample } from "./support.mjs";

let place, server, application, browser, settings;
before(async () => {
  place = await reserve();
  server = await serve({ frontEnd: place.origin });
  settings = { ...server.env, NEXT_PUBLIC_API_URL: `${server.url}/graphql` };
  const seconds = build(settings);
  console.log(`built in ${seconds} s${isIsolated() ? ", without a network" : ""}`);
  application = await serveExample(place, settings);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await application?.stop();
  await server?.stop();
});

const visit = (options) => newPage(browser, [place.origin, server.url], options);
const goTo = (page, path) => page.goto(`${place.origin}${path}`);
const heading = (page, name) => page.getByRole("heading", { name, exact: true });

/** Types an address and the code of development mode into Clerk's form. */
async function signIn(page, address, path = "/sign-in") {
  await goTo(page, path);
  await page.getByLabel("Email address").fill(address);
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await enterCode(page);
  await heading(page, /^Hello, /).waitFor();
}

async function signOut(page) {
  await page.getByRole("button", { name: "Open user menu" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${place.origin}/`);
}

/** The token of the page's present session. */
const tokenOf = (page) => page.evaluate(() => window.Clerk.session.getToken());

async function ask(token, query) {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, ...(await response.json()) };
}

const clerk = () =>
  createClerkClient({
    secretKey: settings.CLERK_SECRET_KEY,
    publishableKey: settings.NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY,
    apiUrl: settings.CLERK_API_URL,
    telemetry: { disabled: true },
  });

/** Waits for a mistake that is told beside the control of this label, to screen readers too. */
async function mistakeBeside(page, label, text) {
  const control = page.getByLabel(label);
  const described = await control.and(page.locator("[aria-invalid=true]")).getAttribute("aria-describedby");
  await page.locator(`#${described.split(" ")[0]}`).getByText(text).waitFor();
}

/** What axe calls serious or worse. */
async function barriers(page) {
  // The name of Clerk's switcher is not the text it shows; that is for Clerk to change.
  const { violations } = await new AxeBuilder({ page }).exclude(".cl-organizationSwitcherTrigger").analyze();
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}

describe("the example for Next.js", () => {
  let longLived, longLivedToken;

  test("somebody who is signed out is led to the sign-in and back", async () => {
    const page = await visit();
    await signIn(page, "ada@example.com", "/boards");
    assert.equal(page.url(), `${place.origin}/boards`);
    await heading(page, "Hello, Ada Lovelace").waitFor();
    await page.getByRole("link", { name: "Personal" }).waitFor();
    // Left open until the last test.
    longLived = page;
    longLivedToken = await tokenOf(page);
    await picture(page, "boards");
    page.check();
  });

  test("Clerk's own backend SDK accepts the token, in the header and in the cookie", async () => {
    const header = new Request(`${place.origin}/api`, { headers: { authorization: `Bearer ${longLivedToken}` } });
    const byHeader = await clerk().authenticateRequest(header);
    assert.equal(byHeader.isAuthenticated, true, byHeader.message);
    assert.equal(byHeader.toAuth().userId, "user_dev_ada");
    const cookies = await longLived.context().cookies(place.origin);
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    const byCookie = await clerk().authenticateRequest(new Request(place.origin, { headers: { cookie } }));
    assert.equal(byCookie.isAuthenticated, true, byCookie.message);
    // And it belongs to the page it was given to.
    const elsewhere = await clerk().authenticateRequest(header, { authorizedParties: ["http://localhost:1"] });
    assert.equal(elsewhere.isAuthenticated, false);
    const here = await clerk().authenticateRequest(header, { authorizedParties: [place.origin] });
    assert.equal(here.isAuthenticated, true, here.message);
  });

  test("a wrong address and a wrong code are told beside the field", async () => {
    const page = await visit();
    await goTo(page, "/sign-in");
    await page.getByLabel("Email address").fill("nobody@example.com");
    await page.getByRole("button", { name: "Continue", exact: true }).click();
    await page.getByText("There are ada@example.com, grace@example.com").first().waitFor();
    await page.getByLabel("Email address").fill("grace@example.com");
    await page.getByRole("button", { name: "Continue", exact: true }).click();
    await enterCode(page, "111111");
    await page.getByText("In development the code is 424242.").first().waitFor();
    page.check({ mayComplainOf: /422/ });
    await page.context().close();
  });

  test("mistakes in the profile are told beside the field, and a rename is seen by others", async () => {
    const grace = await visit();
    await signIn(grace, "grace@example.com");
    await grace.getByRole("link", { name: "Acme" }).waitFor();
    // Grace manages Acme at Clerk and adds Ada there.
    await grace.evaluate(() => window.Clerk.organization.addMember({ userId: "user_dev_ada", role: "org:member" }));

    const page = longLived;
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByLabel("Time zone").fill("Mars/Base");
    await page.getByRole("button", { name: "Save" }).click();
    const timezone = page.getByLabel("Time zone");
    await page.locator("[aria-invalid=true]").waitFor();
    assert.equal(await timezone.getAttribute("aria-invalid"), "true");
    const described = await timezone.getAttribute("aria-describedby");
    await page.locator(`#${described.split(" ")[0]}`).getByText(/time zone/i).waitFor();
    await picture(page, "settings-mistake");
    await timezone.fill("europe/london");
    await page.getByLabel("Short name").fill("Countess");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();
    await page.getByText("Signed in as Countess").waitFor();
    await page.getByRole("link", { name: "Organizations" }).click();
    await page.getByRole("link", { name: "Acme" }).waitFor();

    await grace.getByRole("link", { name: "Acme" }).click();
    const row = grace.getByRole("listitem").filter({ hasText: "ada@example.com" });
    await row.getByText("Countess").waitFor();
    await row.getByText("Member", { exact: true }).waitFor();
    await picture(grace, "organization");
    grace.check();
    page.check();
    await grace.context().close();
  });

  test("signing out ends the session here at once", async () => {
    const page = await visit();
    await signIn(page, "grace@example.com");
    const token = await tokenOf(page);
    assert.equal((await ask(token, "{ me { id } }")).status, 200);
    await signOut(page);
    assert.equal((await ask(token, "{ me { id } }")).status, 401);
    await page.getByRole("link", { name: "Sign in" }).waitFor();
    await goTo(page, "/boards");
    await page.waitForURL(/\/sign-in/);
    page.check();
    await page.context().close();
  });

  test("the next person sees nothing of the one before, on a page that was never reloaded", async () => {
    const page = await visit();
    await signIn(page, "grace@example.com");
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByText("grace@example.com").waitFor();
    await page.evaluate(() => {
      window.isTheSamePage = true;
    });
    await signOut(page);
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.getByLabel("Email address").fill("ada@example.com");
    await page.getByRole("button", { name: "Continue", exact: true }).click();
    await enterCode(page);
    await heading(page, /^Hello, /).waitFor();
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByLabel("Short name").waitFor();
    assert.equal(await page.getByText("grace@example.com").count(), 0);
    await page.getByText("ada@example.com").waitFor();
    assert.equal(await page.evaluate(() => window.isTheSamePage), true);
    page.check();
    await page.context().close();
  });

  test("somebody new signs up, and deletes the account again", async () => {
    const page = await visit();
    await goTo(page, "/sign-up");
    await page.getByLabel("First name").fill("Mary");
    await page.getByLabel("Last name").fill("Somerville");
    await page.getByLabel("Email address").fill("mary@example.com");
    await page.getByRole("button", { name: "Continue", exact: true }).click();
    await enterCode(page);
    await heading(page, "Hello, Mary Somerville").waitFor();
    const token = await tokenOf(page);
    const { data } = await ask(token, "{ me { email name clerkUserId memberships { totalCount } } }");
    assert.equal(data.me.email, "mary@example.com");
    assert.equal(data.me.memberships.totalCount, 1);
    assert.equal((await clerk().users.getUser(data.me.clerkUserId)).firstName, "Mary");

    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Delete my account" }).click();
    await page.getByRole("heading", { name: "Delete the account of Mary Somerville?" }).waitFor();
    await picture(page, "delete");
    await page.getByRole("button", { name: "Delete it" }).click();
    await page.waitForURL(`${place.origin}/`);
    await page.getByRole("link", { name: "Sign up" }).waitFor();
    assert.equal((await ask(token, "{ me { id } }")).status, 401);
    await assert.rejects(clerk().users.getUser(data.me.clerkUserId), { status: 404 });
    page.check({ mayComplainOf: /401/ });
    await page.context().close();
  });

  test("a revoked session leads to the sign-in", async () => {
    const page = await visit();
    await signIn(page, "grace@example.com");
    const session = await page.evaluate(() => window.Clerk.session.id);
    const revoked = await clerk().sessions.revokeSession(session);
    assert.equal(revoked.status, "revoked");
    // The SDK may notice by itself, before anything is asked of the API.
    await page.getByRole("link", { name: "Settings" }).click({ timeout: 3000 }).catch(() => {});
    await page.waitForURL(/\/sign-in/);
    await page.getByLabel("Email address").waitFor();
    page.check({ mayComplainOf: /401/ });
    await page.context().close();
  });

  test("one sign-in serves GraphiQL and the application", async () => {
    // One browser, one name of the host, two ports.
    const page = await visit();
    const graphiql = await page.another();
    const chosen = (name) => graphiql.getByRole("radio", { name, checked: true });
    const whoAsks = async () => {
      const asked = graphiql.waitForRequest((request) => (request.postData() ?? "").includes("query Welcome"));
      await graphiql.locator(".graphiql-execute-button").click();
      const { data } = await (await (await asked).response()).json();
      return data?.me.displayName;
    };
    // Somebody who signs in in the application is there in GraphiQL.
    await signIn(page, "grace@example.com");
    await graphiql.goto(`${server.url}/`);
    await chosen("Grace Hopper").waitFor();
    await graphiql.locator(".graphiql-query-editor").waitFor();
    assert.equal(await whoAsks(), "Grace Hopper");
    const of = async (one) => JSON.parse(Buffer.from((await tokenOf(one)).split(".")[1], "base64url"));
    const { sid } = await of(page);

    // Somebody who signs out there is signed out here, at once: it is the same session.
    const token = await tokenOf(page);
    await graphiql.getByRole("button", { name: "Sign out" }).click();
    await graphiql.getByRole("radio", { checked: true }).waitFor({ state: "detached" });
    assert.equal((await ask(token, "{ me { id } }")).status, 401);
    await page.getByRole("link", { name: "Settings" }).click({ timeout: 3000 }).catch(() => {});
    await page.waitForURL(/\/sign-in/);

    // Somebody chosen in GraphiQL is signed in in the application.
    await graphiql.getByRole("radio", { name: "Alan Turing" }).check();
    await chosen("Alan Turing").waitFor();
    assert.equal(await whoAsks(), "Alan Turing");
    await goTo(page, "/boards");
    await heading(page, "Hello, Alan Turing").waitFor();
    assert.notEqual((await of(page)).sid, sid);

    // Who comes back to GraphiQL sees who is signed in by now. Without a screen every page has the focus
    // all the time, so it has to be told.
    await page.evaluate(() => window.Clerk.signOut({ redirectUrl: "/" }));
    await page.waitForURL(`${place.origin}/`);
    await graphiql.evaluate(() => dispatchEvent(new Event("focus")));
    await graphiql.getByRole("radio", { checked: true }).waitFor({ state: "detached" });
    await signIn(page, "ada@example.com");
    await graphiql.evaluate(() => dispatchEvent(new Event("focus")));
    await chosen("Ada Lovelace").waitFor();
    assert.equal(await whoAsks(), (await ask(await tokenOf(page), "{ me { displayName } }")).data.me.displayName);

    // And the other way round: who signs out in the application is signed out in GraphiQL.
    await signOut(page);
    assert.equal(await whoAsks(), undefined);
    await graphiql.getByText("The server refused this token").waitFor();
    await graphiql.getByRole("radio", { checked: true }).waitFor({ state: "detached" });
    page.check({ mayComplainOf: /401/ });
    await page.context().close();
  });

  test("an organization is made, worked in and left in Clerk's own switcher", async () => {
    const page = await visit();
    await signIn(page, "grace@example.com");
    await page.getByRole("button", { name: /organization switcher/i }).click();
    await page.getByRole("button", { name: "Create organization" }).click();
    const form = page.getByRole("dialog").filter({ has: heading(page, "Create organization") });
    await form.getByLabel("Name", { exact: true }).fill("Analytical Engines");
    await form.getByRole("button", { name: "Create organization" }).click();
    const made = () => page.evaluate(() => window.Clerk.organization?.slug);
    await page.waitForFunction(() => window.Clerk.organization?.slug === "analytical-engines");
    assert.equal(await made(), "analytical-engines");
    const claims = JSON.parse(Buffer.from((await tokenOf(page)).split(".")[1], "base64url"));
    assert.deepEqual([claims.o.slg, claims.o.rol], ["analytical-engines", "admin"]);
    await goTo(page, "/boards");
    await page.getByRole("link", { name: "Analytical Engines" }).waitFor();
    await page.evaluate(() => window.Clerk.organization.destroy());
    await page.reload();
    await page.getByRole("link", { name: "Acme" }).waitFor();
    assert.equal(await page.getByRole("link", { name: "Analytical Engines" }).count(), 0);
    page.check();
    await page.context().close();
  });

  test("somebody is invited, signs up by the link, accepts and is a member", async () => {
    const ada = await visit();
    await signIn(ada, "ada@example.com");
    await ada.getByRole("button", { name: "Create", exact: true }).click();
    await mistakeBeside(ada, "New organization", /1 to 120 characters/);
    await ada.getByLabel("New organization").fill("Difference Engines");
    await ada.getByRole("button", { name: "Create", exact: true }).click();
    await heading(ada, "Difference Engines").waitFor();

    const invite = async (address, role) => {
      await ada.getByLabel("E-mail address").fill(address);
      await ada.getByLabel("Role").selectOption(role);
      await ada.getByRole("button", { name: "Invite" }).click();
    };
    await invite("nobody", "Member");
    await mistakeBeside(ada, "E-mail address", "This is no e-mail address.");
    await invite("Ada@example.com", "Member");
    await mistakeBeside(ada, "E-mail address", "A member of the organization has this address already.");
    await picture(ada, "invite-mistake");
    const linkFor = (address) => ada.getByRole("group", { name: `Link for ${address}` }).getByRole("textbox").inputValue();
    await invite("charles@example.com", "Member");
    const withdrawn = await linkFor("charles@example.com");
    await invite("Emmy@Example.com", "Admin");
    const link = await linkFor("emmy@example.com");
    assert.ok(link.startsWith(`${place.origin}/invitations?token=`), link);
    await ada.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: place.origin });
    await ada.getByRole("group", { name: "Link for emmy@example.com" }).getByRole("button", { name: "Copy" }).click();
    await ada.getByText("Copied.").waitFor();
    assert.equal(await ada.evaluate(() => navigator.clipboard.readText()), link);
    assert.deepEqual(await barriers(ada), [], "invitations of an organization");
    await picture(ada, "invitations", { fullPage: true });
    await ada.getByRole("button", { name: "Withdraw the invitation of charles@example.com" }).click();
    await ada.getByText("charles@example.com").first().waitFor({ state: "detached" });
    await heading(ada, "Invitations 1").waitFor();

    // A link that was passed on helps nobody else; nor do the links of before once the page is left.
    const grace = await visit();
    await signIn(grace, "grace@example.com");
    await grace.goto(link);
    await grace.getByText("Nothing is open for grace@example.com.").waitFor();
    await grace.getByRole("button", { name: "Accept the invitation" }).click();
    await grace.getByRole("alert").filter({ hasText: "That did not work." }).waitFor();
    assert.equal((await ask(await tokenOf(grace), "{ me { memberships { nodes { organization { name } } } } }")).data.me
      .memberships.nodes.some(({ organization }) => organization.name === "Difference Engines"), false);
    grace.check();
    await grace.context().close();
    await ada.reload();
    await ada.getByText("emmy@example.com").waitFor();
    assert.equal(await ada.getByRole("group", { name: /^Link for/ }).count(), 0);

    // Emmy has a telephone and no account yet.
    const emmy = await visit({ viewport: { width: 390, height: 844 }, colorScheme: "dark" });
    await emmy.goto(link);
    await emmy.waitForURL(/\/sign-in/);
    await emmy.getByRole("link", { name: "Sign up" }).click();
    await emmy.getByLabel("First name").fill("Emmy");
    await emmy.getByLabel("Last name").fill("Noether");
    await emmy.getByLabel("Email address").fill("emmy@example.com");
    await emmy.getByRole("button", { name: "Continue", exact: true }).click();
    await enterCode(emmy);
    await emmy.waitForURL(link);
    const open = emmy.getByRole("list", { name: "Open invitations" }).getByRole("listitem");
    await open.filter({ hasText: "Difference Engines" }).getByText("Admin", { exact: true }).waitFor();
    assert.deepEqual(await barriers(emmy), [], "my invitations");
    await picture(emmy, "my-invitations-dark");
    await goTo(emmy, "/boards");
    await emmy.getByText("You are invited to Difference Engines.").waitFor();
    await picture(emmy, "invited-dark");
    await emmy.getByRole("link", { name: "See invitations" }).click();
    await emmy.getByLabel("Link or token").fill(withdrawn);
    await emmy.getByRole("button", { name: "Accept the invitation" }).click();
    await emmy.getByText("There is no such open invitation").waitFor();
    await emmy.getByLabel("Link or token").fill(` ${link} `);
    await emmy.getByRole("button", { name: "Accept the invitation" }).click();
    await heading(emmy, "Difference Engines").waitFor();
    await emmy.getByRole("listitem").filter({ hasText: "Emmy Noether" }).getByText("Admin", { exact: true }).waitFor();
    // An admin gives no role above the own.
    assert.deepEqual(await emmy.getByLabel("Role").locator("option").allTextContents(), ["Member", "Admin"]);
    assert.deepEqual(await barriers(emmy), [], "organization");
    await picture(emmy, "invitations-dark");
    assert.equal(await emmy.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);

    await ada.reload();
    const row = ada.getByRole("listitem").filter({ hasText: "emmy@example.com" });
    await row.getByText("Emmy Noether").waitFor();
    await heading(ada, "Members 2").waitFor();
    await heading(ada, "Invitations 0").waitFor();
    ada.check();
    emmy.check();
    await ada.context().close();
    await emmy.context().close();
  });

  test("nothing is in the way of a keyboard or a screen reader, on a telephone and in the dark", async () => {
    for (const options of [{}, { viewport: { width: 390, height: 844 }, colorScheme: "dark" }]) {
      const name = options.colorScheme ?? "light";
      const page = await visit(options);
      await goTo(page, "/");
      await page.getByRole("link", { name: "Sign in" }).waitFor();
      assert.deepEqual(await barriers(page), [], "start");
      await picture(page, `start-${name}`);
      await goTo(page, "/sign-in");
      await page.getByLabel("Email address").waitFor();
      assert.deepEqual(await barriers(page), [], "sign-in");
      await picture(page, `sign-in-${name}`);
      await signIn(page, "grace@example.com");
      assert.deepEqual(await barriers(page), [], "boards");
      await picture(page, `boards-${name}`);
      await page.getByRole("link", { name: "Acme" }).click();
      await heading(page, "Acme").waitFor();
      await page.getByText("grace@example.com").waitFor();
      assert.deepEqual(await barriers(page), [], "organization");
      await picture(page, `organization-${name}`);
      await goTo(page, "/settings");
      await page.getByLabel("Short name").waitFor();
      assert.deepEqual(await barriers(page), [], "settings");
      await picture(page, `settings-${name}`);
      const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.equal(tooWide, false);
      page.check();
      await page.context().close();
    }
  });

  test("a token that ran out is renewed, and nobody notices", async () => {
    const page = longLived;
    const { iat, exp } = JSON.parse(Buffer.from(longLivedToken.split(".")[1], "base64url"));
    assert.equal(exp - iat, 60);
    // Ten seconds of leeway after its end, and one more.
    await page.waitForTimeout(Math.max(0, (exp + 11) * 1000 - Date.now()));
    assert.equal((await ask(longLivedToken, "{ me { id } }")).status, 401);
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByText("Signed in as Countess").waitFor();
    assert.notEqual(await tokenOf(page), longLivedToken);
    // A page opened with an old cookie, as after a night's sleep, fetches a new one on its way.
    const context = page.context();
    const kept = (await context.cookies(place.origin)).filter(({ name }) => name.startsWith("__session"));
    assert.equal(kept.length, 2);
    await page.close();
    await context.addCookies(kept.map((cookie) => ({ ...cookie, value: longLivedToken })));
    const again = await context.newPage();
    await goTo(again, "/boards");
    await heading(again, "Hello, Countess").waitFor();
    page.check();
    await context.close();
  });
});
