import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { HashKey, isHashed } from '../../src/privacy/hash-key.ts';

const SECRET = 'kX9tW3mB7qZr5vNc8yHd2fLs6gJp4aUe';
const POOL = 'us-east-1_Ab12Cd34';
const key = new HashKey(SECRET);
const hash = key.hash(POOL, 'email', 'ana@example.com');

test('a hash is the HMAC-SHA-256 of pool, attribute and value, as other programs compute it', () => {
  const digest = createHmac('sha256', SECRET).update(`${POOL}\0email\0ana@example.com`);
  expect(hash).toBe(`hmac-sha256:${key.id}:${digest.digest('hex')}`);
  expect(isHashed(hash)).toBe(true);
  expect(isHashed('ana@example.com')).toBe(false);
  expect(isHashed(`${hash} `)).toBe(false);
});

test('it differs for each value, attribute, pool and key', () => {
  const others = [
    key.hash(POOL, 'email', 'bob@example.com'),
    key.hash(POOL, 'name', 'ana@example.com'),
    key.hash('us-east-1_Other', 'email', 'ana@example.com'),
    new HashKey(`${SECRET}.`).hash(POOL, 'email', 'ana@example.com'),
    // The separation is clear: no part can take a letter of its neighbour.
    key.hash(`${POOL}e`, 'mail', 'ana@example.com'),
  ];
  expect(new Set([hash, ...others]).size).toBe(6);
});

test('e-mail addresses compare without regard to case, other values do not', () => {
  expect(key.hash(POOL, 'email', 'ANA@Example.com')).toBe(hash);
  expect(key.hash(POOL, 'name', 'ANA')).not.toBe(key.hash(POOL, 'name', 'ana'));
  // Views compare in lower case.
  expect(hash.toLowerCase()).toBe(hash);
});

test('the id tells keys apart and the key does not show', () => {
  expect(key.id).toMatch(/^[0-9a-f]{8}$/);
  expect(new HashKey(SECRET).id).toBe(key.id);
  expect(new HashKey(`${SECRET}.`).id).not.toBe(key.id);
  const shown = `${inspect(key, { depth: 9, showHidden: true })}${JSON.stringify(key)}`;
  expect(shown).not.toContain(SECRET);
  expect(shown).not.toContain(Buffer.from(SECRET).toString('hex'));
  expect(shown).not.toContain(Buffer.from(SECRET).toString('base64').slice(0, 30));
});
