/** `npm run layers`: fails where a source file breaks the layers of docs/DESIGN.md. */
import { fileURLToPath } from 'node:url';
import { checkLayers } from './lib/layers.mjs';

const problems = checkLayers(fileURLToPath(new URL('../src', import.meta.url)));
for (const problem of problems) console.error(problem);
console.error(
  problems.length === 0 ? 'The layers hold.' : `${problems.length} breaks of the layers.`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
