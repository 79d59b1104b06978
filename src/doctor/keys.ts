import { manifestKey, signatureKey } from '../archive/layout.ts';
import { readWhole } from '../archive/read-object.ts';
import { formatCommand } from '../common/command.ts';
import { readPoolRows } from '../postgres/store/pool-status.ts';
import { HashKey } from '../privacy/hash-key.ts';
import { loadAllowedSigners } from '../signature/load-signers.ts';
import { openSigner } from '../signature/open-signer.ts';
import { fingerprint } from '../signature/public-key.ts';
import { verifySignature } from '../signature/sshsig.ts';
import { type CheckDefinition, type CheckResult, ok, okWithout, warning } from './check.ts';
import type { Surroundings } from './surroundings.ts';

const signingKeyCheck: CheckDefinition = {
  id: 'signing-key',
  title: 'Signing key',
  examines:
    'whether the key of `ARCHIVE_SIGNING_KEY` can sign, and who may read its file; whether `ARCHIVE_SIGNERS` has it, and whether it signed the newest manifest',
  isQuick: false,
  remedy: 'Check the network, and AWS_ENDPOINT_URL_KMS if it is set.',
  examine: async (surroundings, signal) => {
    const { config, context, isUsable } = surroundings;
    const { archiveSigningKey: name, archiveSigners: signers } = config;
    if (!isUsable('ARCHIVE_SIGNING_KEY')) return [];
    const allowed = signers === null ? null : await loadAllowedSigners(signers, 'ARCHIVE_SIGNERS');
    if (name === null) {
      return [
        ok(
          'Not set, so manifests are not signed. `cognito-mirror keygen` makes a key, with which anyone can check who sealed an archive.',
        ),
      ];
    }
    const { publicKey } = await openSigner(name, context.access, signal);
    const key = fingerprint(publicKey);
    const results: CheckResult[] = [];
    const permission = allowed?.check(publicKey, new Date());
    if (permission?.allowed === false) {
      results.push(
        warning(
          `ARCHIVE_SIGNERS does not allow it: ${permission.reason}. \`verify\` would report what it signs.`,
          `Add the line that \`${formatCommand(['keygen', '--public'])}\` prints to ${signers}.`,
        ),
      );
    }
    const last = await findLastSigner(surroundings, signal);
    if (last !== null && last.key !== key) {
      results.push(
        warning(
          `The newest manifest of ${last.poolId} ${last.key === null ? 'is not signed' : `is signed with another key (${last.key})`}; this one is ${key}.`,
          'If you changed the key on purpose, keep both lines in the file of allowed signers. Otherwise, set ARCHIVE_SIGNING_KEY to the earlier key.',
        ),
      );
    }
    return okWithout(results, `${publicKey.type} ${key}.`);
  },
};

/** Whose key signed the newest archive that the database knows. Null if there is none to read. */
async function findLastSigner(
  { mirror, archiveOf }: Surroundings,
  signal: AbortSignal,
): Promise<{ readonly poolId: string; readonly key: string | null } | null> {
  const session = await mirror();
  if (session === null) return null;
  const heads = (await readPoolRows(session, null).catch(() => [])).filter(
    ({ head }) => head !== null,
  );
  const [newest] = heads.sort((a, b) =>
    (b.head?.snapshot ?? '').localeCompare(a.head?.snapshot ?? ''),
  );
  if (!newest?.head) return null;
  const { poolId, head } = newest;
  const key = manifestKey(poolId, head.snapshot);
  try {
    const destination = await archiveOf(poolId);
    const manifest = await readWhole(destination, key, signal);
    // An archive that cannot be read is the result of another check.
    if (manifest === null) return null;
    const signature = await readWhole(destination, signatureKey(key), signal);
    if (signature === null) return { poolId, key: null };
    const verdict = verifySignature(manifest, signature);
    return verdict.sound ? { poolId, key: verdict.fingerprint } : null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

const hashKeyCheck: CheckDefinition = {
  id: 'hash-key',
  title: 'Hash key',
  examines:
    'the id of `MIRROR_HASH_KEY`. That rules which hash have a key is part of the configuration',
  isQuick: true,
  remedy: 'Give a random text, such as `openssl rand -hex 32` prints.',
  examine: async ({ config: { hashKey } }) => {
    if (hashKey === null) return [];
    return [
      ok(`Its id is ${new HashKey(hashKey).id}. Keep the key: nothing else makes the same hashes.`),
    ];
  },
};

export const keyChecks: readonly CheckDefinition[] = [signingKeyCheck, hashKeyCheck];
