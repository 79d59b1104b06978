import { quoteWord } from '../../common/command.ts';
import { formatCount } from '../../common/text.ts';
import type { Report } from '../report.ts';
import { Text } from '../text.tsx';

/** What anybody can check without this program, and with it. */
export function ProofSection({ report }: { readonly report: Report }) {
  const { record, archive } = report;
  return (
    <section>
      <h2 id="proof">Proof</h2>
      {record.manifest === null ? (
        <p>
          The snapshot is in no archive, so nothing outside of the database proves it.{' '}
          {record.reason === null ? null : <Text value={record.reason} isWhole />}
        </p>
      ) : (
        <Sealed report={report} manifest={record.manifest} archive={archive} />
      )}
    </section>
  );
}

interface SealedProps {
  readonly report: Report;
  readonly manifest: { readonly key: string; readonly sha256: string };
  readonly archive: Report['archive'];
}

function Sealed({ report, manifest, archive: { verification, problem } }: SealedProps) {
  const { poolId, to } = report;
  const { key, sha256 } = manifest;
  const [signer] = verification?.keys ?? [];
  const identity = signer?.principals?.split(',')[0] ?? 'cognito-mirror';
  const url = verification?.url ?? null;
  const folder = url?.startsWith('file://') ? decodeURIComponent(new URL(url).pathname) : null;
  const verify = [
    ...['cognito-mirror', 'verify', poolId],
    ...(url === null ? [] : ['--archive', url]),
    ...(signer === undefined ? [] : ['--signers', 'allowed_signers']),
    ...['--from', to.snapshot, '--to', to.snapshot, '--head', sha256],
  ];
  return (
    <>
      <p>
        The manifest names every file of the snapshot with its SHA-256. So the hash of the manifest
        proves all of them, and the signature proves the manifest.
      </p>
      <dl class="facts">
        <dt>Archive</dt>
        <dd>{url === null ? <Text value={problem ?? ''} isWhole /> : <code>{url}</code>}</dd>
        <dt>Manifest</dt>
        <dd>
          <code>{key}</code>
        </dd>
        <dt>SHA-256</dt>
        <dd>
          <code>{sha256}</code>
        </dd>
        <dt>Objects</dt>
        <dd>
          {verification === null
            ? 'not checked'
            : `${formatCount(verification.objects)}, ${formatCount(verification.bytes)} bytes`}
        </dd>
        <dt>Key</dt>
        <dd>{signer === undefined ? 'none' : <code>{signer.fingerprint}</code>}</dd>
        <dt>Identity</dt>
        <dd>
          {signer === undefined ? (
            'none'
          ) : signer.principals === null ? (
            'not checked against a file of allowed signers'
          ) : (
            <Text value={signer.principals} />
          )}
        </dd>
      </dl>
      <h3>Check it yourself</h3>
      <p>
        The first two commands need nothing but the manifest and its signature, and run{' '}
        {folder === null ? (
          'in a copy of the archive.'
        ) : (
          <>
            in <code>{folder}</code>, or in a copy of it.
          </>
        )}{' '}
        <code>allowed_signers</code> is the file with the public keys that you trust.
      </p>
      <ol class="steps">
        <li>
          The manifest is the one that this page is about.
          <pre>
            <code>{`echo '${sha256}  ${key}' | sha256sum -c`}</code>
          </pre>
        </li>
        <li>
          {signer === undefined
            ? 'A signed manifest would be checked so. This one is not signed.'
            : 'A key that you trust signed it.'}
          <pre>
            <code>
              {`ssh-keygen -Y verify -f allowed_signers -I ${quoteWord(identity)} -n cognito-mirror-manifest -s ${key}.sig < ${key}`}
            </code>
          </pre>
        </li>
        <li>
          Every file of the snapshot is the one that the manifest names.
          <pre>
            <code>{verify.map(quoteWord).join(' ')}</code>
          </pre>
        </li>
      </ol>
      <p class="quiet">
        ssh-keygen compares the period of a key with the time now. If the key has expired since, add
        the time of publishing:{' '}
        <code>-Overify-time={formatVerifyTime(report.record.publishedAt)}</code>.
      </p>
    </>
  );
}

/** As `ssh-keygen` takes a time in UTC. */
function formatVerifyTime(at: Date): string {
  return `${at.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
}
