import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, openFleet, until } from '../support/fleet.ts';
import { listenBefore } from './listener.ts';
import { Marks } from './marks.ts';
import { noteDatabase, noteProcesses, noteRedis, Outlets } from './outlets.ts';

const marks = new Marks();
const word = marks.word('mark');

let fleet: Fleet;
beforeAll(async () => {
  fleet = await openFleet({ users: 0, groups: 0 });
});
afterAll(() => fleet.close());

test('a mark that a program writes is found', async () => {
  const outlets = new Outlets();
  await outlets.noteOutput(await fleet.start(['sync', word]));
  expect(outlets.find(marks)).toEqual([expect.stringContaining('standard error: mark in ')]);
});

test('a mark in the reason of a request is found', async () => {
  const before = new Outlets();
  await noteDatabase(before, fleet);
  expect(before.find(marks)).toEqual([]);
  await fleet.rows(
    `INSERT INTO mirror.requests (pool_id, source, reason) VALUES ('p', 'trigger', $1)`,
    [`in the middle ${word} of it`],
  );
  const after = new Outlets();
  await noteDatabase(after, fleet);
  expect(after.find(marks)).toEqual([expect.stringContaining('tables of the machinery: mark in ')]);
});

test('finds marks in commands to Redis and in its keys', async () => {
  const outlets = new Outlets();
  const stop = await noteRedis(outlets, fleet.redis);
  await fleet.redis.command('HSET', 'job', 'data', JSON.stringify({ word }));
  await fleet.redis.command('ECHO', word);
  await stop();
  expect(outlets.find(marks).map((found) => found.split(' in ')[0])).toEqual([
    'commands to Redis: mark',
    'commands to Redis: mark',
    'keys of Redis: mark',
  ]);
});

test('a mark on a command line is found', async () => {
  const outlets = new Outlets();
  const stop = noteProcesses(outlets, []);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', word]);
  await until('it is seen', async () => outlets.find(marks).length > 0);
  child.kill();
  await once(child, 'exit');
  await stop();
  expect(outlets.find(marks)).toEqual([expect.stringContaining('processes: mark in ')]);
});

test('marks in URLs and in answers are found, and page tokens are marked', async () => {
  const outlets = new Outlets();
  const server = await listenBefore(fleet.simulator.url, { tokenMark: `${word}.` });
  for (let index = 0; index < 70; index += 1) fleet.pool.createUser({ username: `user-${index}` });
  const list = async (token?: string) => {
    const answer = await fetch(server.url, {
      method: 'POST',
      headers: {
        'x-amz-target': 'AWSCognitoIdentityProviderService.ListUsers',
        authorization:
          'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/cognito-idp/aws4_request',
      },
      body: JSON.stringify({ UserPoolId: fleet.poolId, PaginationToken: token }),
    });
    return (await answer.json()) as { Users: unknown[]; PaginationToken?: string };
  };
  const first = await list();
  expect(first.PaginationToken).toMatch(`${word}.`);
  expect((await list(first.PaginationToken)).Users).toHaveLength(10);
  server.instead = () => ({ status: 200, body: word });
  await outlets.noteAnswer(`${server.url}/users?name=${word}`);
  outlets.noteUrls('service', server);
  await server.close();
  expect(outlets.find(marks).map((found) => found.split(' in ')[0])).toEqual([
    'answers over HTTP: mark',
    'URLs of service: mark',
  ]);
});
