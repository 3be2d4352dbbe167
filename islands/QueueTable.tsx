/**
 * The queues that are watched.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { amount, duration } from "./amounts.ts";
import { listen } from "./live.ts";

/** What the stream tells of them. */
export interface QueueFigures {
  /** How long ago it was looked in milliseconds, where it cannot be looked now; null where it can, or never could. */
  readonly lookedAgoMs: number | null;
  /** Why it cannot be looked now, as half a sentence; null where it can. */
  readonly problem: string | null;
  readonly queues: readonly QueueRow[];
}

interface QueueRow {
  readonly name: string;
  /** Null where it could not be looked at. */
  readonly messages: number | null;
  readonly consumers: number | null;
  /** Null where it has not been watched for a minute. */
  readonly changeInMinute: number | null;
  readonly unattended: boolean;
  /** Why it could not be looked at, as half a sentence; null where it could. */
  readonly problem: string | null;
}

export interface QueueTableProps {
  /** Of the page's stream. */
  readonly stream: string;
  readonly figures: QueueFigures;
}

export function QueueTable({ stream, figures: first }: QueueTableProps) {
  const [{ lookedAgoMs, problem, queues }, setFigures] = useState(first);
  useEffect(() => listen(stream, "queues", setFigures), []);
  const unattended = queues.filter((queue) => queue.unattended);
  // A screen reader says it when it happens; the notices themselves count.
  const spoken = [
    ...(problem === null ? [] : [problem]),
    ...unattended.map(({ name }) => `Nobody consumes queue ${name}, and it grows`),
  ].join(". ");
  return (
    <>
      <p class="sr" role="status">{spoken}</p>
      {problem !== null && (
        <p class="notice failed">
          {problem}.
          {lookedAgoMs !== null && ` The figures are ${duration(lookedAgoMs)} old.`}
        </p>
      )}
      {unattended.map(({ name, messages }) => (
        <p key={name} class="notice failed">
          Nobody consumes queue <code>{name}</code>, and it grows: {amount(messages ?? 0)}{" "}
          messages wait in it.
        </p>
      ))}
      <div class="scroll" tabIndex={0} role="region" aria-label="Watched queues">
        <table class="stacked">
          <thead>
            <tr>
              <th scope="col">Queue</th>
              <th scope="col" class="number">Ready</th>
              <th scope="col" class="number">Consumers</th>
              <th scope="col">Last minute</th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>{queues.map((queue) => <Row key={queue.name} {...queue} />)}</tbody>
        </table>
      </div>
    </>
  );
}

function Row(queue: QueueRow) {
  const { name, messages, consumers, changeInMinute, problem } = queue;
  return (
    <tr>
      <th scope="row">
        <code>{name}</code>
      </th>
      <td class="number" data-label="Ready">{messages === null ? "–" : amount(messages)}</td>
      <td class="number" data-label="Consumers">{consumers === null ? "–" : amount(consumers)}</td>
      <td data-label="Last minute">{problem === null ? changeWords(changeInMinute) : "–"}</td>
      <td>
        <State {...queue} />
      </td>
    </tr>
  );
}

function changeWords(change: number | null): string {
  if (change === null) return "not known yet";
  if (change === 0) return "→ steady";
  return change > 0 ? `↗ growing, +${amount(change)}` : `↘ falling, −${amount(-change)}`;
}

function State({ messages, consumers, unattended, problem }: QueueRow) {
  if (problem !== null) return <span class="warn">? {problem}</span>;
  if (unattended) return <span class="bad">✕ unattended</span>;
  if (consumers === 0) {
    return <span class="muted">○ {messages === 0 ? "empty, no consumer" : "no consumer"}</span>;
  }
  return <span class="good">● consumed</span>;
}
