/**
 * What every page has around it.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { render } from "preact-render-to-string";
import type { Person } from "../dashboard/person.ts";
import { ActionForm } from "./_form.tsx";
import { Island } from "./_island.tsx";
import type { Notice, PageContext } from "./_route.ts";

/** The pages that the head of every page links to. */
const PAGES = [
  ["/", "Fleet"],
  ["/presence", "Presence"],
  ["/commands", "Commands"],
  ["/queues", "Queues"],
  ["/audit", "Audit"],
] as const;

const NOTICE_WORDS: Readonly<Record<Notice["kind"], string>> = {
  done: "Done",
  refused: "Refused",
  failed: "Failed",
};

export interface PageOptions {
  readonly title: string;
  /** Stylesheets besides the one for all pages: `/static/fleet.css`. */
  readonly styles?: readonly string[];
  /** Of the stream that keeps the page live; none: it stands still. */
  readonly stream?: string;
  readonly status?: 200 | 400 | 401 | 403 | 404 | 429 | 500 | 503;
  /** Seconds after which the browser asks again; where a stream keeps the page live, only one without script. */
  readonly refreshSeconds?: number;
}

/** Answers with a whole page. */
export function page(
  context: PageContext,
  options: PageOptions,
  children: ComponentChildren,
): Response | Promise<Response> {
  const html = render(
    <Document
      {...options}
      path={context.req.path}
      person={context.get("person")}
      csrfToken={context.get("csrfToken")}
      notice={context.get("notice")}
    >
      {children}
    </Document>,
  );
  return context.html(`<!doctype html>${html}`, options.status ?? 200);
}

interface DocumentProps extends PageOptions {
  readonly path: string;
  readonly person: Person | null;
  readonly csrfToken: string;
  readonly notice: Notice | null;
  readonly children: ComponentChildren;
}

function Document(props: DocumentProps) {
  const { title, styles = [], stream, refreshSeconds, status = 200, person, notice, children } = props;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} · Shardline`}</title>
        {refreshSeconds !== undefined && (
          <noscript>
            <meta http-equiv="refresh" content={String(refreshSeconds)} />
          </noscript>
        )}
        <link rel="icon" href="/static/icon.svg" type="image/svg+xml" />
        {["/static/style.css", ...styles].map((href) => <link key={href} rel="stylesheet" href={href} />)}
        <script type="module" src="/static/islands.js" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to content</a>
        {person !== null && <Head {...props} person={person} />}
        {stream !== undefined && <Island name="Freshness" props={{ stream }} />}
        <main id="main">
          {notice !== null && (
            <p class={`notice ${notice.kind}`} role={notice.kind === "done" ? "status" : "alert"}>
              <b>{NOTICE_WORDS[notice.kind]}</b> {notice.text}
            </p>
          )}
          {children}
        </main>
        {stream === undefined && refreshSeconds !== undefined && (
          <Island name="Retry" props={{ everySeconds: refreshSeconds, status }} />
        )}
      </body>
    </html>
  );
}

function Head({ path, person, csrfToken }: DocumentProps & { readonly person: Person }) {
  return (
    <header>
      <a class="brand" href="/">Shardline</a>
      <nav aria-label="Pages">
        {PAGES.map(([href, name]) => (
          <a key={href} href={href} aria-current={isIn(path, href) ? "page" : undefined}>{name}</a>
        ))}
      </nav>
      <ActionForm action="/sign_out" csrfToken={csrfToken} class="person">
        <span title={`${person.role}, signed in by ${person.by}`}>
          {person.name} {person.name !== person.role && <small>{person.role}</small>}
        </span>
        <button type="submit" class="quiet">Sign out</button>
      </ActionForm>
    </header>
  );
}

function isIn(path: string, href: string): boolean {
  if (href !== "/") return path === href;
  return path === "/" || path.startsWith("/shards") || path.startsWith("/restarts");
}

/** Answers with a page that only says something. */
export function messagePage(
  context: PageContext,
  { title, lines, ...options }: PageOptions & { readonly lines: readonly string[] },
): Response | Promise<Response> {
  return page(
    context,
    { title, ...options },
    <section class="message">
      <h1>{title}</h1>
      {lines.map((line) => <p key={line}>{line}</p>)}
    </section>,
  );
}
