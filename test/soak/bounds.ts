import type { Sample } from './sample.ts';

/** What a measure may come to. */
export interface Bound {
  /** At any time. */
  readonly most: number;
  /** How many times what it was earlier it may be later; absent where it grows by its nature. */
  readonly growth?: number;
}

/**
 * A measure over a run: its means in the second quarter and in the last, NaN where it was never
 * measured then, and the most. (A median of what follows work that fills about half of the time
 * would jump between rest and work.)
 */
export interface Course {
  readonly early: number;
  readonly late: number;
  readonly most: number;
}

/** The courses of all measures, by their names. The first quarter, in which all warms up, tells nothing of growth. */
export function coursesOf(samples: readonly Sample[]): ReadonlyMap<string, Course> {
  const quarter = Math.floor(samples.length / 4);
  const measures = new Set(samples.flatMap((sample) => Object.keys(sample)));
  return new Map(
    [...measures].sort().map((measure) => {
      const of = (some: readonly Sample[]) =>
        some.map((sample) => sample[measure]).filter((value) => value !== undefined);
      return [
        measure,
        {
          early: mean(of(samples.slice(quarter, 2 * quarter))),
          late: mean(of(samples.slice(-quarter))),
          most: Math.max(...of(samples)),
        },
      ];
    }),
  );
}

/** What is over its bound, or was not measured where it had to be, each as a sentence. */
export function overBounds(
  courses: ReadonlyMap<string, Course>,
  bounds: Readonly<Record<string, Bound>>,
): string[] {
  return Object.entries(bounds).flatMap(([measure, { most, growth }]) => {
    const course = courses.get(measure);
    if (course === undefined) return [`${measure}: never measured`];
    const told: string[] = [];
    if (course.most > most) told.push(`${measure}: ${course.most}, over ${most}`);
    if (growth !== undefined) {
      if (Number.isNaN(course.early + course.late)) told.push(`${measure}: a quarter not measured`);
      if (course.late > course.early * growth) {
        told.push(`${measure}: grew from ${course.early} to ${course.late}`);
      }
    }
    return told;
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
