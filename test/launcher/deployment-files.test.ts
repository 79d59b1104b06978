import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

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
  healthcheck?: unknown;
}

test('docker-compose.yml brings Postgres, Redis, MinIO and the worker, which waits for them', () => {
  const compose = parse(read('docker-compose.yml')) as {
    services: Record<string, Service>;
    volumes: Record<string, unknown>;
  };
  const { services, volumes } = compose;
  expect(services.postgres?.image).toBe('postgres:18');
  expect(services.redis?.image).toBe('redis:7');
  expect(services.redis?.command).toEqual(expect.arrayContaining(['noeviction', '--appendonly']));
  expect(services.worker).toMatchObject({ build: '.', command: ['worker'] });
  expect(Object.keys(services.worker?.depends_on ?? {})).toEqual(['postgres', 'redis', 'bucket']);
  for (const service of Object.values(services)) {
    for (const needed of Object.keys(service.depends_on ?? {})) {
      expect(services).toHaveProperty(needed);
    }
    for (const volume of service.volumes ?? []) {
      expect(volumes).toHaveProperty(volume.split(':')[0] ?? '');
    }
  }
});

test('the Dockerfile copies what is there, and runs as an ordinary user', () => {
  const lines = read('Dockerfile').split('\n');
  const copied = lines
    .filter((line) => /^COPY (?!--from)/.test(line))
    .flatMap((line) => line.split(/\s+/).slice(1, -1));
  expect(copied.length).toBeGreaterThan(5);
  for (const name of copied) expect(existsSync(path(name)), name).toBe(true);
  expect(lines).toContain('USER node');
});

test('the Procfile names commands of a process each', () => {
  const entries = parse(read('Procfile')) as Record<string, string>;
  expect(Object.keys(entries)).toEqual(['release', 'worker']);
  expect(entries.release).toBe('node bin/cognito-mirror.mjs migrate');
  expect(entries.worker).toBe('HOST=0.0.0.0 node bin/cognito-mirror.mjs worker');
});
