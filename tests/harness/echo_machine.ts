/**
 * Calls an address once, and says on a port of its own whatever is said to it.
 *
 * Arguments: port, host to call, its port.
 *
 * @module
 */
const [port, hostToCall, portToCall] = Deno.args;

const listener = Deno.listen({ hostname: "0.0.0.0", port: Number(port) });
using _call = await Deno.connect({ hostname: hostToCall ?? "", port: Number(portToCall) });
for await (const connection of listener) connection.readable.pipeTo(connection.writable).catch(() => {});
