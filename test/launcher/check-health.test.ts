import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../support/temp.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/check-health.mjs', import.meta.url));

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

/** Runs the check in a container with a worker, and gives its exit code. */
async function check(env: Record<string, string>): Promise<number> {
  const file = join(folder.path, 'cmdline');
  writeFileSync(file, ['node', 'bin/cognito-mirror.mjs', 'worker', ''].join('\0'));
  const child = spawn(process.execPath, [SCRIPT, file], { env });
  const [code] = await once(child, 'close');
  return code;
}

async function listen(host: string) {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/healthz' ? 200 : 404).end();
  });
  server.listen(0, host);
  await once(server, 'listening');
  return { server, PORT: String((server.address() as AddressInfo).port) };
}

test.each([
  ['127.0.0.1', ''],
  ['0.0.0.0', '0.0.0.0'],
  ['0.0.0.0', '::'],
  ['127.0.0.2', '127.0.0.2'],
])('a worker that listens on %s is asked there (HOST="%s")', async (address, HOST) => {
  const { server, PORT } = await listen(address);
  try {
    expect(await check({ HOST, PORT })).toBe(0);
  } finally {
    server.close();
  }
  expect(await check({ HOST, PORT })).toBe(1);
});
