// The page around GraphiQL: who is signed in, and the token that every request carries. Plain browser
// JavaScript; GraphiQL and React come as global objects from the files that the configuration names.

const configuration = JSON.parse(document.getElementById("configuration").textContent);

const MODES = {
  development: { label: "Development", about: "Anybody on this machine can sign in as anyone." },
  clerk: { label: "Clerk", about: "Session tokens come from Clerk." },
  local: { label: "Local", about: "One shared token, one user." },
};

/** How long to wait for a file before saying so. */
const PATIENCE = 8000;

// Small tools ------------------------------------------------------------------------------------

/** Makes an element. Text is always text: nothing here is parsed as HTML. */
function element(name, properties = {}, ...children) {
  const { dataset, attributes, ...rest } = properties;
  const made = Object.assign(document.createElement(name), rest);
  Object.assign(made.dataset, dataset);
  for (const [key, value] of Object.entries(attributes ?? {})) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** What a token says about itself; nothing when it is no JWT. It is only shown, never trusted. */
function claimsOf(token) {
  const parts = token.split(".");
  if (parts.length !== 3) return null;
  try {
    const bytes = Uint8Array.from(
      atob(parts[1].replaceAll("-", "+").replaceAll("_", "/")),
      (character) => character.charCodeAt(0),
    );
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === "object" ? claims : null;
  } catch {
    return null;
  }
}

const notice = {
  place: document.getElementById("notice"),
  /** Says something under the bar, until it is closed or no longer true. */
  show(text, about) {
    const close = element("button", {
      type: "button",
      className: "close",
      textContent: "×",
      attributes: { "aria-label": "Close" },
      onclick: () => this.clear(),
    });
    this.place.replaceChildren(element("span", { textContent: text }), close);
    this.place.dataset.about = about;
    this.place.hidden = false;
  },
  /** Takes it back; `about` spares what is about something else. */
  clear(about) {
    if (about === undefined || this.place.dataset.about === about) this.place.hidden = true;
  },
};

/** The time a token has left, as a ring and a number. */
function countdown() {
  const number = element("span", { className: "number" });
  const ring = element("span", { className: "ring", attributes: { "aria-hidden": "true" } });
  const place = element("span", { className: "countdown", hidden: true }, ring, number);
  return {
    place,
    /** Shows milliseconds out of milliseconds; nothing for a token that says nothing of its end. */
    show(left, lifetime) {
      place.hidden = left === null;
      if (left === null) return;
      const seconds = Math.max(0, Math.ceil(left / 1000));
      const minutes = Math.floor(seconds / 60);
      number.textContent =
        seconds === 0 ? "expired" : minutes > 1 ? `${minutes} min` : `${seconds} s`;
      place.dataset.state = seconds === 0 ? "over" : seconds <= 10 ? "short" : "fine";
      place.title = seconds === 0 ? "The token has expired." : `The token is valid for ${seconds} s.`;
      ring.style.setProperty("--left", String(Math.min(1, Math.max(0, left / lifetime))));
    },
  };
}

/** The first letters of a name. */
function initials(name) {
  const words = name.trim().split(/\s+/);
  return [words[0], words.length > 1 ? words.at(-1) : ""]
    .map((word) => [...word][0] ?? "")
    .join("")
    .toUpperCase();
}

const HUES = [262, 168, 330, 205, 18, 110, 290, 45];

/** A colour that stays with a text. */
function hueOf(text) {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)) % 1009;
  return HUES[sum % HUES.length];
}

/** The first letters in a circle. */
function avatar(name, hue) {
  const made = element("span", {
    className: "avatar",
    textContent: initials(name),
    attributes: { "aria-hidden": "true" },
  });
  made.style.setProperty("--hue", String(hue));
  return made;
}

/** Runs `work` now and every second. */
function everySecond(work) {
  work();
  setInterval(work, 1000);
}

// Signing in: each way answers { token(), refused } and draws itself into the bar -------------------

const place = document.getElementById("session");

/**
 * Development mode: choose a person. That signs in at the stand-in for Clerk just as Clerk's own SDK does, so
 * this page and the front ends at the same host name have one sign-in: whoever signs in or out in one of them
 * does so in all. Tokens are renewed while somebody is looking.
 */
