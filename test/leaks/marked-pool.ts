import { randomBytes, randomUUID } from 'node:crypto';
import type { SimulatedPool } from '../../src/simulator/pool.ts';
import type { Marks } from './marks.ts';

const USERS = 140;
const GROUPS = 3;

/** Fills a pool with people of whom every word is a mark, and gives what an error may quote of them. */
export function fillWithMarks(pool: SimulatedPool, marks: Marks): string {
  const username = marks.word('user name');
  const email = marks.word('e-mail');
  const name = marks.word('attribute');
  const attribute = marks.word('custom attribute');
  const group = marks.word('group name');
  const description = marks.word('group description');
  const sub = marks.add('sub', randomBytes(6).toString('hex'));
  for (let index = 0; index < USERS; index += 1) {
    pool.createUser({
      username: `${username}-${index}`,
      sub: randomUUID().slice(0, -sub.length) + sub,
      status: 'CONFIRMED',
      attributes: {
        email: `${email}-${index}@example.com`,
        name: `${name} O'${name}\0`,
        'custom:department': attribute,
      },
    });
  }
  for (let index = 0; index < GROUPS; index += 1) {
    const groupName = `${group}-${index}`;
    pool.createGroup(groupName, { description, precedence: index });
    for (let user = index; user < USERS; user += GROUPS) {
      pool.addToGroup(`${username}-${user}`, groupName);
    }
  }
  return `${username}-1, ${email}-1@example.com, ${name}, ${attribute}, ${group}-1, ${sub}`;
}

/** Changes everyone, so that publishing has rows to write. */
export function changeAll(pool: SimulatedPool): void {
  for (const { username, enabled } of [...pool.users()]) {
    pool.changeUser(username, { enabled: !enabled });
  }
}

/** Deletes so many of them that the guard holds the next snapshot. */
export function deleteMany(pool: SimulatedPool): void {
  const names = [...pool.users()].map(({ username }) => username);
  for (const username of names.slice(0, Math.ceil(names.length / 2))) pool.deleteUser(username);
}
