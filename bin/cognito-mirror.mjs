#!/usr/bin/env node
/** The command. It is here whether or not the program is built: npm links it before the build. */
import { existsSync } from 'node:fs';

const program = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(program)) {
  await import(program.href);
} else {
  console.error(
    'cognito-mirror: the program is not built. Run `npm ci --include=dev` in its folder, which builds it.',
  );
  process.exitCode = 2;
}
