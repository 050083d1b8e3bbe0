/**
 * Memory: what a process holds before and after many decisions, and before and after many accounts
 * that were made, used once and left to the garbage collector.
 */
import { Requests, recordsOf } from "../requests.mjs";
import { ACCOUNTS, DECISIONS } from "../settings.mjs";

/** Accounts that are made before the collector gets a turn. */
const BATCH = 1_000;

export function prepare({ policy, engine, map }) {
  const records = recordsOf();
  const requests = new Requests(policy, records);
  requests.use(records.map(engine.account), map);
  const decide = (count) => {
    for (let index = 0; index < count; index += 1)
      sink += engine.decide(requests.at(index % requests.length)) ? 1 : 0;
  };
  return {
    found: {},
    async round() {
      decide(1e4);
      const before = await held();
      const start = performance.now();
      decide(DECISIONS);
      const seconds = (performance.now() - start) / 1e3;
      const decided = await held();
      for (let made = 0; made < ACCOUNTS; made += BATCH) {
        const callers = recordsOf(BATCH, 1_000 + made, 100_000 + made);
        const fresh = new Requests(policy, callers, { count: BATCH, seed: made + 1 });
        fresh.use(callers.map(engine.account), false);
        for (let index = 0; index < BATCH; index += 1)
          sink += engine.decide(fresh.at(index)) ? 1 : 0;
        // Finalisers run between tasks.
        await new Promise(setImmediate);
      }
      return { before, decided, accounts: await held(), seconds };
    },
  };
}

/** Bytes that are held after a collection: V8's heap, the process, wasm memories. */
async function held() {
  for (let turn = 0; turn < 4; turn += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss, wasm: wasmBytes() };
}

const memories = globalThis.wasmMemories ?? [];
const wasmBytes = () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);

/** What the answers come to, so that V8 cannot leave a decision out. */
export let sink = 0;