function developmentSession() {
  const CODE = "424242";
  const RENEW_BEFORE = 10_000;
  const USABLE = 3_000;
  const RETRY = 5_000;
  const clock = countdown();
  let people = [];
  let signedIn = null; // the session at the stand-in: { id, user: { id } }
  let held = null; // { token, until, lifetime }
  let renewing = null;
  let retryAt = 0;

  const list = element("div", {
    className: "people",
    attributes: { role: "radiogroup", "aria-label": "Signed in as" },
  });
  const signOut = element("button", {
    type: "button",
    className: "plain",
    textContent: "Sign out",
    onclick: () => change(() => ask("DELETE", "client/sessions")),
  });
  place.replaceChildren(clock.place, list, signOut);

  function draw() {
    for (const input of list.querySelectorAll("input")) input.checked = input.value === signedIn?.user?.id;
    signOut.disabled = signedIn === null;
    clock.show(held && held.until - performance.now(), held?.lifetime);
  }

  function drawPeople() {
    list.replaceChildren(
      ...people.map((person, index) => {
        const { id, name, email, organization } = person;
        const input = element("input", {
          type: "radio",
          name: "person",
          value: id,
          attributes: { "aria-label": name },
          onchange: () => change(() => signIn(person)),
        });
        const [first, ...others] = name.split(" ");
        return element(
          "label",
          { title: [name, email ?? "no e-mail address", organization].filter(Boolean).join("\n") },
          input,
          avatar(name, HUES[index % HUES.length]),
          element("span", { className: "name" }, first, element("span", { className: "surname", textContent: ` ${others.join(" ")}` })),
        );
      }),
    );
  }

  /** Asks Clerk's Frontend API, in its way: forms go in. */
  async function ask(method, path, form) {
    const response = await fetch(`dev/clerk/v1/${path}`, { method, body: form && new URLSearchParams(form) });
    const answer = await response.json();
    if (response.ok) return answer;
    const [fault] = answer.errors ?? [];
    throw new Error(fault?.long_message ?? fault?.message ?? `status ${response.status}`);
  }

  /** One browser has one session at a time. */
  async function signIn({ identifier }) {
    notice.clear();
    await ask("DELETE", "client/sessions");
    const strategy = identifier.includes("@") ? "email_code" : "phone_code";
    const { response: attempt } = await ask("POST", "client/sign_ins", { identifier, strategy });
    await ask("POST", `client/sign_ins/${attempt.id}/attempt_first_factor`, { strategy, code: CODE });
  }

  /** Reads who there is and who is signed in; `null` when this browser never signed in. */
  async function look() {
    const response = await fetch("dev/people");
    const known = (await response.json()).people;
    if (JSON.stringify(known) !== JSON.stringify(people)) {
      people = known;
      drawPeople();
    }
    const { response: client } = await ask("GET", "client");
    const found = client?.sessions.find(({ id }) => id === client.last_active_session_id) ?? null;
    if (found?.id !== signedIn?.id) held = null;
    signedIn = found;
    draw();
    return client;
  }

  /** Does one thing after the other, so that the last choice counts; what fails is said. */
  let changing = Promise.resolve();
  function change(work) {
    changing = changing
      .then(work)
      .then(look)
      .then(() => {
        notice.clear("session");
        tick();
      })
      .catch(async (error) => {
        say("Signing in or out failed", error);
        await look().catch(draw);
      });
    return changing;
  }

  function say(what, error) {
    notice.show(`${what}: ${error instanceof TypeError ? "the server does not answer" : error.message}.`, "session");
  }

  /** One request at a time; an answer for a session that is over comes too late. */
  function renew() {
    renewing ??= mint(signedIn).finally(() => {
      renewing = null;
      draw();
    });
    return renewing;
  }

  async function mint(session) {
    const asked = performance.now();
    try {
      const { jwt } = await ask("POST", `client/sessions/${session.id}/tokens`);
      if (signedIn?.id !== session.id) return;
      const { iat, exp } = claimsOf(jwt);
      const lifetime = (exp - iat) * 1000;
      held = { token: jwt, until: asked + lifetime, lifetime };
      notice.clear("session");
    } catch (error) {
      if (signedIn?.id !== session.id) return;
      retryAt = performance.now() + RETRY;
      // Most often it ended elsewhere, which is no fault.
      await look().catch(() => {});
      if (signedIn?.id === session.id) say("There is no token", error);
    }
  }

  function tick() {
    const now = performance.now();
    const isDue = held === null || held.until - now < RENEW_BEFORE;
    if (signedIn !== null && isDue && !document.hidden && now >= retryAt) void renew();
    draw();
  }

  async function begin() {
    // The first visit signs in, so that the first query works; whoever signed out stays so.
    if ((await look()) === null && people.length > 0) await signIn(people[0]);
  }

  void change(begin).then(() => everySecond(tick));
  // Another page may have signed in or out in the meantime.
  addEventListener("focus", () => change(() => {}));
  document.addEventListener("visibilitychange", () => !document.hidden && change(() => {}));
  draw();

  return {
    refused(hadToken) {
      if (hadToken) void change(() => {});
      return hadToken
        ? "The server refused this token; most often its session has ended. Choose a person at the top of this page."
        : "Not signed in. Choose a person at the top of this page.";
    },
    async token() {
      await changing;
      if (signedIn === null) return null;
      if (held === null || held.until - performance.now() < USABLE) await renew();
      return held?.token ?? null;
    },
  };
}

