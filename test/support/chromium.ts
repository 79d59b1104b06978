import { existsSync } from 'node:fs';

/** Where Chromium is: of Debian and Ubuntu, Fedora, Chrome on Linux and on macOS. */
const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
/** The path of Chromium; undefined without. */
export const executable = process.env.CHROMIUM ?? PLACES.find((path) => existsSync(path));

/** How to get what the tests of pages need. */
export const BROWSER_HINT =
  'Tests of pages need Chromium. Install it (Debian: `apt-get install chromium`), or set CHROMIUM to its path.';

/** True if the tests of pages are skipped: without Chromium, except where CI is set. */
export const isBrowserMissing = executable === undefined && !process.env.CI;
