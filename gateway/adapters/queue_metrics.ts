/**
 * The metrics of the queues that the dashboard looks at. Apart from all others, because a dashboard that runs alone has
 * these and none else.
 *
 * @module
 */
import { Gauge, Registry } from "prom-client";
import type { Observer } from "../observation.ts";

export class QueueMetrics {
  readonly contentType: string = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #registry = new Registry();
  readonly #messages = this.#gauge("gateway_queue_messages", "Messages ready in a queue that is looked at");
  readonly #consumers = this.#gauge("gateway_queue_consumers", "Consumers of a queue that is looked at");
  readonly #unattended = this.#gauge(
    "gateway_queue_unattended",
    "1 where a queue has grown for a minute and nobody consumes from it",
  );

  readonly observe: Observer = (observation) => {
    if (observation.kind !== "queue.watched") return;
    const { queue, messages, consumers, unattended } = observation;
    if (messages === null) {
      // There is no such queue, so nobody could consume it.
      this.#messages.remove({ queue });
      this.#consumers.remove({ queue });
    } else {
      this.#messages.set({ queue }, messages);
      this.#consumers.set({ queue }, consumers);
    }
    this.#unattended.set({ queue }, Number(unattended));
  };

  /** In Prometheus's text format 0.0.4, with a line break at the end. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #gauge(name: string, help: string): Gauge<"queue"> {
    return new Gauge({ name, help, labelNames: ["queue"], registers: [this.#registry] });
  }
}
