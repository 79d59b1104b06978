import { parser } from '@prometheus-io/lezer-promql';

/** The names in a query of Prometheus, by what they name; and what does not parse. */
export function namesIn(query: string) {
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
