// The package can be required, but its own declarations stand for its ES module only, which TypeScript refuses here.
declare module '@prometheus-io/lezer-promql' {
  import { LRParser } from '@lezer/lr';

  /** Parses PromQL. */
  export const parser: LRParser;
}
