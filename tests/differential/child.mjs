/** How long a reply may take on the busiest machine, in milliseconds. */
const PATIENCE = 60_000;

/** A child process that replies to each line with one line. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export class Child {
  #process;
  #waiting = [];
  #name;
  #ended = false;

  constructor(name, command, args, options = {}) {
    this.#name = name;
    this.#process = spawn(command, args, {
      ...options,
      stdio: ["pipe", "pipe", options.stderr ?? "inherit"],
    });
    this.#process.on("error", (error) => this.#fail(error));
    this.#process.on("exit", (code) => this.#fail(new Error(`${name} ended with ${code}`)));
    this.#process.stdin.on("error", () => {});
    createInterface({ input: this.#process.stdout }).on("line", (line) =>
      this.#waiting.shift()?.resolve(JSON.parse(line)),
    );
  }

  /** Sends the messages and returns the replies in the same order. */
  ask(messages) {
    if (this.#ended) return Promise.reject(new Error(`${this.#name} has ended`));
    const answers = messages.map(
      () => new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })),
    );
    this.#process.stdin.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(""));
    const timer = setTimeout(
      () =>
        this.#fail(
          new Error(
            `${this.#name} does not answer: ${JSON.stringify(messages[messages.length - this.#waiting.length])}`,
          ),
        ),
      PATIENCE,
    );
    return Promise.all(answers).finally(() => clearTimeout(timer));
  }

  close() {
    this.#ended = true;
    this.#process.stdin.end();
  }

  #fail(error) {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#ended = true;
  }
}
