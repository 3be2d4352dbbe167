/**
 * How RabbitMQ says that a message is larger than it takes: it closes the channel.
 *
 * @module
 */

/** AMQP 0-9-1 reply code that RabbitMQ gives then. */
const PRECONDITION_FAILED = 406;

/**
 * The text as amqplib hands it on, in RabbitMQ's words: `is larger than configured max size`, without `configured`
 * where the limit is the built-in one, and without `is` before 3.8 (rabbit_channel.erl, check_msg_size).
 */
const WORDS =
  /with message "PRECONDITION_FAILED - message size (\d{1,15}) (?:is )?larger than (?:configured )?max size (\d{1,15})"$/;

/** The largest body that the broker takes, where this is what it closed the channel for; otherwise null. */
export function bodyMaxBytesOf(brokerError: Error): number | null {
  if (!("code" in brokerError) || brokerError.code !== PRECONDITION_FAILED) return null;
  const match = WORDS.exec(brokerError.message);
  if (match === null) return null;
  const [bodyBytes, bodyMaxBytes] = [Number(match[1]), Number(match[2])];
  // What does not add up is no limit that events could be measured by.
  return bodyBytes > bodyMaxBytes ? bodyMaxBytes : null;
}
