/**
 * A process that executes the tasks of a restore. Argument: JSON with the URL of the service, the
 * place of the journal, and the path of a file with the tasks and the target. Ends with 1 and the
 * message on an error.
 */
import { readFile } from 'node:fs/promises';

// URLs, as the files do not exist when types are checked before the build.
const dist = new URL('../../dist/', import.meta.url).href;
const { openCognito } = await import(`${dist}cognito/client.js`);
const { localAccountBuckets } = await import(`${dist}quota/account-buckets.js`);
const { execute } = await import(`${dist}restore/execute.js`);
const { Journal } = await import(`${dist}restore/journal.js`);
const { CallMeter } = await import(`${dist}telemetry/calls.js`);

const { url, place, path } = JSON.parse(process.argv[2] ?? '');
const { tasks, target } = JSON.parse(await readFile(path, 'utf8'));

const names = ['UserCreation', 'UserAccountRecovery', 'UserUpdate', 'UserResourceUpdate'];
const writeQuotas = Object.fromEntries(names.map((name) => [name, 1e6]));
const allowance = { share: 1, userListRps: 1e6, writeQuotas };
const all = localAccountBuckets({ of: () => allowance, leastShare: () => 1 });
const cognito = openCognito({
  region: 'us-east-1',
  access: {
    role: null,
    endpoints: { cognito: url },
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  },
  buckets: all.ofRestore('123456789012', 'us-east-1', 1),
  meter: new CallMeter(),
});

try {
  const journal = await Journal.open(place);
  await execute(
    { cognito, target, password: 'random', journal },
    (async function* () {
      yield* tasks;
    })(),
    new AbortController().signal,
  );
  await journal.close();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
cognito.close();
await all.close();
