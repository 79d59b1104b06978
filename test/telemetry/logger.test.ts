import { expect, test } from 'vitest';
import { createLogger } from '../../src/telemetry/logger.ts';

function collect(isTTY: boolean) {
  const lines: string[] = [];
  const destination = { isTTY, write: (line: string) => void lines.push(line) };
  return { lines, log: createLogger({ level: 'info', destination }) };
}

test('lines are JSON with the name of the level and an ISO time, from the level upwards', () => {
  const { lines, log } = collect(false);
  log.debug('not this');
  log.info({ pool: 'us-east-1_A', users: 12 }, 'walked');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    pool: 'us-east-1_A',
    users: 12,
    msg: 'walked',
  });
});

test('a terminal gets one readable line without active control characters', () => {
  const { lines, log } = collect(true);
  log.warn(
    { pool: 'us-east-1_A', note: 'two words', err: new Error('it \u001b[2J broke\nhere') },
    'slow',
  );
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d warn {2}slow pool=us-east-1_A note="two words" err="Error: it .*broke.*here"\n$/,
  );
  expect(lines[0]).not.toContain('\u001b');
});

test("users' data and credentials are redacted at any depth", () => {
  const { lines, log } = collect(false);
  const error = Object.assign(new Error('no login: postgres://u:hunter2@h/db'), {
    code: 'E1',
    $response: { body: 'hunter2' },
    cause: new Error('password=hunter2'),
  });
  log.info({
    username: 'hunter2',
    user: { email: 'hunter2' },
    call: {
      NextToken: 'hunter2',
      deeper: [{ phone_number: 'hunter2', Attributes: [{ Value: 'hunter2' }] }],
    },
    database: 'postgres://u:hunter2@h/db',
    err: error,
  });
  log.child({ password: 'hunter2' }).info('at redis://:hunter2@h and postgres://u:hunter2@x@h/d');
  log.error(error);
  expect(lines).toHaveLength(3);
  expect(lines.join('')).not.toContain('hunter2');
  expect(JSON.parse(lines[0] ?? '').err).toMatchObject({ name: 'Error', code: 'E1' });
});

test('counts are kept under redacted names', () => {
  const { lines, log } = collect(false);
  log.info({ users: 3, items: 0, members: null });
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ users: 3, items: 0, members: null });
});

test('the text around a value that is hidden already stays', () => {
  const { lines, log } = collect(false);
  log.info('no login (postgres://?user=u&password=***): the server refuses it');
  expect(JSON.parse(lines[0] ?? '').msg).toBe(
    'no login (postgres://?user=u&password=***): the server refuses it',
  );
  log.info('password=***hunter2 password=***');
  expect(JSON.parse(lines[1] ?? '').msg).toBe('password=*** password=***');
});
