import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import type { HtmlEscapedString } from 'hono/utils/html';
import { Form } from './forms.tsx';
import { HEALTH, ICON_PATH, OVERVIEW, QUEUE, SCRIPT_PATH, SIGN_OUT, STYLES_PATH } from './paths.ts';
import type { Session } from './session.ts';

interface PageProps {
  /** The heading of the page, and its title in the browser. Text without personal data. */
  readonly title: string;
  /** Null on the page that asks for a token. */
  readonly session: Session | null;
  /** The path of the navigation's entry that this page belongs to. */
  readonly here?: string;
  /** What lies above the page, the nearest last, such as its pool. */
  readonly trail?: readonly { readonly title: string; readonly path: string }[];
  /** What the heading shows if it is not the title alone. */
  readonly heading?: Child;
  /** True if the page has parts that server-sent events keep current. */
  readonly isLive?: boolean;
  readonly children: Child;
}

const ENTRIES = [
  [OVERVIEW, 'Overview'],
  [QUEUE, 'Queue'],
  [HEALTH, 'Health'],
] as const;

/** The frame of every page: navigation, heading, and a link that skips to the content. */
export function Page({ title, session, here, trail = [], heading, isLive, children }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${title} · cognito-mirror`}</title>
        <link rel="stylesheet" href={STYLES_PATH} />
        <link rel="icon" href={ICON_PATH} type="image/svg+xml" />
        {isLive ? <script type="module" src={SCRIPT_PATH} /> : null}
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        <header class="top">
          <p class="brand">cognito-mirror</p>
          {session === null ? null : <Navigation session={session} {...(here && { here })} />}
        </header>
        <main id="content" tabindex={-1}>
          {trail.length === 0 ? null : (
            <nav aria-label="Breadcrumb">
              <ol class="trail">
                {trail.map((each) => (
                  <li>
                    <a href={each.path}>{each.title}</a>
                  </li>
                ))}
              </ol>
            </nav>
          )}
          <h1>{heading ?? title}</h1>
          {children}
        </main>
      </body>
    </html>
  );
}

function Navigation({ session, here }: { readonly session: Session; readonly here?: string }) {
  return (
    <>
      <nav aria-label="Pages">
        <ul>
          {ENTRIES.map(([path, title]) => (
            <li>
              <a href={path} {...(path === here ? { 'aria-current': 'page' } : {})}>
                {title}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {session.formToken === null ? null : (
        <Form session={session} action={SIGN_OUT} class="leave">
          {session.right === 'view' ? <span class="quiet">Counts only</span> : null}
          <button type="submit" class="plain-button">
            Sign out
          </button>
        </Form>
      )}
    </>
  );
}

/** A line that tells a person what happened, or what to do. */
export function Notice({
  kind,
  children,
}: {
  readonly kind: 'good' | 'bad' | 'note';
  readonly children: Child;
}) {
  return (
    <div class={`notice ${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}

/** Answers with a page. */
export async function renderPage(
  context: Context,
  page: HtmlEscapedString | Promise<HtmlEscapedString>,
  status: 200 | 400 | 401 | 403 | 404 | 409 | 413 | 429 | 500 | 503 = 200,
): Promise<Response> {
  return context.html(`<!doctype html>\n${await Promise.resolve(page)}\n`, status);
}
