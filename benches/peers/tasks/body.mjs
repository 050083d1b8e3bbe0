/**
 * Bodies: from the bytes of a request to its verdict, for callers under restriction, of whom
 * nothing may pass unread. `json-parse` is what one writes by hand: the bytes decoded, parsed, and
 * the rule asked about `model`.
 */
import { grounds } from "../oracle.mjs";
import { Requests, recordsOf } from "../requests.mjs";
import { stopwatch } from "../stopwatch.mjs";

const KB = 1_000;
export const SIZES = { "1 KB": KB, "10 KB": 10 * KB, "100 KB": 100 * KB, "1 MB": 1_000 * KB };
export const PLACES = ["first", "last"];

const filled = (text, size) =>
  text.repeat(Math.max(1, Math.round(size / Buffer.byteLength(JSON.stringify(text)))));
const user = (content) => ({ messages: [{ role: "user", content }] });
const SCHEMA = {
  type: "object",
  properties: { a: { type: "string" }, b: { type: "number" }, c: { type: "boolean" } },
  required: ["a", "b"],
};

/** Makes what a body holds beside its model, of about this size. */
const SHAPES = {
  // Lines of code: five escapes in each.
  ascii: (size) =>
    user(filled('if (name == "portcullis") { lower(gate, "slowly"); }\n', size - 80)),
  // Letters outside ASCII here and there.
  prose: (size) =>
    user(filled("Le château fort ferme sa herse à la nuit tombée — et l’ouvre au matin. ", size)),
  image: (size) =>
    user([
      { type: "text", text: "What is in this picture?" },
      {
        type: "image_url",
        image_url: { url: `data:image/png;base64,${filled("iVBORw0KGgo/+Aa9", size - 160)}` },
      },
    ]),
  many: (size) => ({
    messages: Array.from({ length: Math.max(1, Math.round(size / 62)) }, (_, index) => ({
      role: index % 2 ? "assistant" : "user",
      content: `Message ${index}: raise the gate.`,
    })),
  }),
  tools: (size) => ({
    ...user("hi"),
    tools: Array.from({ length: Math.max(1, Math.round(size / 210)) }, (_, index) => ({
      type: "function",
      function: { name: `f${index}`, parameters: SCHEMA },
    })),
  }),
  Russian: (size) => user(filled("Решётка опускается у края замка, и запрос ждёт. ", size)),
  Chinese: (size) => user(filled("城门在黄昏落下，请求在门外等候。", size)),
};
export const SHAPE_NAMES = Object.keys(SHAPES);

/** Bodies of one kind, so many that neither the text nor the caller is always the same one. */
function bodiesOf(policy, requests, shape, size, place) {
  const count = size >= 100 * KB ? 4 : 16;
  return Array.from({ length: count }, (_, index) => {
    const { model } = requests.at(index);
    const rest = SHAPES[shape](size + index);
    const body = place === "first" ? { model, ...rest } : { ...rest, model };
    return {
      bytes: new TextEncoder().encode(JSON.stringify(body)),
      expected: grounds(policy, requests.plain(index)).length === 0,
    };
  });
}

export function prepare({ kind, policy, engine, shapes = SHAPE_NAMES }) {
  const records = recordsOf();
  const requests = new Requests(policy, records, { restricted: true });
  requests.use(records.map(engine.account), false);
  const decoder = new TextDecoder();
  const judge =
    engine.judge ??
    ((bytes, request) => {
      const { model } = JSON.parse(decoder.decode(bytes));
      // What an engine says of a text that is no model is not asked here.
      if (typeof model !== "string") return false;
      request.model = model;
      return engine.decide(request);
    });
  const check = (bodies, offset) =>
    bodies.filter(
      ({ bytes, expected }, index) => judge(bytes, requests.at(offset + index)) !== expected,
    ).length;
  if (kind === "first") return first();

  const cells = [];
  let wrong = 0;
  let checked = 0;
  for (const shape of shapes)
    for (const size of Object.keys(SIZES))
      for (const place of PLACES) {
        const bodies = bodiesOf(policy, requests, shape, SIZES[size], place);
        wrong += check(bodies, 0);
        checked += bodies.length;
        // The warmth of one cell serves the next ones too.
        const round = stopwatch(
          (index) => {
            const which = index % bodies.length;
            sink += judge(bodies[which].bytes, requests.at(which)) ? 1 : 0;
          },
          { round: 12, warm: 40 },
        );
        const bytes = bodies.reduce((sum, body) => sum + body.bytes.length, 0) / bodies.length;
        cells.push({ shape, size, place, bytes, round });
      }
  return {
    round: () =>
      cells.map(({ round, ...cell }) => ({
        cell: `${cell.shape}, ${cell.size} ${cell.place}`,
        bytes: cell.bytes,
        nanoseconds: round(),
      })),
    found: { wrong, checked },
  };

  /** The first thousand bodies of 1 KB in this process, in the order in which they come. */
  function first() {
    const bodies = Array.from({ length: 1_000 }, (_, index) => {
      const { model } = requests.at(index);
      const text = JSON.stringify({ model, ...SHAPES.ascii(KB) });
      return { bytes: new TextEncoder().encode(text), request: requests.at(index) };
    });
    const groups = [1, 9, 90, 900];
    return {
      found: {},
      round() {
        let at = 0;
        const answers = [];
        const times = groups.map((count) => {
          const start = performance.now();
          for (const end = at + count; at < end; at += 1)
            answers.push(judge(bodies[at].bytes, bodies[at].request));
          return ((performance.now() - start) * 1e6) / count;
        });
        const wrong = answers.filter(
          (answer, index) => answer !== (grounds(policy, requests.plain(index)).length === 0),
        ).length;
        return { times, wrong };
      },
    };
  }
}

/** What the answers come to, so that V8 cannot leave a body out. */
export let sink = 0;
