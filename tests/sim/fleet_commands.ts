/**
 * The commands of a simulated fleet: `gateway.send`, its router and the queues of its members, as each process reaches
 * them.
 *
 * @module
 */
import type { FleetLinks } from "../../gateway/command_intake.ts";
import type { MemberLink, RouterLink } from "../../gateway/commands/links.ts";
import { MemoryCommandBroker } from "../fakes/memory_command_links.ts";
import type { GatewayProcess } from "./gateway_process.ts";

export class FleetCommands {
  readonly #broker = new MemoryCommandBroker();
  readonly #kills = new Map<GatewayProcess, () => void>();

  send(command: unknown): void {
    this.#broker.send(command);
  }

  links(process: GatewayProcess, member: string): FleetLinks {
    const router = this.#broker.router();
    const own = this.#broker.member(member);
    this.#kills.set(process, () => {
      router.kill();
      own.kill();
    });
    return { router: routerOf(process, router), member: memberOf(process, own) };
  }

  processDied(process: GatewayProcess): void {
    this.#kills.get(process)?.();
    this.#kills.delete(process);
  }
}

function routerOf(process: GatewayProcess, link: RouterLink): RouterLink {
  return {
    start: (user) => {
      if (!process.calls()) return;
      link.start({
        opened: process.into(() => user.opened()),
        command: process.into((incoming) => user.command(incoming)),
        reported: process.into((report) => user.reported(report)),
        returned: process.into((member, stream) => user.returned(member, stream)),
        closed: process.into(() => user.closed()),
      });
    },
    pass: (member, command) => {
      if (process.calls()) link.pass(member, command);
    },
    quiet: () => asked(process, () => link.quiet()),
    close: () => asked(process, () => link.close()),
  };
}

function memberOf(process: GatewayProcess, link: MemberLink): MemberLink {
  return {
    start: (user) => {
      if (!process.calls()) return;
      link.start({
        opened: process.into(() => user.opened()),
        passed: process.into((command) => user.passed(command)),
        closed: process.into(() => user.closed()),
      });
    },
    report: (report) => {
      if (process.calls()) link.report(report);
    },
    quiet: () => asked(process, () => link.quiet()),
    close: () => asked(process, () => link.close()),
  };
}

function asked(process: GatewayProcess, ask: () => Promise<void>): Promise<void> {
  return process.asks((resolve) => void ask().then(resolve));
}
