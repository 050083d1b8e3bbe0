/** `portcullis/react` on the server, under React 18 and 19. `tests/pages` has it in browsers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Writable } from "node:stream";
import { test } from "node:test";
import { OPEN, VERSIONS, answerOf, bundle } from "../../tests/pages/react/build.mjs";

test("the entry is for clients, as React's server components need it", () => {
  const entry = readFileSync(new URL("../dist/react/index.js", import.meta.url), "utf8");
  assert.match(entry, /^"use client";/);
});

for (const version of VERSIONS) {
  const { server } = await bundle(version);
  const { AccessProvider, App, ModelGate, h, readAccess, useAccess, useModelAccess } = server;
  const rendered = (props) => server.renderToString(h(App, props));
  /** Returns what a hook gives below a provider. */
  const seen = (props, hook) => {
    let result;
    const Probe = () => ((result = hook()), null);
    server.renderToString(h(AccessProvider, props, h(Probe)));
    return result;
  };

  test(`React ${version}: the version under test`, () => {
    assert.match(server.version, new RegExp(`^${version}\\.`));
  });

  test(`React ${version}: nothing is open before something is known`, () => {
    for (const props of [{}, { access: null }, { access: new Promise(() => {}) }]) {
      assert.deepEqual(
        seen(props, () => useModelAccess("haiku-4")),
        {
          state: "unknown",
          allowed: false,
          pending: true,
          title: null,
          message: null,
          appeal: null,
          error: undefined,
        },
      );
      const { access, status, error } = seen(props, () => useAccess());
      assert.deepEqual({ access, status, error }, { access: undefined, status: "pending", error });
      const html = rendered(props);
      assert.doesNotMatch(html, /data-state="(?:allowed|denied)"/);
      assert.match(html, /<section id="haiku-4-hide"><i>closed<\/i><\/section>/);
      assert.match(html, /haiku-4: checking whether you can use it\./);
    }
  });

  test(`React ${version}: the first rendering has what the server knows`, () => {
    for (const props of [{ initial: answerOf() }, { access: readAccess(answerOf()) }]) {
      assert.deepEqual(
        seen(props, () => useModelAccess("mythos-5")),
        {
          state: "denied",
          allowed: false,
          pending: false,
          title: "Mythos-class",
          message: "Closed where you are.",
          appeal: "https://example.com/appeal",
          error: undefined,
        },
      );
      assert.equal(seen(props, () => useModelAccess("haiku-4")).state, "allowed");
      assert.deepEqual(
        (({ state, pending }) => ({ state, pending }))(
          seen(props, () => useModelAccess("other-1")),
        ),
        { state: "unknown", pending: false },
      );
      assert.equal(seen(props, () => useAccess()).status, "ready");
      const html = rendered(props);
      assert.match(html, /<section id="haiku-4-hide"><button>haiku-4 /);
      assert.match(html, /<section id="mythos-5-hide"><i>closed<\/i>/);
      assert.match(
        html,
        /<section id="haiku-4-explain"><div class="model-gate" data-state="allowed" data-mode="explain"><div class="model-gate-content"><button>/,
      );
      assert.match(
        html,
        /<section id="mythos-5-disable"><div class="model-gate" data-state="denied" data-mode="disable" role="group" aria-label="mythos-5" aria-disabled="true" title="mythos-5: Closed where you are."><div class="model-gate-content" inert=""><button>/,
      );
      assert.match(
        html,
        /aria-describedby="([^"]+)"><div class="model-gate-content" inert=""><button>mythos-5[^]*?<div class="model-gate-reason" id="\1" role="note">mythos-5: Closed where you are\.[^]*?<a class="model-gate-appeal" href="https:\/\/example.com\/appeal">Ask for a review<\/a>/,
      );
      assert.match(html, /other-1: whether you can use it is decided when you do\./);
    }
  });

  test(`React ${version}: the stream has the same`, async () => {
    const chunks = [];
    await new Promise((resolve, reject) => {
      const { pipe } = server.renderToPipeableStream(h(App, { initial: answerOf() }), {
        onError: reject,
        onAllReady: () =>
          pipe(
            new Writable({
              write: (chunk, _, done) => (chunks.push(chunk), done()),
              final: (done) => (done(), resolve()),
            }),
          ),
      });
    });
    const html = Buffer.concat(chunks).toString();
    assert.match(html, /data-state="denied" data-mode="explain"/);
    assert.match(html, /<section id="haiku-4-hide"><button>/);
  });

  test(`React ${version}: texts, labels, reasons and renderings are the page's`, () => {
    const html = (gate, props = {}) =>
      server
        .renderToString(
          h(AccessProvider, { initial: answerOf(), ...props }, h(ModelGate, gate, "content")),
        )
        .replaceAll("<!-- -->", "");
    const gate = { model: "other-1", mode: "explain" };
    const texts = { deferred: "später.", appeal: "Prüfen" };
    assert.match(html(gate, { texts }), /role="note">other-1: später\.</);
    assert.match(html({ ...gate, texts: { deferred: "selbst." } }, { texts }), /: selbst\.</);
    assert.match(html({ ...gate, model: "mythos-5" }, { texts }), />Prüfen<\/a>/);
    assert.match(html({ ...gate, label: "Other" }), /aria-label="Other"[^]*>Other: whether/);
    assert.match(html({ ...gate, className: "mine" }), /class="model-gate mine"/);
    const reason = ({ state }) => `because ${state}`;
    assert.match(html({ ...gate, reason }), /role="note">because unknown<\/div>/);
    assert.equal(html({ ...gate, render: ({ state }) => state }), "unknown");
    assert.equal(html({ model: "mythos-5", fallback: "none" }), "none");
    assert.equal(html({ model: "mythos-5" }), "");
    assert.equal(html({ model: "haiku-4" }), "content");
  });

  test(`React ${version}: what is wrong is told`, () => {
    const told = { name: "PortcullisError", code: "input_invalid" };
    const alone = (component, props) => server.renderToString(h(component, props));
    assert.throws(() => alone(ModelGate, { model: "a" }), { ...told, message: /AccessProvider/ });
    assert.throws(() => alone(() => useAccess()), { ...told, message: /`useAccess` needs/ });
    for (const initial of [undefined, answerOf(), OPEN])
      for (const model of ["", "ü", undefined, "a".repeat(3000)])
        assert.throws(() => seen({ initial }, () => useModelAccess(model)), told, model);
    assert.throws(() => seen({ access: answerOf() }, () => useAccess()), {
      ...told,
      message: /`initial`/,
    });
    const { status, error } = seen({ initial: { oops: true } }, () => useAccess());
    assert.deepEqual([status, error.code], ["failed", "answer_invalid"]);
    const { state, pending } = seen({ initial: {} }, () => useModelAccess("haiku-4"));
    assert.deepEqual([state, pending], ["unknown", false]);
  });

  test(`React ${version}: only a page of the Web is a link`, () => {
    const [family] = answerOf().denied;
    for (const appeal of ["javascript:alert(1)", "mailto:a@example.com", null]) {
      const initial = answerOf({ denied: [{ ...family, appeal }] });
      assert.equal(seen({ initial }, () => useModelAccess("mythos-5")).appeal, null);
      assert.doesNotMatch(rendered({ initial }), /href/);
    }
  });
}
