/** `<model-gate>` in Chromium and Firefox, under a strict CSP, before the real worker. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { launch, openPage, watched } from "./browsers.mjs";
import { pagesOf, startGate } from "./setup.mjs";

const ENDPOINT = "**/.well-known/portcullis/access";
const ANSWER = {
  unrestricted: false,
  denied: [
    {
      id: "closed",
      title: "Closed",
      message: "Closed <b>for</b> you.",
      appeal: "https://example.com/appeal",
      patterns: ["mythos-5", "odd-1"],
    },
    { id: "odd", title: "Odd", message: "", appeal: "javascript:alert(1)", patterns: ["odd-2"] },
  ],
  patterns: { "mythos-5": false, "odd-1": false, "odd-2": false, "haiku-4": true },
  unlisted: "defer",
  policy: { id: "p", version: 1 },
  expires: null,
  stale: false,
};
const OPEN = { ...ANSWER, patterns: { ...ANSWER.patterns, "mythos-5": true } };

const html = (body, { script = "element.js", head = "" } = {}) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Gates</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/model-gate.css">
    ${head}
    <script type="module" src="/${script}"></script>
  </head>
  <body><main><h1>Gates</h1>${body}</main></body>
</html>`;
const gated = (model, attributes = "", content = `<button>${model}</button>`) =>
  `<model-gate model="${model}" ${attributes}>${content}</model-gate>`;

const FILES = {
  "element.js": 'import "portcullis/element";',
  "hand.js": `
    import { ModelGate, provideAccess } from "portcullis/element";
    import { readAccess, loadGate } from "portcullis/browser";
    Object.assign(window, { ModelGate, provideAccess, readAccess, loadGate });
  `,
  "events.js": `
    window.events = [];
    for (const type of ["gatechange", "gateerror"])
      addEventListener(type, ({ target, detail }) =>
        events.push([type, target.getAttribute("model"), detail.state ?? (detail.name === "PortcullisError" ? detail.code : detail.name)]));
    import("./element.js");
  `,
  "two-lines.html": html(gated("haiku-4") + gated("mythos-5")),
  "modes.html": html(
    gated("haiku-4", 'mode="explain"') +
      gated("mythos-5", "", "<button>hidden</button>") +
      gated("mythos-5", 'mode="disable"', "<button>disabled</button>") +
      gated("mythos-5", 'mode="explain"', "<button>explained</button>") +
      gated("odd-2", 'mode="explain"', "<button>odd</button>") +
      gated("nobody-knows", 'mode="explain" label="A router"', "<button>unlisted</button>") +
      gated("mythos-5", 'mode="wrong"', "<button>wrong mode</button>"),
  ),
  "states.html": html(
    gated("haiku-4", 'state="allowed"', "<button>open</button>") +
      gated("mythos-5", 'state="denied" mode="explain"', "<button>closed</button>") +
      gated("haiku-4", "", "<button>none</button>"),
    { script: "events.js" },
  ),
  "patience.html": html(
    gated("haiku-4", 'mode="explain" timeout="300"') + gated("", 'mode="explain"', "no model"),
    { script: "events.js" },
  ),
  "inline.html": html(gated("haiku-4") + gated("mythos-5", 'mode="explain"'), {
    head: `<script type="application/json" id="portcullis-access">${JSON.stringify(ANSWER)}</script>`,
  }),
  "hand.html": html(gated("mythos-5", 'mode="explain"'), { script: "hand.js" }),
};

let gate;
let pages;
let browsers = [];
before(async () => {
  pages = await pagesOf(FILES);
  gate = await startGate({ assets: pages.folder });
  browsers = await launch();
});
after(async () => {
  for (const { browser } of browsers) await browser.close();
  await gate?.close();
  pages?.remove();
});

/** Runs a test in a page of each browser, which must have no error. */
function inPages(title, work, { allow } = {}) {
  for (const name of ["chromium", "firefox"])
    test(`${name}: ${title}`, async (context) => {
      const page = await openPage(browsers.find((one) => one.name === name).browser);
      const clean = await watched(page, { allow });
      page.visit = (path) => page.goto(`${gate.url}/${path}`);
      try {
        await work(page, context);
        clean();
      } finally {
        await page.context().close();
      }
    });
}

/** Has the endpoint answer so. Returns the number of times that it was asked. */
async function answering(page, answer, wait = Promise.resolve()) {
  let count = 0;
  await page.route(ENDPOINT, async (route) => {
    count += 1;
    await wait;
    await (typeof answer === "number"
      ? route.fulfill({ status: answer, body: "" })
      : route.fulfill({ json: answer }));
  });
  return () => count;
}

const states = (page) =>
  page.locator("model-gate").evaluateAll((all) => all.map((one) => one.getAttribute("state")));
const settled = (page, count) =>
  page.waitForFunction(
    (count) =>
      document.querySelectorAll('model-gate[state="allowed"], model-gate[state="denied"]').length >=
      count,
    count,
  );

inPages("two lines are enough, and ask the gate for the page's user", async (page) => {
  await page.visit("two-lines.html");
  await settled(page, 2);
  assert.deepEqual(await states(page), ["allowed", "denied"]);
  assert.equal(await page.getByRole("button", { name: "haiku-4" }).isVisible(), true);
  assert.equal(await page.locator("model-gate").nth(1).isVisible(), false);
});

inPages("modes: what is seen, what the keyboard reaches, what is read out", async (page) => {
  const asked = await answering(page, ANSWER);
  await page.visit("modes.html");
  await settled(page, 6);
  assert.deepEqual(await states(page), [
    ...["allowed", "denied", "denied", "denied", "denied", "unknown", "denied"],
  ]);
  assert.equal(asked(), 1, "one question for all");
  const visible = async (text) => page.getByText(text, { exact: true }).isVisible();
  assert.deepEqual(
    await Promise.all(["hidden", "disabled", "explained", "wrong mode"].map(visible)),
    [false, true, true, false],
  );
  const reached = [];
  for (let count = 0; count < 8; count += 1) {
    await page.keyboard.press("Tab");
    reached.push(
      await page.evaluate(() => {
        let active = document.activeElement;
        while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
        return active?.textContent ?? "";
      }),
    );
  }
  assert.ok(reached.includes("haiku-4") && reached.includes("Ask for a review"), String(reached));
  for (const closed of ["hidden", "disabled", "explained", "unlisted"])
    assert.ok(!reached.includes(closed), closed);
  if (page.context().browser().browserType().name() === "chromium") {
    // What assistive technology is given. Playwright's own tree knows no inert parts.
    const session = await page.context().newCDPSession(page);
    const { nodes } = await session.send("Accessibility.getFullAXTree");
    const read = (role) =>
      nodes
        .filter((node) => !node.ignored && node.role?.value === role)
        .map((node) => node.name?.value ?? "");
    assert.deepEqual(read("button"), ["haiku-4"]);
    assert.deepEqual(read("link"), ["Ask for a review"]);
    const text = read("StaticText").join(" ");
    assert.match(text, /disabled: Closed <b>for<\/b> you\./, "read out, though not seen");
    assert.match(text, /explained: Closed <b>for<\/b> you\./);
    assert.match(text, /odd: you cannot use it\./);
    assert.match(text, /A router: whether you can use it is decided when you do\./);
    assert.doesNotMatch(text, /hidden|wrong mode/);
  }
  const shown = await page.locator("model-gate").evaluateAll((all) =>
    all.map((one) => {
      const link = one.shadowRoot.querySelector("a");
      return link.hidden ? null : link.href;
    }),
  );
  assert.deepEqual(shown.slice(3, 5), ["https://example.com/appeal", null], "no script in a link");
});

inPages("axe finds nothing", async (page) => {
  await answering(page, ANSWER);
  await page.visit("modes.html");
  await settled(page, 6);
  const { violations } = await new AxeBuilder({ page }).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
    [],
  );
});

inPages("the first state is the server's; without one a gate is closed", async (page) => {
  let answer;
  await answering(page, OPEN, new Promise((resolve) => (answer = resolve)));
  await page.visit("states.html");
  await page.waitForFunction(() => document.querySelector("model-gate").shadowRoot !== null);
  assert.deepEqual(await states(page), ["allowed", "denied", "unknown"]);
  const seen = () =>
    page.locator("model-gate").evaluateAll((all) => all.map((one) => one.checkVisibility()));
  assert.deepEqual(await seen(), [true, true, false]);
  answer();
  await settled(page, 3);
  assert.deepEqual(await states(page), ["allowed", "allowed", "allowed"]);
  assert.deepEqual(await seen(), [true, true, true]);
  assert.deepEqual(await page.evaluate("events"), [
    ["gatechange", "haiku-4", "unknown"],
    ["gatechange", "mythos-5", "allowed"],
    ["gatechange", "haiku-4", "allowed"],
  ]);
});

inPages(
  "before the script is there, only what the server opened is seen",
  async (page) => {
    await page.route("**/*.js", (route) => route.abort());
    await page.goto(`${gate.url}/states.html`);
    const seen = await page
      .locator("model-gate")
      .evaluateAll((all) => all.map((one) => one.checkVisibility()));
    assert.deepEqual(seen, [true, false, false]);
  },
  { allow: /ERR_FAILED|NetworkError|Failed to load|Loading failed/i },
);

inPages("a gate stops waiting, stays closed and says why", async (page) => {
  await answering(page, ANSWER, new Promise(() => undefined));
  await page.visit("patience.html");
  await page.waitForFunction(() => window.events?.some(([type]) => type === "gateerror"));
  assert.deepEqual(await states(page), ["unknown", "unknown"]);
  assert.match(
    await page
      .locator("model-gate")
      .first()
      .evaluate((one) => one.shadowRoot.textContent),
    /haiku-4: whether you can use it could not be checked\./,
  );
  const events = await page.evaluate("events");
  assert.ok(
    events.some(
      ([type, model, what]) =>
        type === "gateerror" && model === "haiku-4" && what === "TimeoutError",
    ),
  );
});

for (const [what, answer, code] of [
  ["refuses", 404, "access_refused"],
  ["answers nonsense", { unrestricted: 1 }, "answer_invalid"],
])
  inPages(
    `an endpoint that ${what} opens nothing`,
    async (page) => {
      await answering(page, answer);
      await page.visit("states.html");
      await page.waitForFunction(() => window.events?.some(([type]) => type === "gateerror"));
      assert.deepEqual(await states(page), ["allowed", "denied", "unknown"], "as the server wrote");
      const errors = (await page.evaluate("events")).filter(([type]) => type === "gateerror");
      assert.deepEqual(new Set(errors.map(([, , found]) => found)), new Set([code]));
    },
    { allow: /404/ },
  );

inPages("an answer in the page needs no question", async (page) => {
  const asked = await answering(page, OPEN);
  await page.visit("inline.html");
  await settled(page, 2);
  assert.deepEqual(await states(page), ["allowed", "denied"]);
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.waitForTimeout(100);
  assert.equal(asked(), 0);
});

inPages("an answer that expires is asked for again", async (page) => {
  let answer = { ...ANSWER, expires: new Date(Date.now() + 1_000).toISOString() };
  await page.route(ENDPOINT, (route) => route.fulfill({ json: answer }));
  await page.visit("two-lines.html");
  await settled(page, 2);
  assert.deepEqual(await states(page), ["allowed", "denied"]);
  answer = OPEN;
  await page.waitForFunction(
    () => document.querySelectorAll('model-gate[state="allowed"]').length === 2,
    undefined,
    { timeout: 15_000 },
  );
});

inPages("a page gives the access by hand: to all gates, or to one", async (page) => {
  const asked = await answering(page, ANSWER);
  await page.visit("hand.html");
  await settled(page, 1);
  const given = await page.evaluate(
    async ({ ANSWER, OPEN }) => {
      const { readAccess, provideAccess } = window;
      const element = document.querySelector("model-gate");
      const seen = [];
      const next = async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        seen.push(element.getAttribute("state"));
      };
      await next();
      provideAccess(readAccess(OPEN));
      await next();
      element.access = Promise.resolve(readAccess(ANSWER));
      await next();
      element.model = "ignored";
      element.setAttribute("model", "haiku-4");
      await next();
      element.setAttribute("model", "é");
      await next();
      element.setAttribute("model", "mythos-5");
      element.access = null;
      await next();
      // A later access counts, even if an earlier one comes after it.
      let late;
      provideAccess(new Promise((resolve) => (late = resolve)));
      provideAccess(readAccess(ANSWER));
      late(readAccess(OPEN));
      await next();
      provideAccess(Promise.reject(new Error("lost")));
      await next();
      element.remove();
      provideAccess(readAccess(OPEN));
      document.body.append(element);
      await next();
      return { seen, verdict: element.verdict };
    },
    { ANSWER, OPEN },
  );
  assert.deepEqual(given.seen, [
    ...["denied", "allowed", "denied", "allowed", "unknown", "allowed"],
    ...["denied", "denied", "allowed"],
  ]);
  assert.equal(given.verdict.verdict, "pass");
  assert.equal(asked(), 1);
});

inPages("a property that was set before the element was known counts", async (page) => {
  await answering(page, ANSWER);
  let script;
  await page.route("**/hand.js", async (route) => {
    await new Promise((resolve) => (script = resolve));
    await route.continue();
  });
  await page.goto(`${gate.url}/hand.html`, { waitUntil: "commit" });
  await page.waitForSelector("model-gate", { state: "attached" });
  await page.evaluate((OPEN) => {
    const access = { verdict: (model) => ({ model, verdict: "pass" }), toJSON: () => OPEN };
    document.querySelector("model-gate").access = access;
  }, OPEN);
  script();
  await settled(page, 1);
  assert.deepEqual(await states(page), ["allowed"]);
});

inPages(
  "a local gate answers in the page, with its wasm under the CSP",
  async (page) => {
    await answering(page, ANSWER);
    await page.route("**/missing.bundle", (route) => route.fulfill({ status: 404 }));
    await page.visit("hand.html");
    await settled(page, 1);
    const seen = await page.evaluate(async () => {
      const { loadGate, provideAccess } = window;
      const gate = await loadGate({ bundle: "/policy.bundle", module: "/edge_bg.wasm" });
      const account = gate.accountByName({ employee: true });
      provideAccess(gate.access({ place: { country: "FR" }, account }));
      await new Promise((resolve) => setTimeout(resolve, 50));
      const missing = await loadGate({ bundle: "/missing.bundle", module: "/edge_bg.wasm" }).catch(
        (error) => error.code,
      );
      return [document.querySelector("model-gate").getAttribute("state"), missing];
    });
    assert.deepEqual(seen, ["allowed", "fetch_failed"]);
  },
  { allow: /404/ },
);
