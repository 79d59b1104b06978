import { describe, expect, test } from 'vitest';
import { VARIABLES } from '../../src/config/variables.ts';
import { problemsOf } from './support.ts';

describe('unknown variables', () => {
  test('with a name of an earlier version are reported with the new name', () => {
    expect(problemsOf({ MIRROR_MAX_REMOVED: '0.5' })).toEqual([
      'MIRROR_MAX_REMOVED: it is now called MIRROR_MAX_REMOVED_RATIO. Use the new name.',
    ]);
  });

  test('are reported with the name that was probably meant', () => {
    expect(problemsOf({ MIRROR_QOUTA_SHARE: '0.5' })).toEqual([
      'MIRROR_QOUTA_SHARE: unknown variable. Did you mean MIRROR_QUOTA_SHARE? Rename or unset it.',
    ]);
    expect(problemsOf({ ARCHIVE_FORMAT: 'jsonl' })[0]).toContain('ARCHIVE_FORMATS');
    expect(problemsOf({ MIRROR_SOMETHING_ELSE: '1' })[0]).toMatch(/unknown variable\. Unset it\.$/);
  });

  test('of Kubernetes services and Docker links are ignored', () => {
    const links = {
      MIRROR_REDIS_SERVICE_HOST: '10.96.0.9',
      MIRROR_REDIS_SERVICE_PORT: '6379',
      MIRROR_REDIS_SERVICE_PORT_REDIS_TLS: '6380',
      MIRROR_REDIS_PORT: 'tcp://10.96.0.9:6379',
      MIRROR_REDIS_PORT_6379_TCP: 'tcp://10.96.0.9:6379',
      MIRROR_REDIS_PORT_6379_TCP_PROTO: 'tcp',
      MIRROR_REDIS_PORT_6379_TCP_PORT: '6379',
      MIRROR_REDIS_PORT_6379_TCP_ADDR: '10.96.0.9',
      MIRROR_REDIS_NAME: '/web/mirror-redis',
      MIRROR_REDIS_ENV_LANG: 'C',
      MIRROR_SERVICE_HOST: '10.96.0.10',
      MIRROR_PORT: 'udp://10.96.0.10:53',
      MIRROR_PORT_53_UDP: 'udp://10.96.0.10:53',
      ARCHIVE_SERVICE_HOST: '10.96.0.11',
      ARCHIVE_PORT: 'tcp://10.96.0.11:80',
    };
    expect(problemsOf(links)).toEqual([]);
    for (const [name, value] of [
      ['MIRROR_SHCEDULE', '0 1 * * *'],
      ['MIRROR_PORT', '8080'],
      ['ARCHIVE_NAME', 'nightly'],
    ] as const) {
      expect(problemsOf({ ...links, [name]: value })).toEqual([
        expect.stringMatching(new RegExp(`^${name}: unknown variable`)),
      ]);
    }
  });

  test('with the names of service links are never ours', () => {
    const link = /_(SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d+_\w+|NAME|ENV_\w+)$/;
    expect(Object.keys(VARIABLES).filter((name) => link.test(name))).toEqual([]);
  });

  test('of other programs are ignored', () => {
    expect(problemsOf({ PATH: '/bin', AWS_REGION: 'x', HOSTNAME: 'x', PORTS: 'x' })).toEqual([]);
  });
});
