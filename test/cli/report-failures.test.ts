import { afterEach, expect, test, vi } from 'vitest';
import { EXIT, reportFailures } from '../../src/cli/errors.ts';

const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
afterEach(() => printed.mockClear());

const runOf = (error: Error) => ({ poolId: 'us-east-1_Main', error });

test('a limit that ended every run makes the exit code of a wrong configuration', async () => {
  const limit = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  expect(await reportFailures([runOf(limit), runOf(limit)], 'info')).toBe(EXIT.usage);
  expect(await reportFailures([runOf(limit), runOf(new Error('other'))], 'info')).toBe(EXIT.failed);
});

test.each(['debug', 'trace'] as const)('LOG_LEVEL=%s shows stacks', async (logLevel) => {
  await reportFailures([runOf(new Error('unexpected'))], logLevel);
  expect(printed.mock.calls.flat().join('\n')).toContain('report-failures.test.ts');
});