/** Clerk mode with a publishable key: Clerk's own page signs in, its script keeps the token fresh. */
function clerkSession({ publishableKey, script }) {
  const clock = countdown();
  const who = element("span", { className: "who" });
  const button = element("button", { type: "button", className: "primary", disabled: true, textContent: "Sign in" });
  place.replaceChildren(clock.place, who, button);
  const ready = begin();
  ready.catch(() => {
    const host = new URL(script).host;
    notice.show(`Clerk's script cannot be loaded from ${host}. Check the network and CLERK_PUBLISHABLE_KEY, then reload.`, "session");
  });

  async function begin() {
    await load("script", script, { "data-clerk-publishable-key": publishableKey });
    await window.Clerk.load({ telemetry: false });
    window.Clerk.addListener(draw);
    everySecond(() => void drawClock());
    return window.Clerk;
  }

  function draw() {
    const user = window.Clerk.user;
    button.disabled = false;
    notice.clear();
    if (user) {
      const name = user.fullName || user.username || user.primaryEmailAddress?.emailAddress || user.id;
      who.replaceChildren(avatar(name, hueOf(user.id)), element("span", { className: "name", textContent: name }));
      button.className = "plain";
      button.textContent = "Sign out";
      button.onclick = () => attempt(window.Clerk.signOut({ redirectUrl: location.href }));
    } else {
      who.replaceChildren();
      button.className = "primary";
      button.textContent = "Sign in";
      button.onclick = () =>
        attempt(
          window.Clerk.redirectToSignIn({
            signInForceRedirectUrl: location.href,
            signUpForceRedirectUrl: location.href,
          }),
        );
    }
    void drawClock();
  }

  /** What Clerk's script refuses is said rather than left in the console. */
  function attempt(promise) {
    promise.catch((error) => notice.show(error.message, "session"));
  }

  async function drawClock() {
    const session = window.Clerk.session;
    // From its cache, most of the time: Clerk's script renews ahead of time.
    const token = session && !document.hidden ? await session.getToken().catch(() => null) : null;
    const claims = token ? claimsOf(token) : null;
    if (claims) clock.show(claims.exp * 1000 - Date.now(), (claims.exp - claims.iat) * 1000);
    else clock.show(null);
  }

  return {
    refused: (hadToken) =>
      hadToken
        ? `The server refused this session. Its log says why; most often CLERK_AUTHORIZED_PARTIES does not list ${location.origin}.`
        : "Not signed in. Sign in at the top of this page.",
    async token() {
      const clerk = await ready.catch(() => null);
      return (await clerk?.session?.getToken()) ?? null;
    },
  };
}

