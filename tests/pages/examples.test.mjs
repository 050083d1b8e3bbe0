/**
 * The examples of `www/examples/` before the real worker: each picker offers exactly the models that
 * the edge lets pass, says why the others are closed, and shows the edge's own answer.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { MODELS, USERS } from "../../www/examples/demo.js";
import { launch, openPage, watched } from "./browsers.mjs";
import { startGate } from "./setup.mjs";

let gate;
let browsers = [];
/** Whether the edge lets a request pass, by user and model. */
const edge = {};
before(async () => {
  gate = await startGate();
  for (const key of Object.keys(USERS)) {
    edge[key] = {};
    for (const model of MODELS) {
      const response = await fetch(`${gate.url}/v1/chat/completions`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(key === "" ? {} : { authorization: `Bearer ${key}` }),
        },
        body: JSON.stringify({ model, messages: [] }),
      });
      await response.arrayBuffer();
      edge[key][model] = response.ok;
    }
  }
  browsers = await launch();
});
after(async () => {
  for (const { browser } of browsers) await browser.close();
  await gate?.close();
});

/** The models that a picker offers, once it knows. */
async function offered(page) {
  await page.waitForFunction(() =>
    [...document.querySelectorAll("model-gate")].every((one) =>
      ["allowed", "denied"].includes(one.getAttribute("state")),
    ),
  );
  return page
    .locator("input[type=radio]")
    .evaluateAll((all) =>
      Object.fromEntries(
        all.map((input) => [
          input.value,
          !input.disabled &&
            (input.closest("model-gate")?.getAttribute("state") ?? "allowed") === "allowed",
        ]),
      ),
    );
}

test("the edge tells these users apart", () => {
  const rows = Object.values(edge).map((models) => Object.values(models).join());
  assert.deepEqual(
    new Set(rows),
    new Set(["true,true,true,true", "true,true,false,false", "true,true,true,false"]),
  );
});

for (const name of ["chromium", "firefox"])
  for (const example of ["plain", "react", "server"])
    test(`${name}: ${example}`, async () => {
      const { browser } = browsers.find((one) => one.name === name);
      const page = await openPage(browser);
      // The edge's refusal is an answer that the page asked for, and browsers log it as an error.
      const clean = await watched(page, { allow: /status of 403|\/v1\/chat\/completions/ });
      try {
        await page.goto(`${gate.url}/examples/`);
        await page.click(`a[href="${example}/"]`);
        await page.waitForSelector("#user");
        for (const key of Object.keys(USERS)) {
          await page.selectOption("#user", key);
          if (example === "server") await page.click("button:not([type])");
          await page.waitForFunction((key) => document.getElementById("user").value === key, key);
          await poll(() => offered(page), edge[key], `${example} as ${USERS[key]}`);
          await page.click("#ask");
          await page.waitForFunction(() => document.getElementById("answer").textContent !== "");
          const answer = await page.textContent("#answer");
          assert.match(answer, edge[key]["mythos-5"] ? /^200 / : /^403 Mythos-class models are/);
          if (!edge[key]["mythos-5"])
            await page
              .getByText("Mythos-class models are suspended for foreign nationals.")
              .first()
              .waitFor();
        }
        const { violations } = await new AxeBuilder({ page }).analyze();
        assert.deepEqual(
          violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
          [],
        );
        clean();
      } finally {
        await page.context().close();
      }
    });

/** Waits until `look` returns what is expected. */
async function poll(look, expected, what) {
  let seen;
  for (let turn = 0; turn < 50; turn += 1) {
    seen = await look();
    if (JSON.stringify(seen) === JSON.stringify(expected)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(seen, expected, what);
}
