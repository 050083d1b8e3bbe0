/** This package. Its source is the policy in TOML, which `portcullis compile` makes a bundle of. */
import { Gate } from "portcullis";
import { TEXT_FACTS } from "../rules.mjs";

export function source({ id, families, rules, licences }) {
  const lines = [
    "format = 1",
    "[policy]",
    `id = ${JSON.stringify(id)}`,
    'title = "The peers\' policy"',
    "version = 1",
    'dialects = ["openai"]',
    'unlisted = "pass"',
    "[facts]",
    ...TEXT_FACTS.map((fact) => `${fact} = { type = "text", claim = "/${fact}" }`),
    'flags = { type = "list", claim = "/flags" }',
    'verified_until = { type = "time", claim = "/verified_until" }',
  ];
  for (const [family, models] of Object.entries(families))
    lines.push(`[models.${family}]`, `title = "${family}"`, `ids = ${JSON.stringify(models)}`);
  for (const { id, families, from, until, when, unless } of rules)
    lines.push(
      "[[restrictions]]",
      `id = "${id}"`,
      `models = ${JSON.stringify(families === "*" ? ["*"] : families)}`,
      'message = "This model is not available to you."',
      ...dates(from, until),
      ...condition("when", when),
      ...condition("unless", unless),
    );
  for (const { id, lifts, models, from, when } of licences)
    lines.push(
      "[[licences]]",
      `id = "${id}"`,
      `lifts = ${JSON.stringify(lifts)}`,
      `models = ${JSON.stringify(models)}`,
      ...dates(from),
      ...condition("when", when),
    );
  return lines.join("\n");
}

const dates = (from, until) => [
  ...(from === undefined ? [] : [`from = ${new Date(from).toISOString()}`]),
  ...(until === undefined ? [] : [`until = ${new Date(until).toISOString()}`]),
];

function condition(key, conjunctions) {
  if (conjunctions === undefined) return [];
  const text = conjunctions.map((tests) => `(${tests.map(test).join(" && ")})`).join(" || ");
  return [`${key} = '${text}'`];
}

function test({ fact, in: values, has }) {
  if (values !== undefined) return `${fact} in ${JSON.stringify(values)}`;
  return has === undefined ? `${fact} > now` : `${fact}.exists(f, f == ${JSON.stringify(has)})`;
}

const CHAT = { method: "POST", url: "/v1/chat/completions" };
const HEADERS = [["content-type", "application/json"]];

/** @param bundle The compiled policy. */
export function load(bundle, module) {
  const gate = Gate.loadSync({ module, bundle });
  return {
    gate,
    // A record holds seconds.
    account: (record) =>
      gate.account({ ...record, verified_until: Math.floor(record.verified_until / 1000) }),
    decide: ({ model, place, account, now }) => gate.access({ place, account, now }).may(model),
    verdict({ model, place, account, now }) {
      const body = `{"model":"${model}"}`;
      return (
        gate.judge({ ...CHAT, headers: HEADERS, body }, { place, account, now }).verdict !== "deny"
      );
    },
    grounds({ model, place, account, now }) {
      const body = `{"model":"${model}"}`;
      return gate.judge({ ...CHAT, headers: HEADERS, body }, { place, account, now }).restrictions;
    },
    judge: (body, { place, account, now }) =>
      gate.judge({ ...CHAT, headers: HEADERS, body }, { place, account, now }).verdict === "pass",
  };
}
