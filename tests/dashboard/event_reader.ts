/**
 * Reads a stream of server-sent events, message by message.
 *
 * @module
 */
import assert from "node:assert/strict";
import { beforeDeadline } from "../deadline.ts";

export class EventReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #waiting = "";
  /** Everything that has come. */
  text = "";

  constructor(stream: ReadableStream<Uint8Array> | null) {
    assert(stream !== null, "there is no stream");
    this.#reader = stream.getReader();
  }

  /** The next message of a kind, parsed. Null when the stream has ended. */
  async next<Message>(kind: string): Promise<Message | null> {
    while (true) {
      const end = this.#waiting.indexOf("\n\n");
      if (end === -1) {
        const { done, value } = await beforeDeadline(this.#reader.read(), () => `no ${kind} in ${this.text}`);
        if (done) return null;
        const text = this.#decoder.decode(value, { stream: true });
        this.#waiting += text;
        this.text += text;
      } else {
        const message = this.#waiting.slice(0, end);
        this.#waiting = this.#waiting.slice(end + "\n\n".length);
        if (!message.startsWith(`event: ${kind}\n`)) continue;
        return JSON.parse(message.slice(message.indexOf("data: ") + "data: ".length));
      }
    }
  }

  /** The first message of a kind that is as asked for; those before it are passed over. */
  async first<Message>(kind: string, isRight: (message: Message) => boolean): Promise<Message> {
    while (true) {
      const message = await this.next<Message>(kind);
      assert(message !== null, `the stream has ended: ${this.text}`);
      if (isRight(message)) return message;
    }
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}
