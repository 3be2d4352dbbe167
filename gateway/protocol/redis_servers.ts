/**
 * Where Redis is.
 *
 * @module
 */

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** Who asks, where a server wants to know it. */
export interface RedisLogin {
  readonly username: string | null;
  readonly password: string | null;
}

/** One server, which may be whatever its address leads to now. */
export interface RedisServer {
  /** `redis://` or `rediss://`, with user, password and database number where they are not the defaults. */
  readonly url: string;
}

/** A master that Sentinels watch, and replace by one of its replicas when it is down. The login is the master's. */
export interface RedisSentinels extends RedisLogin {
  readonly sentinels: readonly HostAndPort[];
  /** What the Sentinels call the master. */
  readonly masterName: string;
  readonly sentinelPassword: string | null;
}

/** A Redis Cluster. Whoever has all their keys in one slot needs the one node that owns it. */
export interface RedisCluster extends RedisLogin {
  /** Some of its nodes, which know the others. */
  readonly clusterNodes: readonly HostAndPort[];
}

/** Plain data, for it goes to other threads; with passwords, and so for no log. */
export type RedisServers = RedisServer | RedisSentinels | RedisCluster;

/** `host:port`, with the brackets that an IPv6 address needs there. */
export function hostAndPort({ host, port }: HostAndPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** All of what is asked first, as `host:port`, for people: never with a password. */
export function redisAddress(servers: RedisServers): string {
  if ("url" in servers) return hostAndPort(serverPlace(servers));
  return ("sentinels" in servers ? servers.sentinels : servers.clusterNodes).map(hostAndPort).join(", ");
}

/** Throws a TypeError for what is not a URL. */
export function serverPlace({ url }: RedisServer): HostAndPort {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || 6379) };
}

/** Whether all keys that begin like this are in one slot (Redis docs, Cluster specification, Hash tags). */
export function hasHashTag(prefix: string): boolean {
  return /^[^{]*\{[^}]+\}/.test(prefix);
}
