/**
 * An origin of WebSockets for the tests: it echoes, notes messages, and ends connections on
 * request.
 */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

/**
 * Each connection is an entry of `seen`: `url`, `headers`, `got` (messages, binary ones as
 * buffers), `closed` (code and reason, once it is). On `{"close":[code,reason]}` it closes so, on
 * `{"vanish":1}` it breaks off, on `{"say":[..]}` it sends these messages; it echoes any other
 * message. A path with `refuse` in it is not upgraded. It sends the messages of `first` before any
 * other. `access` verifies the access header, as `origin/access.mjs` does.
 */
export async function startSocketOrigin({ first = () => [], access = async () => undefined } = {}) {
  const seen = [];
  const server = createServer((request, response) =>
    response.writeHead(426, { "x-origin": "plain" }).end(`no ${request.method} here`),
  );
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: 64 << 20,
    handleProtocols: (offered) => offered.values().next().value,
  });
  const acknowledged = new WeakMap();
  sockets.on("headers", (lines, request) => {
    if (acknowledged.has(request)) lines.push(acknowledged.get(request).join(": "));
  });
  server.on("upgrade", async (request, connection, head) => {
    if (request.url.includes("refuse")) {
      connection.end(
        'HTTP/1.1 401 Unauthorized\r\nx-origin: refuses\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n{"no":"entry"}',
      );
      return;
    }
    const headers = await (
      await access({ method: "GET", url: request.url, raw: request.rawHeaders })
    )?.(101);
    if (headers !== undefined) acknowledged.set(request, headers);
    sockets.handleUpgrade(request, connection, head, (socket) => {
      const entry = {
        url: request.url,
        headers: request.headers,
        got: [],
        closed: undefined,
        send: (data) => socket.send(data),
        close: (...how) => socket.close(...how),
      };
      seen.push(entry);
      socket.on("error", () => undefined);
      socket.on("close", (code, reason) => (entry.closed = [code, reason.toString()]));
      socket.on("message", (data, binary) => {
        const text = binary ? undefined : data.toString();
        entry.got.push(text ?? data);
        const say = text?.startsWith('{"say":') ? JSON.parse(text).say : undefined;
        if (text === '{"vanish":1}') connection.destroy();
        else if (say !== undefined)
          for (const message of say)
            socket.send(typeof message === "string" ? message : JSON.stringify(message));
        else if (text?.startsWith('{"close":')) socket.close(...JSON.parse(text).close);
        else socket.send(data, { binary });
      });
      for (const message of first(entry)) socket.send(message);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    seen,
    close() {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
