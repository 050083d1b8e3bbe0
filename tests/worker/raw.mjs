/** An HTTP client that sends its input unchanged, in the given pieces. `fetch` would correct it. */
import { connect } from "node:net";

/**
 * Opens a connection to `url`. `answer` resolves with status and body once a response is complete.
 */
export async function open(url) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  let text = "";
  socket.setNoDelay(true);
  const head = deferred();
  const ended = deferred();
  socket.on("data", (data) => {
    text += data.toString("latin1");
    const status = /^HTTP\/1\.1 (\d{3})/.exec(text);
    if (status !== null && text.includes("\r\n\r\n")) head.resolve(Number(status[1]));
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    ended.resolve(text);
    head.resolve(undefined);
  });
  return {
    socket,
    /** Status of the answer, once its head is there. Undefined if the connection closed before. */
    status: head.promise,
    /** All bytes of the answer, once the other side has closed. */
    all: ended.promise,
    text: () => text,
    head: (method, path, headers) =>
      write(
        socket,
        `${method} ${path} HTTP/1.1\r\nhost: gate.example\r\n${Object.entries(headers)
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join("")}\r\n`,
      ),
    bytes: (data) => write(socket, data),
    chunk: (data) =>
      write(
        socket,
        Buffer.concat([
          Buffer.from(`${Buffer.byteLength(data).toString(16)}\r\n`),
          Buffer.from(data),
          Buffer.from("\r\n"),
        ]),
      ),
    last: () => write(socket, "0\r\n\r\n"),
    destroy: () => socket.destroy(),
  };
}

export function until(holds, ms = 5_000) {
  const start = Date.now();
  return new Promise((resolve, reject) => {
    const look = () => {
      if (holds()) resolve();
      else if (Date.now() - start > ms) reject(new Error(`not within ${ms} ms: ${holds}`));
      else setTimeout(look, 5);
    };
    look();
  });
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function write(socket, data) {
  return new Promise((resolve) => socket.write(data, resolve));
}

function deferred() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}
