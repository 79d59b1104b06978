import type { Judgement, Report } from '../report.ts';
import { Text } from '../text.tsx';

const WORDS = { yes: 'Yes', no: 'No', unknown: 'Unknown' } as const;

/** Whether the later snapshot is complete, intact and signed. */
export function VerdictSection({ report: { verdict } }: { readonly report: Report }) {
  return (
    <section class="verdict" aria-label="Verdict">
      <Card title="Complete" judgement={verdict.complete} />
      <Card title="Intact" judgement={verdict.intact} />
      <Card title="Signed" judgement={verdict.signed} />
    </section>
  );
}

function Card({ title, judgement }: { readonly title: string; readonly judgement: Judgement }) {
  return (
    <div class={`judgement ${judgement.answer}`}>
      <h2>{title}</h2>
      <p class="answer">{WORDS[judgement.answer]}</p>
      <p class="why">
        <Text value={judgement.why} isWhole />
      </p>
    </div>
  );
}
