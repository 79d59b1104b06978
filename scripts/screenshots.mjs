/**
 * Takes the pictures of docs/images: each page of the dashboard, with demo data. Needs Chromium, and the
 * mirror that `npm run demo` left.
 *
 *     npm run demo && node scripts/screenshots.mjs
 */
import { spawn } from 'node:child_process';
import { mkdir, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Failure, runMain } from './lib/failure.mjs';

const MAIN = fileURLToPath(new URL('../bin/cognito-mirror.mjs', import.meta.url));
const IMAGES = fileURLToPath(new URL('../docs/images/', import.meta.url));
const POOL = 'us-east-1_Demo';
/** The repository must not grow by pictures. */
const MOST_BYTES = 150_000;

/** @typedef {import('playwright-core').Page} Page */

/**
 * Pictures by name: how to get to the page from the overview.
 *
 * @type {Record<string, (page: Page) => Promise<unknown>>}
 */
const PICTURES = {
  overview: async () => {},
  pool: (page) =>
    page
      .getByRole('link', { name: /^demo|Demo/i })
      .first()
      .click(),
  snapshot: (page) => page.locator('.squares a').last().click(),
  queue: (page) => page.getByRole('link', { name: 'Queue' }).click(),
  health: (page) => page.getByRole('link', { name: 'Health' }).click(),
  people: async (page) => {
    await page.goto(new URL(`/pools/${POOL}/people`, page.url()).href);
    await page.getByRole('searchbox').or(page.getByRole('textbox')).first().fill('newcomer');
    await page.keyboard.press('Enter');
    await page.getByRole('table').first().waitFor();
  },
};

await runMain(async () => {
  const server = spawn(process.execPath, [MAIN, 'dashboard', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const { url, token } = await readAddress(server.stdout);
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
    const browser = await chromium.launch({ executablePath, args });
    await mkdir(IMAGES, { recursive: true });
    const desktop = { width: 1280, height: 800 };
    for (const [name, go] of Object.entries(PICTURES)) {
      await take(name, go, { viewport: desktop });
    }
    await take('overview-dark', PICTURES.overview, { viewport: desktop, colorScheme: 'dark' });
    await take('overview-phone', PICTURES.overview, { viewport: { width: 390, height: 800 } });
    await browser.close();

    /**
     * @param {string} name
     * @param {((page: Page) => Promise<unknown>) | undefined} go
     * @param {import('playwright-core').BrowserContextOptions} options
     */
    async function take(name, go, options) {
      const context = await browser.newContext(options);
      const page = await context.newPage();
      await page.goto(url);
      await page.getByLabel('Token').fill(token);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      await go?.(page);
      const path = `${IMAGES}${name}.png`;
      await page.screenshot({ path });
      const { size } = await stat(path);
      if (size > MOST_BYTES) throw new Failure(`${path} has ${size} bytes, over ${MOST_BYTES}.`);
      console.log(`${path}: ${size} bytes`);
      await context.close();
    }
  } finally {
    server.kill('SIGINT');
  }
  return 0;
});

/**
 * @param {import('node:stream').Readable} stdout
 * @returns {Promise<{ url: string, token: string }>} what the command prints
 */
async function readAddress(stdout) {
  let url = '';
  for await (const line of createInterface(stdout)) {
    url = /^Dashboard: (\S+)$/.exec(line)?.[1] ?? url;
    const token = /^Token for this run: (\S+)$/.exec(line)?.[1];
    if (token !== undefined) return { url, token };
  }
  throw new Failure(
    'The dashboard did not start. Run `npm run demo` first, and unset MIRROR_HTTP_TOKEN.',
  );
}
