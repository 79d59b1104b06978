#!/usr/bin/env node
/** The command. It is here whether or not the program is built: npm links it before the build. */
import { existsSync } from 'node:fs';

const program = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(program)) {
  await import(program.href).catch((error) => {
    if (error?.code !== 'EMFILE') throw error;
    // Too few even to load what would say so in other cases.
    console.error('cognito-mirror: too few open files are allowed. Run `ulimit -n 1024` first.');
    process.exitCode = 2;
  });
} else {
  console.error(
    'cognito-mirror: the program is not built. Run `npm ci --include=dev` in its folder, which builds it.',
  );
  process.exitCode = 2;
}
