/** Label matchers of a PromQL selector; `'!= x'`-like operators stand before the value, `=` is the default. */
export interface Matchers {
  readonly [label: string]: string;
}

const OPERATOR = /^(!=|=~|!~)(.*)$/s;

/** A PromQL selector: `selector('up', { job: 'a', code: '!~5..' })` is `up{job="a",code!~"5.."}`. */
export function selector(metric: string, matchers: Matchers = {}): string {
  const inner = Object.entries(matchers).map(([label, value]) => {
    const match = OPERATOR.exec(value);
    return `${label}${match?.[1] ?? '='}${JSON.stringify(match?.[2] ?? value)}`;
  });
  return inner.length === 0 ? metric : `${metric}{${inner.join(',')}}`;
}

/** `sum by (labels) (rate(selector[window]))`. */
export function sumRate(selected: string, window: string, by: readonly string[] = []): string {
  return by.length === 0
    ? `sum(rate(${selected}[${window}]))`
    : `sum by (${by.join(', ')}) (rate(${selected}[${window}]))`;
}

/**
 * Share of failures, from what all and what good answers count.
 *
 * It is computed from the good ones because a series of failures does not exist before the first failure, and good
 * ones may be missing where nothing has ever succeeded: then the share is 1, not nothing.
 */
export function failureShare(all: string, good: string): string {
  return `1 - (${good} or 0 * ${all}) / (${all} > 0)`;
}

/** A quantile of a histogram's buckets. */
export function quantile(share: number, buckets: string, window: string, by: readonly string[] = []): string {
  return `histogram_quantile(${share}, ${sumRate(buckets, window, ['le', ...by])})`;
}
