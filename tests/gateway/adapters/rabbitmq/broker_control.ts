/**
 * Sets a RabbitMQ of one's own at will while it runs.
 *
 * @module
 */
import assert from "node:assert/strict";
import { programPaths } from "../../../../harness/programs.ts";
import type { RabbitServer } from "../../../../harness/rabbitmq.ts";

export class BrokerControl {
  readonly #rabbit: RabbitServer;

  constructor(rabbit: RabbitServer) {
    this.#rabbit = rabbit;
  }

  /** The largest body that it takes, on channels opened from now on. */
  async limitBodies(bodyMaxBytes: number): Promise<void> {
    // 3.10 asks for it whenever a channel is opened, later releases at their own start.
    await this.#evaluate(
      `application:set_env(rabbit, max_message_size, ${bodyMaxBytes}), ` +
        `persistent_term:put(max_message_size, ${bodyMaxBytes}).`,
    );
  }

  /** Blocks every connection that publishes, as a broker does that is short of memory. */
  async raiseMemoryAlarm(): Promise<void> {
    await this.#evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0).");
  }

  async endMemoryAlarm(): Promise<void> {
    await this.#evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.4).");
  }

  async #evaluate(expression: string): Promise<void> {
    const { server } = this.#rabbit;
    const [port, , epmdPort] = server.ports;
    const program = (await programPaths(["rabbitmq"])).rabbitmq.replace(/rabbitmq-server$/, "rabbitmqctl");
    const { success, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", 'exec "$@"', "sh", program, "--node", `shardline-${port}@localhost`, "eval", expression],
      env: {
        HOME: server.logPath.replace(/\/[^/]*$/, ""), // where Erlang's cookie is
        LANG: "C.UTF-8",
        ERL_EPMD_PORT: String(epmdPort),
      },
    }).output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert(success, `Cannot evaluate ${expression} in RabbitMQ: ${said}`);
  }
}
