import { readFileSync } from 'node:fs';

const manifest = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string; description: string };

/** The program's version, and what it is in a sentence. */
export const { version: VERSION, description: DESCRIPTION } = manifest;

/** The program and its version, as manifests name them. */
export const PROGRAM = `cognito-mirror/${VERSION}`;
