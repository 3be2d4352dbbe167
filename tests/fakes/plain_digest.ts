/**
 * A digest that can be read: the name, and the text of the data.
 *
 * @module
 */
export function plainDigest(name: string, data: Uint8Array): string {
  return `${name} ${new TextDecoder().decode(data)}`;
}
