/** Launches the browsers of the page tests, and watches a page for what must not happen. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chromium, firefox } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? found("/usr/bin/chromium", "/usr/bin/google-chrome");
const FIREFOX = process.env.FIREFOX ?? found("/usr/bin/firefox-esr", "/usr/bin/firefox");

/** The machines of CI have no display, no sandbox of their own, and little shared memory. */
const CHROMIUM_FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"],
];

/**
 * A context of an unpatched Firefox takes no emulation of media:
 * `browser.newContext({ ...PLAIN })`.
 */
export const PLAIN = { colorScheme: null, reducedMotion: null, forcedColors: null, contrast: null };

/**
 * Launches headless Chromium and Firefox.
 *
 * @param {{ only?: ("chromium" | "firefox")[] }} [options] `only`: these alone
 * @returns {Promise<{ name: string, browser: import("playwright-core").Browser }[]>}
 */
export async function launch({ only = ["chromium", "firefox"] } = {}) {
  return Promise.all(
    only.map(async (name) => ({
      name,
      browser:
        name === "chromium"
          ? await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS })
          : // Playwright's own protocol needs its patched Firefox. This channel speaks BiDi.
            await firefox.launch({ channel: "moz-firefox", executablePath: FIREFOX }),
    })),
  );
}

/** Opens a page in a context of its own. `page.context().close()` ends both. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ ...PLAIN, ...options });
  return context.newPage();
}

/**
 * Watches a page from now on: call it before `page.goto`.
 *
 * @param {import("playwright-core").Page} page
 * @param {{ allow?: RegExp }} [options] `allow`: texts that are meant to appear
 * @returns A function that fails if the page had an error or a warning in its console, an exception
 *   or rejection that nobody caught, or a violation of its Content Security Policy
 */
export async function watched(page, { allow } = {}) {
  const problems = [];
  const note = (kind, text) => {
    // Browsers ask for an icon by themselves.
    if (!allow?.test(text) && !/favicon\.ico/.test(text)) problems.push(`${kind}: ${text}`);
  };
  page.on("console", (message) => {
    const { url = "" } = message.location();
    if (message.type() === "error" || message.type() === "warning")
      note(`console ${message.type()}`, `${message.text()} (${url})`);
  });
  page.on("pageerror", (error) => note("exception", error?.stack ?? String(error)));
  // Browsers report violations in different ways, or not at all. The page does it, too.
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) =>
      console.error(`CSP: ${event.violatedDirective} blocks ${event.blockedURI}`),
    );
  });
  return () => assert.deepEqual(problems, [], page.url());
}

function found(...paths) {
  return paths.find(existsSync) ?? paths[0];
}
