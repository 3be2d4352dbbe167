/**
 * Events on their way to RabbitMQ, published as this project's wire contract says (docs/contract.md): the same exchange,
 * queue, properties and confirms as its gateway, so that the broker has the same work.
 *
 * What nobody would miss is left out, in the contenders' favour: a nack and a return are told and the event is gone,
 * nothing bounds what waits for a slow broker, and a lost connection ends the process.
 *
 * @module
 */
import amqplib from "amqplib";
import { Buffer } from "node:buffer";
import process from "node:process";

const EXCHANGE = "gateway";
const QUEUE = "gateway";
/** The default of `EVENT_TTL`, a day, in ms. */
const EXPIRATION = "86400000";

export class EventPublisher {
  #connection;
  #channel;
  #appId;
  #isClosing = false;

  constructor(connection, channel, appId) {
    this.#connection = connection;
    this.#channel = channel;
    this.#appId = appId;
  }

  /** Connects, and declares what events need. */
  static async open(url, appId) {
    const connection = await amqplib.connect(url, { noDelay: true });
    const channel = await connection.createConfirmChannel();
    await channel.assertExchange(EXCHANGE, "topic", { durable: true });
    await channel.assertQueue(QUEUE, { durable: true });
    await channel.bindQueue(QUEUE, EXCHANGE, "#");
    channel.on("return", ({ fields }) => tell(`${fields.routingKey} came back: no queue takes it`));
    return new EventPublisher(connection, channel, appId);
  }

  /** A dispatch, as the library parsed it; `session` is the id of the session that it belongs to. */
  publish(dispatch, shard, session) {
    if (this.#isClosing) return;
    this.#channel.publish(EXCHANGE, dispatch.t, Buffer.from(JSON.stringify(dispatch)), {
      contentType: "application/json",
      persistent: true,
      mandatory: true,
      type: dispatch.t,
      messageId: `${session}:${dispatch.s}`,
      timestamp: Math.floor(Date.now() / 1_000),
      expiration: EXPIRATION,
      appId: this.#appId,
      headers: { shard },
    }, (error) => {
      if (error !== null) tell(`${dispatch.t} is lost: ${error.message}`);
    });
  }

  /** Waits until the broker has confirmed all there is, and disconnects. */
  async close() {
    this.#isClosing = true;
    await this.#channel.waitForConfirms();
    await this.#connection.close();
  }
}

function tell(line) {
  process.stderr.write(`${line}\n`);
}
