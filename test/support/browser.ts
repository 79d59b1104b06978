import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { BROWSER_HINT, executable, isBrowserMissing } from './chromium.ts';

/** The widths of a phone and of a screen, in both themes. */
const VIEWS = (['light', 'dark'] as const).flatMap((colorScheme) =>
  [390, 1280].map((width) => ({ colorScheme, width })),
);

/** Chromium for the tests of one file. */
export interface TestBrowser {
  /** Opens a page of its own session. Whatever goes wrong in it fails the test, except what `allow` matches. */
  open(options?: OpenOptions): Promise<Page>;
}

export interface OpenOptions {
  /** False: pages run no script. */
  readonly javaScript?: boolean;
  /** The problems that the test causes, such as `status of 401`. */
  readonly allow?: RegExp;
}

/**
 * Describes tests that need Chromium, which starts once for all of them. Skipped with a hint where it is
 * missing; where CI is set, they fail.
 */
export function describeInBrowser(name: string, tests: (browser: TestBrowser) => void): void {
  describe.skipIf(isBrowserMissing)(name, () => {
    let browser: Browser;
    let problems: string[] = [];
    const pages: Page[] = [];
    beforeAll(async () => {
      if (executable === undefined) throw new Error(BROWSER_HINT);
      // Chromium refuses its sandbox to root.
      const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
      browser = await chromium.launch({ executablePath: executable, args });
    });
    afterAll(() => browser?.close());
    afterEach(async () => {
      await Promise.all(pages.splice(0).map((page) => page.context().close()));
      const found = problems;
      problems = [];
      expect(found).toEqual([]);
    });
    tests({
      async open({ javaScript = true, allow } = {}) {
        const context = await browser.newContext({ javaScriptEnabled: javaScript });
        const page = await context.newPage();
        watch(page, (problem) => {
          if (allow === undefined || !allow.test(problem)) problems.push(problem);
        });
        pages.push(page);
        return page;
      },
    });
  });
}

/** Reports errors of the console, failed requests, and requests to another origin than the page's. */
function watch(page: Page, report: (problem: string) => void): void {
  let origin: string | null = null;
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') report(message.text());
  });
  page.on('pageerror', (error) => report(String(error)));
  page.on('request', (request) => {
    const { origin: asked } = new URL(request.url());
    origin ??= asked;
    if (asked !== origin) report(`request elsewhere: ${request.url()}`);
  });
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? '';
    // Leaving a page ends its stream of events.
    if (why !== 'net::ERR_ABORTED') report(`failed request: ${request.url()} (${why})`);
  });
}

/** Opens the form for the token, and signs in. */
export async function signIn(page: Page, url: string, token: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

/**
 * Checks the page that is shown, by axe-core, in both themes at the widths of a phone and of a screen.
 * Nothing may need scrolling sideways.
 */
export async function auditPage(page: Page): Promise<void> {
  // Evaluated by the debugger, which the content security policy does not concern.
  await page.evaluate(axe.source);
  for (const { colorScheme, width } of VIEWS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    const { violations } = await page
      .evaluate('axe.run()')
      .then((result) => result as axe.AxeResults);
    const found = violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
    );
    expect(found, `${page.url()} ${colorScheme} ${width}`).toEqual([]);
    const excess = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
    expect(excess, `${page.url()} at width ${width}`).toBeLessThanOrEqual(0);
  }
}