/** Otherwise: a field for a token, which stays in this tab's memory and nowhere else. */
function tokenSession() {
  const isLocal = configuration.mode === "local";
  const wanted = isLocal ? "LOCAL_AUTH_TOKEN" : "session token";
  const clock = countdown();
  let held = null; // { token, claims }

  const field = element("input", {
    type: "password",
    autocomplete: "off",
    spellcheck: false,
    placeholder: isLocal ? "LOCAL_AUTH_TOKEN" : "Paste a session token",
    title: isLocal
      ? "The shared token of this server. It stays in this tab's memory only."
      : "In your front end: await Clerk.session.getToken(). It stays in this tab's memory only.",
    attributes: { "aria-label": `Token (${wanted})` },
  });
  const form = element(
    "form",
    { className: "token", onsubmit },
    field,
    element("button", { className: "primary", textContent: "Use" }),
  );
  const who = element("span", { className: "who" });
  const forget = element("button", {
    type: "button",
    className: "plain",
    textContent: "Forget",
    onclick: () => {
      held = null;
      draw();
      field.focus();
    },
  });

  function onsubmit(event) {
    event.preventDefault();
    const token = field.value.trim().replace(/^(authorization:\s*)?bearer\s+/i, "");
    if (token === "") return;
    if (!/^[\x21-\x7e]+$/.test(token)) {
      notice.show("A token has neither blanks nor characters outside ASCII; copy it again.", "session");
      return;
    }
    field.value = "";
    notice.clear();
    held = { token, claims: claimsOf(token) };
    draw();
  }

  function draw() {
    if (held === null) {
      if (!place.contains(form)) place.replaceChildren(form);
      return;
    }
    const { claims } = held;
    if (!place.contains(forget)) {
      const name = String(claims?.name ?? claims?.email ?? claims?.sub ?? "Token in use");
      who.replaceChildren(avatar(name, hueOf(name)), element("span", { className: "name", textContent: name }));
      place.replaceChildren(clock.place, who, forget);
    }
    if (typeof claims?.exp === "number") {
      const lifetime = (claims.exp - (claims.iat ?? claims.exp - 60)) * 1000;
      clock.show(claims.exp * 1000 - Date.now(), lifetime);
    } else {
      clock.show(null);
    }
  }

  everySecond(draw);
  return {
    refused: (hadToken) => {
      const what = hadToken ? "The server refused this token." : "Not signed in.";
      return isLocal
        ? `${what} Paste the LOCAL_AUTH_TOKEN of this server at the top of this page.`
        : `${what} Paste a fresh session token at the top of this page: in your front end, await Clerk.session.getToken(). It lives for a minute.`;
    },
    async token() {
      return held?.token ?? null;
    },
  };
}

function beginSession() {
  if (configuration.mode === "development") return developmentSession();
  return configuration.clerk ? clerkSession(configuration.clerk) : tokenSession();
}

// GraphiQL ---------------------------------------------------------------------------------------

/** Sends one operation. What goes wrong on the way is an answer too, so that it is shown as one. */
function fetcherOf(session) {
  return async (parameters, options) => {
    const token = await session.token();
    let response;
    try {
      response = await fetch("graphql", {
        method: "POST",
        headers: {
          accept: "application/graphql-response+json, application/json;q=0.9",
          "content-type": "application/json",
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...lowerCased(options?.headers),
        },
        body: JSON.stringify(parameters),
      });
    } catch (error) {
      const message = error instanceof TypeError && !navigator.onLine ? "This browser is offline." : "The server does not answer. Is it still running?";
      return { errors: [{ message }] };
    }
    if (response.status === 401) notice.show(session.refused(token !== null), "refused");
    else notice.clear("refused");
    try {
      return await response.json();
    } catch {
      return { errors: [{ message: `The server answered with status ${response.status} and without JSON.` }] };
    }
  };
}

/** The headers of the headers editor; one that is named there wins, whatever its letter case. */
function lowerCased(headers) {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}

const SERVER = `  serverInfo {
    name
    version
    authMode
  }`;
const ME = `  me {
    id
    displayName
    email
    pronouns
    timezone
    memberships(first: 10) {
      nodes {
        role
        organization {
          name
        }
      }
    }
  }`;
