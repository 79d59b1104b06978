import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { namesIn } from './promql.ts';
import { parseScrape, type Sample } from './scrape.ts';

/** The file of alert rules. */
export const RULES = fileURLToPath(new URL('../../deploy/prometheus/alerts.yml', import.meta.url));

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export function readAlertRules(): readonly AlertRule[] {
  const file = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: AlertRule[] }[] };
  return file.groups.flatMap(({ rules }) => rules);
}

/** What Prometheus adds to each sample of a target. */
const TARGET = { job: 'cognito-mirror', instance: 'worker-1:8080' };

/** One look at a worker: its scrape, or null if it did not answer; and when, in seconds since 1970. */
export interface Look {
  readonly text: string | null;
  readonly at: number;
}

/** A worker over three hours: it was in one state, and came into another. */
export interface Course {
  readonly name: string;
  readonly before: Look;
  readonly after: Look;
  /** The alerts at the end, by name, each with its labels. No other alert may be active. */
  readonly firing: Readonly<Record<string, readonly Readonly<Record<string, string>>[]>>;
}

const MINUTES = 180;
const CHANGE = 30;

/** A file for `promtool test rules`: what each course leads to, alert by alert. */
export function toPromtoolTests(courses: readonly Course[]): object {
  const rules = readAlertRules();
  const used = new Set(rules.flatMap(({ expr }) => namesIn(expr).metrics));
  return {
    rule_files: [RULES],
    evaluation_interval: '1m',
    tests: courses.map(({ name, before, after, firing }) => ({
      name,
      interval: '1m',
      input_series: toSeries(before, after, used),
      alert_rule_test: rules.map(({ alert, labels, annotations }) => ({
        eval_time: `${MINUTES}m`,
        alertname: alert,
        exp_alerts: (firing[alert] ?? []).map((found) => ({
          exp_labels: { ...labels, ...found },
          exp_annotations: Object.fromEntries(
            Object.entries(annotations).map(([key, text]) => [key, render(text, found)]),
          ),
        })),
      })),
    })),
  };
}

/** The value of the only annotation that shows one. */
const SHOWN_VALUE = '1';

function render(text: string, labels: Readonly<Record<string, string>>): string {
  return text
    .replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? '')
    .replaceAll('{{ $value }}', SHOWN_VALUE);
}

/**
 * Counters grow evenly from one look to the other, those of another process from 0; what else is measured
 * changes after half an hour.
 */
function toSeries(before: Look, after: Look, used: ReadonlySet<string>): object[] {
  const counters = new Set(
    [...`${before.text}\n${after.text}`.matchAll(/^# TYPE (\S+) counter$/gm)].map(
      ([, name]) => name,
    ),
  );
  const [first, last] = [before, after].map((look) => index(look, used)) as [
    Map<string, Sample>,
    Map<string, Sample>,
  ];
  return [...new Set([...first.keys(), ...last.keys()])].map((series) => {
    const [from, to] = [first.get(series)?.value, last.get(series)?.value];
    const name = series.slice(0, series.indexOf('{'));
    if (counters.has(name) && to !== undefined) {
      const begin = from === undefined || from > to ? 0 : from;
      return { series, values: `${begin}+${(to - begin) / MINUTES}x${MINUTES}` };
    }
    const values = `${hold(from, CHANGE)} ${hold(to, MINUTES - CHANGE)}`;
    return { series, values };
  });
}

/** One value for so many minutes; none if there is no value. */
function hold(value: number | undefined, minutes: number): string {
  if (value === undefined) return `_x${minutes}`;
  return `${value === Number.POSITIVE_INFINITY ? '+Inf' : value}+0x${minutes - 1}`;
}

function index({ text, at }: Look, used: ReadonlySet<string>): Map<string, Sample> {
  const up = { name: 'up', labels: {}, value: text === null ? 0 : 1 };
  const samples = [up, ...parseScrape(text ?? '')].filter(({ name }) => used.has(name));
  return new Map(
    samples.map((sample) => {
      const labels = Object.entries({ ...sample.labels, ...TARGET });
      const series = `${sample.name}{${labels.map(([key, each]) => `${key}="${each}"`).join(',')}}`;
      // promtool's clock begins at 0, and each course ends at the time of its last look.
      const isTime = sample.name.endsWith('_timestamp_seconds');
      const value = isTime ? sample.value - at + MINUTES * 60 : sample.value;
      return [series, { ...sample, value }];
    }),
  );
}

/** The labels of an alert about the whole worker. */
export const OF_TARGET = TARGET;
