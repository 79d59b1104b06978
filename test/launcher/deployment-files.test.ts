import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load-config.ts';
import { openCliMirror } from '../support/cli-mirror.ts';
import { startRedis } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temp.ts';

function read(name: string): string {
  return readFileSync(path(name), 'utf8');
}

function path(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}

interface Service {
  image?: string;
  build?: string;
  command?: string[];
  depends_on?: Record<string, unknown>;
  volumes?: string[];
  environment?: Record<string, string>;
  restart?: string;
  healthcheck?: unknown;
}

test('docker-compose.yml brings Postgres, Redis and workers, which wait for them and share a folder', () => {
  const compose = parse(read('docker-compose.yml')) as {
    name: string;
    services: Record<string, Service>;
    volumes: Record<string, unknown>;
  };
  const { name, services, volumes } = compose;
  expect(name).toBe('cognito-mirror');
  expect(services.postgres?.image).toBe('postgres:18');
  expect(services.redis?.image).toBe('redis:7');
  expect(services.redis?.command).toEqual(expect.arrayContaining(['noeviction', '--appendonly']));
  const { worker } = services;
  expect(worker).toMatchObject({ build: '.', command: ['worker'] });
  expect(Object.keys(worker?.depends_on ?? {})).toEqual(['postgres', 'redis']);
  // The folder of the image that belongs to its user: a new volume takes owner and mode from it.
  const [, folder] = /MIRROR_HOME=(\S+)/.exec(read('Dockerfile')) ?? [];
  expect(worker?.volumes).toEqual([`archive:${folder}`]);
  expect(worker?.environment?.ARCHIVE_URL).toBe(`\${ARCHIVE_URL:-file://${folder}}`);
  expect(worker?.environment?.MIRROR_HOME).toBe('/tmp/cognito-mirror');
  for (const service of Object.values(services)) {
    expect(service.restart).toBe('unless-stopped');
    if (service.image) expect(service.image).toMatch(/^\w+:\d+$/);
    for (const needed of Object.keys(service.depends_on ?? {})) {
      expect(services).toHaveProperty(needed);
    }
    for (const volume of service.volumes ?? []) {
      expect(volumes).toHaveProperty(volume.split(':')[0] ?? '');
    }
  }
});

describe('the Dockerfile', () => {
  const stages = read('Dockerfile').split(/^(?=FROM )/m);

  test('copies what is there, and runs as an ordinary user whom Kubernetes knows by number', () => {
    const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(
      ([, names = '']) => names.split(' '),
    );
    expect(copied.length).toBeGreaterThan(5);
    for (const name of copied) expect(existsSync(path(name)), name).toBe(true);
    expect(stages.at(-1)).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
  });

  test('installs packages before it copies sources, so that a change of source downloads nothing', () => {
    const installing = stages.filter((stage) => /^RUN npm ci/m.test(stage));
    expect(installing.length).toBeGreaterThan(0);
    for (const stage of installing) {
      const [before = ''] = stage.split(/^RUN npm ci/m);
      expect([...before.matchAll(/^COPY (.*)$/gm)].map(([, names]) => names)).toEqual([
        'package.json package-lock.json ./',
      ]);
    }
  });

  test('checks the health of a worker, and passes any other command', async () => {
    const [, script = ''] = /^HEALTHCHECK .*"([^"]+\.mjs)"\]$/m.exec(read('Dockerfile')) ?? [];
    const server = createServer((request, response) => {
      response.statusCode = request.url === '/healthz' ? 200 : 404;
      response.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const folder = await temporaryFolder();
    onTestFinished(folder.remove);
    const check = async (...args: string[]) => {
      const commandLine = join(folder.path, 'cmdline');
      await writeFile(commandLine, `${args.join('\0')}\0`);
      const child = spawn(process.execPath, [path(script), commandLine], {
        env: { PORT: String(port) },
      });
      return (await once(child, 'close'))[0];
    };
    expect(await check('node', 'bin/cognito-mirror.mjs', 'worker')).toBe(0);
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    expect(await check('node', 'bin/cognito-mirror.mjs', 'worker')).toBe(1);
    expect(await check('node', 'bin/cognito-mirror.mjs', 'sync')).toBe(0);
  });
});

/** The program of the unit and cron job of docs/DEPLOY.md, and of the Procfile, with its arguments. */
const SUPERVISED = {
  Procfile: /^worker: HOST=0\.0\.0\.0 (.*)$/m.exec(read('Procfile'))?.[1],
  'systemd unit': /^ExecStart=(.*)$/m.exec(read('docs/DEPLOY.md'))?.[1],
  'cron job': /^0 2 .* && (\S+ \S+ sync) >>/m.exec(read('docs/DEPLOY.md'))?.[1],
};

test.each(Object.entries(SUPERVISED))(
  'the %s starts node itself, which gets signals',
  (_, command) => {
    const [program = '', script, ...rest] = (command ?? '').split(' ');
    expect(['node', '/usr/bin/node']).toContain(program);
    expect(script).toBe('bin/cognito-mirror.mjs');
    expect(rest).toHaveLength(1);
  },
);

test('SIGTERM to the process that the Procfile starts ends the worker', async () => {
  const redis = await startRedis();
  const mirror = await openCliMirror();
  onTestFinished(async () => {
    await mirror.close();
    await redis.close();
  });
  const [program = '', ...args] = (SUPERVISED.Procfile ?? '').split(' ');
  const child = spawn(program, args, {
    cwd: path('.'),
    env: {
      PATH: process.env.PATH,
      ...mirror.env,
      MIRROR_HOME: join(mirror.folder, 'home'),
      REDIS_URL: redis.url,
      PORT: '0',
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  }
  await expect.poll(() => log).toContain('"worker started"');
  child.kill('SIGTERM');
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(log).toContain('"worker stopped"');
});

test.each(['docs/DEPLOY.md', 'docs/OPERATIONS.md', 'Procfile', 'Dockerfile', 'docker-compose.yml'])(
  '%s has no command by npx',
  (name) => {
    expect(read(name)).not.toMatch(/npx (--\S+ )*cognito-mirror/);
  },
);

test('.env.example is a configuration of a worker, in the form that systemd, Docker and Node read', () => {
  const lines = read('.env.example').split('\n');
  const set = lines.filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of set) expect(line).toMatch(/^[A-Z_]+=[^\s'"]+$/);
  const env = Object.fromEntries(set.map((line) => line.split('=', 2)));
  expect(loadConfig(env, { worker: true }).pools).toHaveLength(2);
  expect(read('.gitignore').split('\n')).toContain('.env');
});

test('the Procfile names commands of a process each', () => {
  const entries = parse(read('Procfile')) as Record<string, string>;
  expect(Object.keys(entries)).toEqual(['release', 'worker']);
  expect(entries.release).toBe('node bin/cognito-mirror.mjs migrate');
});
