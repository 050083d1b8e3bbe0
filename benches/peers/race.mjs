/**
 * Lets contenders take turns. Each start gives every contender a process of its own; within a start
 * the rounds of all contenders interleave, so that a disturbance meets all of them alike.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { contender, path } from "./contenders.mjs";

/** The middle of some numbers, whose count is odd here. */
export function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

/** How often a process may end before its contender is given up. */
const ENDS = 3;

/**
 * @param jobs What the contenders do: see `child.mjs`
 * @param options.node The program that runs them. `major`: its version. `flags`: its options.
 *   `env`: more variables.
 * @returns For each job what its preparation `found`, and the result of each round in each start
 */
export async function race(jobs, { node, major, starts, rounds, flags = [], env = {} }) {
  const results = jobs.map((job) => ({ ...job, found: [], starts: [] }));
  for (let start = 0; start < starts; start += 1) {
    // Answers are checked once; a later start asks for the same ones.
    const variables = { ...process.env, ...(start > 0 && { CHECK: "50" }), ...env };
    const racers = jobs.map((job) => {
      const own = contender(job.contender).flags?.[major] ?? [];
      return new Racer(job, { node, flags: [...flags, ...own], env: variables });
    });
    try {
      for (const [index, racer] of racers.entries()) {
        await racer.start();
        results[index].found.push(racer.found);
        results[index].starts.push([]);
      }
      for (let round = 0; round < rounds; round += 1)
        for (let turn = 0; turn < jobs.length; turn += 1) {
          const index = (turn + round) % jobs.length;
          results[index].starts[start].push(await racers[index].round());
        }
    } finally {
      for (const racer of racers) racer.stop();
    }
  }
  return results;
}

/**
 * A contender's process. Should it end by itself, as V8 has made one do, another one takes its
 * place, and the run says so.
 */
class Racer {
  #job;
  #options;
  #child;
  #ends = 0;
  found;

  constructor(job, options) {
    this.#job = job;
    this.#options = options;
  }

  async start() {
    do {
      const { node, flags, env } = this.#options;
      this.#child = fork(path("child.mjs"), [JSON.stringify(this.#job)], {
        execPath: node,
        execArgv: flags,
        env,
      });
      this.found = await this.#next();
    } while (this.found === undefined);
  }

  async round() {
    for (;;) {
      this.#child.send("round");
      const result = await this.#next();
      if (result !== undefined) return result;
      await this.start();
    }
  }

  stop() {
    this.#child?.kill();
  }

  /** The next message of the process, or undefined if it has ended. */
  async #next() {
    const stop = new AbortController();
    const { signal } = stop;
    const message = once(this.#child, "message", { signal }).then(([value]) => value);
    const end = once(this.#child, "exit", { signal }).then(() => undefined);
    const first = await Promise.race([message, end]);
    stop.abort();
    await Promise.allSettled([message, end]);
    if (first === undefined) {
      const { contender, kind, policy } = this.#job;
      const { exitCode, signalCode } = this.#child;
      const said = `${contender} (${kind}, ${policy}) ended by itself: ${signalCode ?? exitCode}`;
      this.#ends += 1;
      if (this.#ends === ENDS || exitCode !== null) throw new Error(said);
      console.log(`${said}. It starts again.\n`);
    }
    return first;
  }
}

/** Median, lowest and highest of the starts, each of which is the median of its rounds. */
export function summary(starts, value = ({ nanoseconds }) => nanoseconds) {
  const medians = starts.map((rounds) => median(rounds.map(value)));
  return {
    nanoseconds: median(medians),
    lowest: Math.min(...medians),
    highest: Math.max(...medians),
    starts: medians,
  };
}
