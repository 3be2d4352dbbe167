/**
 * The one call to Discord's REST API that a gateway cannot do without.
 *
 * @module
 */

/** What `GET /gateway/bot` answers: where to connect, and how many shards may identify at once. */
export async function fetchGatewayBot({ apiUrl, token }) {
  const response = await fetch(`${apiUrl}/v10/gateway/bot`, { headers: { authorization: `Bot ${token}` } });
  if (!response.ok) throw new Error(`Cannot read /gateway/bot: Discord answered ${response.status}`);
  return await response.json();
}