const EDIT = {
  query: `# Fields left out keep their value; null clears one.
mutation EditProfile {
  updateProfile(
    input: {
      preferredName: "Captain"
      pronouns: "they/them"
      timezone: "europe/london"
    }
  ) {
    user {
      displayName
      pronouns
      timezone
      updatedAt
    }
    userErrors {
      field
      code
      message
    }
  }
}
`,
};

/** What stands in the editor on the first visit. The first query works as it is, signed in or not. */
function firstTabs() {
  const run = "# Press the play button, or Ctrl+Enter.";
  if (configuration.mode === "development") {
    const about = "# You are the person chosen at the top.";
    return [{ query: `${run}\n${about}\nquery Welcome {\n${SERVER}\n${ME}\n}\n` }, EDIT];
  }
  return [
    { query: `${run}\n# This needs no token; the next tabs do.\nquery Server {\n${SERVER}\n}\n` },
    { query: `query Me {\n${ME}\n}\n` },
    EDIT,
  ];
}

/** Loads a script or a style sheet. */
function load(kind, url, attributes = {}) {
  const made = kind === "style" ? element("link", { rel: "stylesheet" }) : element("script", { async: false });
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.crossOrigin = "anonymous";
  return new Promise((resolve, reject) => {
    made.onload = resolve;
    made.onerror = () => reject(new Error(`${url} cannot be loaded`));
    made[kind === "style" ? "href" : "src"] = url;
    document.head.append(made);
  });
}

async function showGraphiql(session) {
  const main = document.getElementById("graphiql");
  const { files } = configuration;
  const waiting = setTimeout(() => showHelp(main, true), PATIENCE);
  try {
    await Promise.all(files.map(({ kind, url, integrity }) => load(kind, url, { integrity })));
  } catch {
    showHelp(main, false);
    return;
  } finally {
    clearTimeout(waiting);
  }
  const { React, ReactDOM, GraphiQL } = window;
  main.replaceChildren();
  main.removeAttribute("aria-busy");
  const logo = React.createElement(GraphiQL.Logo, null, React.createElement("span", { className: "credit" }, "GraphiQL"));
  ReactDOM.createRoot(main).render(
    React.createElement(
      GraphiQL,
      // Headers may hold a token: they are not kept.
      { fetcher: fetcherOf(session), defaultTabs: firstTabs(), shouldPersistHeaders: false },
      logo,
    ),
  );
}

/** What to do when GraphiQL does not come; `stillTrying` when it may yet. */
function showHelp(main, stillTrying) {
  const host = new URL(configuration.files[0].url, location.href).host;
  const isOurs = host === location.host;
  const code = (textContent) => element("code", { textContent });
  const reload = element("button", { type: "button", className: "primary", textContent: "Try again", onclick: () => location.reload() });
  const causes = isOurs
    ? [element("p", {}, "Its files come from this server. Check that the server is still running.")]
    : [
        element("p", {}, "This build of Mission Control loads GraphiQL from ", code(host), ", and checks every file before it runs. Either that host cannot be reached from this browser, or what came was not what was published."),
        element(
          "ul",
          {},
          element("li", {}, "Check the connection, the proxy and content blockers for ", code(host), ", then try again."),
          element("li", {}, "Or use a build that carries GraphiQL inside, as releases and the container image do: ", code("ui/build && cargo build --release --features embedded-ui")),
          element("li", {}, "Or use any other GraphQL client: the API itself works, at ", code(`${location.origin}/graphql`), "."),
        ),
      ];
  main.replaceChildren(
    element(
      "div",
      { className: "help", attributes: { role: "alert" } },
      element("h2", { textContent: stillTrying ? "GraphiQL is taking long to load" : "GraphiQL could not be loaded" }),
      ...causes,
      reload,
    ),
  );
}

// ------------------------------------------------------------------------------------------------

const mode = MODES[configuration.mode];
const badge = document.getElementById("mode");
badge.textContent = mode.label;
badge.title = `${mode.about}\nVersion ${configuration.version}`;
await showGraphiql(beginSession());
