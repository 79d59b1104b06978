import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openMetrics } from '../../src/telemetry/metrics.ts';
import { readAlertRules } from './alert-rules.ts';
import { namesIn } from './promql.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const DASHBOARD = JSON.parse(
  readFileSync(new URL('../../deploy/grafana/cognito-mirror.json', import.meta.url), 'utf8'),
) as {
  panels: readonly Panel[];
  templating: { list: readonly { name: string; type: string; definition?: string }[] };
};
const PANELS = DASHBOARD.panels.filter(({ type }) => type !== 'row');

/** The names of samples, as histograms have several, with their labels. */
const LABELS = new Map(
  openMetrics()
    .registry.getMetricsAsArray()
    // The types omit the label names, and the type of a metric is text.
    .map((metric) => metric as unknown as { name: string; type: string; labelNames: string[] })
    .flatMap(({ name, type, labelNames }): [string, string[]][] =>
      type === 'histogram'
        ? ['_bucket', '_sum', '_count'].map((end) => [name + end, [...labelNames, 'le']])
        : [[name, labelNames]],
    ),
);
/** What Prometheus adds to each sample. */
const OF_TARGET = ['job', 'instance'];

test('each panel of the dashboard queries metrics and labels that there are', () => {
  expect(PANELS.length).toBeGreaterThan(15);
  for (const { title, description, datasource, targets = [] } of PANELS) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana.
    expect(datasource?.uid, title).toBe('${datasource}');
    expect(description, title).toMatch(/\S/);
    expect(targets, title).not.toEqual([]);
    for (const { expr, legendFormat } of targets) {
      const query = expr.replaceAll(/\$__(rate_interval|range)/g, '5m').replaceAll('$pool', '.*');
      expect(query, title).not.toContain('$');
      const { metrics, labels, errors } = namesIn(query);
      expect(errors, title).toEqual([]);
      expect(metrics, title).not.toEqual([]);
      expect([...LABELS.keys()], title).toEqual(expect.arrayContaining(metrics));
      const known = [...metrics.flatMap((name) => LABELS.get(name) ?? []), ...OF_TARGET];
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
      expect(known, title).toEqual(expect.arrayContaining([...labels, ...shown]));
    }
  }
});

test('the dashboard lets a person choose the data source and the pools', () => {
  const { list } = DASHBOARD.templating;
  expect(list.map(({ name, type }) => `${name}: ${type}`)).toEqual([
    'datasource: datasource',
    'pool: query',
  ]);
  const [, metric = '', label = ''] =
    /^label_values\((\w+), (\w+)\)$/.exec(list[1]?.definition ?? '') ?? [];
  expect(LABELS.get(metric)).toContain(label);
});

test('panels have a place of their own, and name alerts that there are', () => {
  const cells = DASHBOARD.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => `${x + (index % w)}/${y + Math.floor(index / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(new Set(DASHBOARD.panels.map(({ id }) => id)).size).toBe(DASHBOARD.panels.length);
  const named = PANELS.flatMap(({ description }) => description?.match(/CognitoMirror\w+/g) ?? []);
  expect(readAlertRules().map(({ alert }) => alert)).toEqual(expect.arrayContaining(named));
});
