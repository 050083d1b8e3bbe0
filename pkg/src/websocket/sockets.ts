/** What a runtime must provide to relay WebSockets. This file holds types only. */

/** One side of a WebSocket. It delivers no message before `accept` is called. */
export type Side = WebSocket & { accept(): void };

/** How a runtime serves and opens WebSockets. */
export interface Sockets {
  /**
   * Accepts a client's upgrade. Returns the gate's side, and the response that opens the client's
   * side.
   */
  accept(headers: Headers): { readonly side: Side; readonly response: Response };
  /**
   * Returns the gate's side of a socket that a response of the origin opens; undefined if it opens
   * none.
   */
  opened(response: Response): Side | undefined;
}
