import { raw } from 'hono/html';
import type { Report } from './report.ts';
import { ChangesSection } from './sections/changes.tsx';
import { ConcernsSection } from './sections/concerns.tsx';
import { CountsSection } from './sections/counts.tsx';
import { EvidenceSection } from './sections/evidence.tsx';
import { LimitsSection } from './sections/limits.tsx';
import { ProofSection } from './sections/proof.tsx';
import { RolesSection } from './sections/roles.tsx';
import { VerdictSection } from './sections/verdict.tsx';
import { STYLES } from './styles.ts';
import { Snapshot, Text, Time } from './text.tsx';

/** The page loads nothing, runs nothing and sends nothing, whatever the names of a pool hold. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** The sections below the verdict, by the ids of their headings. */
const SECTIONS = {
  counts: 'Population',
  changes: 'What changed',
  roles: 'Groups that carry a role',
  concerns: 'What deserves a look',
  evidence: 'Evidence of completeness',
  proof: 'Proof',
  limits: 'What this page cannot show',
};

/** Renders a report as one HTML document. */
export async function renderPage(report: Report): Promise<string> {
  const page = await Promise.resolve(<Page report={report} />);
  return `<!doctype html>\n${page}\n`;
}

function Page({ report }: { readonly report: Report }) {
  const { poolId, from, to } = report;
  const period = [from, to].map(({ snapshotAt }) => snapshotAt.toISOString().slice(0, 10));
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={POLICY} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <meta name="robots" content="noindex" />
        <title>{`Access report ${poolId}, ${period.join(' to ')}`}</title>
        <style>{raw(STYLES)}</style>
      </head>
      <body>
        <header>
          <Header report={report} />
        </header>
        <main>
          <VerdictSection report={report} />
          <nav aria-label="Sections">
            <ul>
              {Object.entries(SECTIONS).map(([id, title]) => (
                <li>
                  <a href={`#${id}`}>{title}</a>
                </li>
              ))}
            </ul>
          </nav>
          <CountsSection report={report} />
          <ChangesSection report={report} />
          <RolesSection report={report} />
          <ConcernsSection report={report} />
          <EvidenceSection report={report} />
          <ProofSection report={report} />
          <LimitsSection report={report} />
        </main>
        <footer>
          Made by {report.program} at <Time at={report.madeAt} />. This page holds personal data:
          share it as you would share the list of users.
        </footer>
      </body>
    </html>
  );
}

function Header({ report }: { readonly report: Report }) {
  const { poolId, name, accountId, from, to } = report;
  return (
    <>
      <p class="kind">Access report</p>
      <h1>{name === null ? poolId : <Text value={name} />}</h1>
      <dl class="facts">
        <dt>User pool</dt>
        <dd>
          {poolId}
          {accountId === null ? '' : ` in account ${accountId}`}
        </dd>
        <dt>From</dt>
        <dd>
          <Snapshot moment={from} />
        </dd>
        <dt>To</dt>
        <dd>
          <Snapshot moment={to} />
        </dd>
      </dl>
    </>
  );
}
