import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The declarations of the package's entries, see `exports` in package.json. */
const ENTRIES = ['index.d.ts', 'simulator/index.d.ts'];

/** A relative import in a declaration file, as the sources have it. */
const RELATIVE = /((?:from|import)\s*\(?\s*['"])(\.{1,2}\/[^'"]+)\.ts(?=['"])/g;

/**
 * Makes the compiler's declarations usable for other programs: it names the compiled files instead of
 * the sources, and removes the declarations that no entry needs.
 *
 * @param {string} dist the folder of the build
 */
export async function finishDeclarations(dist) {
  const needed = new Set();
  const visit = async (/** @type {string} */ file) => {
    if (needed.has(file)) return;
    needed.add(file);
    const text = await readFile(join(dist, file), 'utf8');
    await writeFile(join(dist, file), text.replaceAll(RELATIVE, '$1$2.js'));
    for (const [, , path = ''] of text.matchAll(RELATIVE)) {
      await visit(join(dirname(file), `${path}.d.ts`));
    }
  };
  for (const entry of ENTRIES) await visit(entry);
  for (const file of await readdir(dist, { recursive: true })) {
    if (file.endsWith('.d.ts') && !needed.has(file)) await rm(join(dist, file));
  }
}
