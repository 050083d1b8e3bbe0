/**
 * A model picker that a server renders. The server asks the gate with the user's key, writes the
 * first state of each element and the whole answer into the page. So the page is right before its
 * first script runs, and its script need not ask.
 */
import { readAccess } from "portcullis/browser";
import { MODELS, USERS } from "../demo.js";

/**
 * Renders the page.
 *
 * @param gate The address of the gate
 * @param user The user's key: in a real server it comes from the session
 */
export async function page(gate, user) {
  const response = await fetch(`${gate}/.well-known/portcullis/access`, {
    headers: user === "" ? {} : { authorization: `Bearer ${user}` },
  });
  const answer = await response.json();
  const access = readAccess(answer);
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Portcullis: a model picker rendered by a server</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/examples/style.css" />
    <link rel="stylesheet" href="/examples/model-gate.css" />
    <script type="module" src="/examples/server/picker.js"></script>
    <script type="application/json" id="portcullis-access">${embedded(answer)}</script>
  </head>
  <body>
    <main>
      <h1>A model picker rendered by a server</h1>
      <form>
        <label>User <select name="user" id="user">${Object.entries(USERS)
          .map(
            ([key, name]) =>
              `<option value="${escaped(key)}"${key === user ? " selected" : ""}>${escaped(name)}</option>`,
          )
          .join("")}</select></label>
        <button>Show</button>
      </form>
      <fieldset>
        <legend>Model</legend>
        ${MODELS.map((model) => gated(model, access.verdict(model))).join("\n        ")}
      </fieldset>
      <h2>The edge enforces</h2>
      <p>
        The picker is advice. This sends a request for <code>mythos-5</code> whatever the picker
        says:
      </p>
      <button type="button" id="ask">Send it to the edge</button>
      <pre id="answer" role="status"></pre>
    </main>
  </body>
</html>
`;
}

const STATES = { pass: "allowed", deny: "denied", defer: "unknown" };

function gated(model, { verdict, message }) {
  const state = STATES[verdict];
  const closed = state === "allowed" ? "" : " disabled";
  const reason = message === null ? "" : `<span slot="reason">${escaped(message)}</span>`;
  return `<model-gate model="${model}" mode="explain" state="${state}"><label><input type="radio" name="model" value="${model}"${closed} /> ${model}</label>${reason}</model-gate>`;
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** JSON that ends no script element. */
function embedded(value) {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}
