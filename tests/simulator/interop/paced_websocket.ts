/**
 * Puts a WebSocket in place of Deno's that hands on one message per turn of the event loop. Client libraries that write to an
 * inflater without waiting rely on being called back after each write, as Node does; Deno calls back once for all writes
 * of a turn, and the libraries take the bytes of several payloads for one. To be imported before the library.
 *
 * @module
 */

class PacedWebSocket extends WebSocket {
  #turn = Promise.resolve();

  override set onmessage(handler: ((event: MessageEvent) => void) | null) {
    this.addEventListener("message", (event) => {
      this.#turn = this.#turn.then(() => new Promise((resolve) => setTimeout(resolve, 0)));
      this.#turn.then(() => handler?.call(this, event));
    });
  }
}

globalThis.WebSocket = PacedWebSocket;
