/**
 * Whose browser is at the other end: of a connection, or of the reverse proxy that made it.
 *
 * @module
 */
import { BlockList, isIP } from "node:net";
import type { DashboardSettings } from "../settings.ts";

export interface Visitor {
  /** As audit and limits know them: an IP address in its usual form, `unknown` where there is no network. */
  readonly address: string;
  /** Whether the browser came by TLS, as far as we can know. */
  readonly isByTls: boolean;
}

/** What a request tells of its way here. */
export interface Way {
  /** The other end of the connection. */
  readonly remoteAddress: string | undefined;
  /** `X-Forwarded-For` and `X-Forwarded-Proto`, which anybody can send. */
  readonly forwardedFor: string | undefined;
  readonly forwardedProto: string | undefined;
}

const UNKNOWN = "unknown";

/** Knows visitors. Headers are believed where a proxy of ours sent them, and no further than our proxies go. */
export class Visitors {
  readonly #isPublicByTls: boolean;
  readonly #proxies = new BlockList();
  readonly #warn: (message: string) => void;
  #hasWarned = false;

  /** @param warn Hears of the first that sends `X-Forwarded-For` and is not believed, as one line for the log. */
  constructor(
    { publicUrl, proxies }: Pick<DashboardSettings, "publicUrl" | "proxies">,
    warn: (message: string) => void,
  ) {
    this.#warn = warn;
    this.#isPublicByTls = publicUrl?.startsWith("https:") === true;
    for (const proxy of proxies) {
      const [address = "", length] = proxy.split("/");
      const family = familyOf(address);
      if (length === undefined) this.#proxies.addAddress(address, family);
      else this.#proxies.addSubnet(address, Number(length), family);
    }
  }

  visitor({ remoteAddress = "", forwardedFor = "", forwardedProto = "" }: Way): Visitor {
    const other = usualForm(remoteAddress);
    const isProxied = other !== null && this.#isProxy(other);
    if (other !== null && !isProxied && forwardedFor !== "") this.#warnOnce(other);
    return {
      address: (isProxied ? this.#lastUntrusted(forwardedFor) : null) ?? other ?? UNKNOWN,
      isByTls: this.#isPublicByTls ||
        // Of several, the last is what the proxy that called us added.
        (isProxied && forwardedProto.split(",").at(-1)?.trim() === "https"),
    };
  }

  /** Once, because anybody can send the header again and again; a proxy that is not named sends it with everything. */
  #warnOnce(address: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#warn(
      `The dashboard does not believe X-Forwarded-For from ${address}. If that is your reverse proxy, set ` +
        "DASHBOARD_PROXIES to it: else all who come through it count as one visitor, and anybody's wrong passwords " +
        "lock out everybody",
    );
  }

  /**
   * Each proxy appends whom it was called by, so what stands left of the last that is none of ours may be invented. Null
   * where that one is not an address, or all are proxies.
   */
  #lastUntrusted(forwardedFor: string): string | null {
    const addresses = forwardedFor.split(",").map((text) => usualForm(withoutPort(text.trim())));
    return addresses.findLast((address) => address === null || !this.#isProxy(address)) ?? null;
  }

  #isProxy(address: string): boolean {
    return this.#proxies.check(address, familyOf(address));
  }
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return address.includes(":") ? "ipv6" : "ipv4";
}

/** Some proxies append a port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. A bare IPv6 address has none. */
function withoutPort(text: string): string {
  const [, inBrackets, bare] = /^(?:\[([^[\]]+)\]|([^:]+))(?::\d{1,5})?$/.exec(text) ?? [];
  return inBrackets ?? bare ?? text;
}

/** One spelling for each address: `::ffff:127.0.0.1` is 127.0.0.1. Null for what is none. */
function usualForm(text: string): string | null {
  const version = isIP(text);
  if (version !== 6) return version === 4 ? text : null;
  const address = new URL(`http://[${text.replace(/%.*$/, "")}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  return [high, low].map((half) => parseInt(half, 16)).map((half) => `${half >> 8}.${half & 255}`).join(".");
}

/**
 * What one visitor can easily have all of: of IPv6 the first 64 bits, because a single line is given at least as many
 * addresses as those leave.
 */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [before = [], after = []] = address.split("::").map((part) => part === "" ? [] : part.split(":"));
  const left = Array(8 - before.length - after.length).fill("0");
  return `${[...before, ...left, ...after].slice(0, 4).join(":")}::/64`;
}
