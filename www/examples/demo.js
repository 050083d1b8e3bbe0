/** What the pickers share: the demo users of `make run`, their models, and a request to the edge. */

/** Demo users, by their key. A real page has the session of its own user. */
export const USERS = {
  "": "Nobody (no key)",
  "sk-demo-us-person": "A U.S. person, verified",
  "sk-demo-foreign": "A foreign national",
  "sk-demo-employee-foreign": "A foreign employee of the provider",
  "sk-demo-annex-foreign": "Staff of a named partner",
  "sk-demo-unverified": "A user whose record is empty",
};

export const MODELS = ["haiku-4", "sonnet-5", "mythos-5", "fable-5"];

/** Sends a request for a model past the page, and returns what the edge says. */
export async function askEdge(key, model) {
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(key === "" ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "hello" }] }),
  });
  const { error } = await response.json();
  return `${response.status} ${response.ok ? "the edge lets the request pass" : error.message}`;
}
