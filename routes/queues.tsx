/**
 * How full the queues are, and who consumes them.
 *
 * @module
 */
import { queueFigures } from "../dashboard/queues/queues_topic.ts";
import type { ManagementAnswer, QueueFigures } from "../dashboard/queues/management_client.ts";
import { amount, bytes } from "../islands/amounts.ts";
import { Island } from "./_island.tsx";
import { page } from "./_layout.tsx";
import type { Route } from "./_route.ts";

const STREAM = "/live?queues";
/** As often as they are looked at. */
const REFRESH_SECONDS = 5;

export const queues: Route = {
  async GET(context) {
    const { queues, management, clock } = context.get("services");
    const answer = management === null ? null : await management.ask();
    const figures = queueFigures(queues.snapshot(), clock.wallMs());
    return await page(
      context,
      { title: "Queues", styles: ["/static/forms.css"], stream: STREAM, refreshSeconds: REFRESH_SECONDS },
      <>
        <h1>Queues</h1>
        <section class="panel">
          <h2>Watched</h2>
          {figures.queues.length === 0
            ? (
              <p class="empty">
                No queue is watched: DEFAULT_QUEUE is false, and WATCH_QUEUES names none.
              </p>
            )
            : <Island name="QueueTable" props={{ stream: STREAM, figures }} />}
          <p class="muted below">
            A queue that has grown for a minute without a consumer is unattended until it has one, or is
            empty. Watched are the queues in DEFAULT_QUEUE and WATCH_QUEUES.
          </p>
        </section>
        {answer === null
          ? (
            <section class="panel">
              <h2>Bindings</h2>
              <p class="empty">
                Set RABBIT_MANAGEMENT_URL to see who else is bound to the events, and how fast queues move.
              </p>
            </section>
          )
          : <Management answer={answer} />}
      </>,
    );
  },
};

function Management({ answer }: { readonly answer: ManagementAnswer }) {
  const { bindings, bindingsLeftOut, queues, problem } = answer;
  return (
    <>
      {problem !== null && (
        <p class="notice failed" role="alert">
          RabbitMQ's management interface does not tell everything: {problem}.
        </p>
      )}
      {queues.size > 0 && (
        <section class="panel">
          <h2>As RabbitMQ measures them</h2>
          <div class="scroll" tabIndex={0} role="region" aria-label="Measured queues">
            <table class="stacked">
              <thead>
                <tr>
                  <th scope="col">Queue</th>
                  <th scope="col" class="number">Unacknowledged</th>
                  <th scope="col" class="number">Size</th>
                  <th scope="col" class="number">In, per second</th>
                  <th scope="col" class="number">Out, per second</th>
                </tr>
              </thead>
              <tbody>
                {[...queues].map(([name, figures]) => <Figures key={name} name={name} {...figures} />)}
              </tbody>
            </table>
          </div>
        </section>
      )}
      <section class="panel">
        <h2>Bindings of exchange gateway</h2>
        {bindings.length === 0
          ? <p class="empty">{problem === null ? "Nothing is bound to it." : "None is known."}</p>
          : (
            <div class="scroll" tabIndex={0} role="region" aria-label="Bindings">
              <table class="stacked">
                <thead>
                  <tr>
                    <th scope="col">Events</th>
                    <th scope="col">Go to</th>
                    <th scope="col">Which is</th>
                  </tr>
                </thead>
                <tbody>
                  {bindings.map(({ routingKey, destination, destinationType }) => (
                    <tr key={`${destinationType} ${destination} ${routingKey}`}>
                      <td data-label="Events">
                        <code>{routingKey}</code>
                        {routingKey === "#" && <span class="muted">all</span>}
                      </td>
                      <td data-label="Go to">
                        <code>{destination}</code>
                      </td>
                      <td data-label="Which is">{destinationType === "queue" ? "a queue" : "an exchange"}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        {bindingsLeftOut > 0 && <p class="muted">And {amount(bindingsLeftOut)} more.</p>}
      </section>
    </>
  );
}

function Figures(
  { name, unacknowledged, bytes: size, inPerSecond, outPerSecond }: QueueFigures & { readonly name: string },
) {
  return (
    <tr>
      <th scope="row">
        <code>{name}</code>
      </th>
      <td class="number" data-label="Unacknowledged">
        {unacknowledged === null ? "–" : amount(unacknowledged)}
      </td>
      <td class="number" data-label="Size">{size === null ? "–" : bytes(size)}</td>
      <td class="number" data-label="In, per second">{inPerSecond === null ? "–" : amount(inPerSecond)}</td>
      <td class="number" data-label="Out, per second">
        {outPerSecond === null ? "–" : amount(outPerSecond)}
      </td>
    </tr>
  );
}
