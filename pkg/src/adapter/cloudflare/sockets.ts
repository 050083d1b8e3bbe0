/** WebSockets of the Workers runtime (Workers runtime API, "WebSockets"). */
import type { Side, Sockets } from "../../websocket/sockets.ts";

declare const WebSocketPair: new () => { 0: WebSocket; 1: Side };

export const sockets: Sockets = {
  accept(headers) {
    const { 0: webSocket, 1: side } = new WebSocketPair();
    const init = { status: 101, webSocket, headers } as ResponseInit;
    return { side, response: new Response(null, init) };
  },
  opened: (response) => (response as { webSocket?: Side | null }).webSocket ?? undefined,
};
