import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { openMetrics } from '../../src/telemetry/metrics.ts';

interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string };
}

const TEXT = readFileSync(new URL('../../docs/METRICS.md', import.meta.url), 'utf8');

/** Parses the alerts of docs/METRICS.md. */
function readAlerts(): AlertRule[] {
  const [, section = ''] = TEXT.split('\n## Alerts\n');
  const [, block = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(section) ?? [];
  const file = parse(block) as { groups: { rules: AlertRule[] }[] };
  return file.groups.flatMap(({ rules }) => rules);
}

/** The queries that docs/METRICS.md shows outside of alerts, in indented blocks. */
function readQueries(): string[] {
  const prose = TEXT.replaceAll(/^```[\s\S]*?^```$/gm, '');
  const blocks = prose.matchAll(/(?:^ {4}.*cognito_mirror_.*\n)+/gm);
  return [...blocks].map(([block]) => block);
}

/** The names in a query of Prometheus, by what they name; and what does not parse. */
function namesIn(query: string) {
  const names = { metrics: [] as string[], labels: [] as string[], errors: [] as string[] };
  parser.parse(query).iterate({
    enter({ name, type, from, to, node }) {
      const text = query.slice(from, to);
      if (type.isError) names.errors.push(query.slice(0, to));
      if (name === 'Identifier' && node.parent?.name === 'VectorSelector') names.metrics.push(text);
      if (name === 'LabelName') names.labels.push(text);
    },
  });
  return names;
}

const LABELS = new Map(
  openMetrics()
    .registry.getMetricsAsArray()
    // The types omit the label names.
    .map((metric) => metric as typeof metric & { labelNames: string[] })
    .map(({ name, labelNames }) => [name, labelNames]),
);

test('the alerts of docs/METRICS.md are queries about metrics and labels that there are', () => {
  const alerts = readAlerts();
  expect(alerts.length).toBeGreaterThan(5);
  const queries = [...alerts.map(({ expr }) => expr), ...readQueries()];
  expect(queries.length).toBeGreaterThan(alerts.length);
  for (const query of queries) {
    const { metrics, labels, errors } = namesIn(query);
    expect(errors).toEqual([]);
    expect(metrics).not.toEqual([]);
    const known = metrics.flatMap((name) => LABELS.get(name) ?? [`no metric ${name}`]);
    expect(known.filter((label) => label.startsWith('no metric'))).toEqual([]);
    expect(labels.filter((label) => !known.includes(label))).toEqual([]);
  }
});

test('what an alert says names labels that its query leaves', () => {
  for (const { expr, annotations } of readAlerts()) {
    const named = [...annotations.summary.matchAll(/\$labels\.(\w+)/g)].map(([, name]) => name);
    const kept = /^\s*(?:time\(\) - )?\w+ by \(([^)]*)\)/.exec(expr)?.[1]?.split(/,\s*/) ?? [];
    expect(kept).toEqual(expect.arrayContaining(named));
  }
});
