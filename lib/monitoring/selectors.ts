import type { SyntaxNodeRef } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { IConstruct } from 'constructs';
import { check } from '../core/errors';
import { Observability } from '../core/observability';

/** A selector of a rule or a panel. */
export interface ListedSelector {
  /** The selector without range and offset, for example `up{job="models"}`. */
  readonly selector: string;
  /** Where it stands, for example `alert ModelServerDown` or `panel Gateway / Requests by model`. */
  readonly where: string;
  /** The event without which it rightly returns nothing. */
  readonly needs?: string;
}

/** Every selector of every rule and panel, in order; the same one at two places is listed twice. */
export function listSelectors(observability: readonly Observability[]): ListedSelector[] {
  const listed: ListedSelector[] = [];
  const add = (expr: string, where: string, needs: string | undefined) => {
    for (const selector of selectorsOf(expr))
      listed.push(needs === undefined ? { selector, where } : { selector, where, needs });
  };
  for (const { component, alerts, panels } of observability) {
    for (const alert of alerts ?? []) add(alert.expr, `alert ${alert.name}`, alert.needs);
    for (const panel of panels ?? []) {
      for (const query of panel.queries) add(query.expr, `panel ${component} / ${panel.title}`, panel.needs);
    }
  }
  return listed;
}

/** The selectors of a PromQL expression, each once. */
export function selectorsOf(expr: string): string[] {
  const found = new Set<string>();
  parser.parse(expr).iterate({
    enter: (node: SyntaxNodeRef) => {
      if (node.name === 'VectorSelector') found.add(expr.slice(node.from, node.to));
    },
  });
  return [...found];
}

/** Refuses what is not a PromQL expression, and says where it stops being one. */
export function checkPromql(scope: IConstruct | string, prop: string, expr: string): void {
  let at: number | undefined;
  parser.parse(expr).iterate({
    enter: (node: SyntaxNodeRef) => {
      if (node.type.isError) at ??= node.from;
    },
  });
  check(
    at === undefined,
    scope,
    prop,
    expr,
    `write PromQL; it can not be read from '${expr.slice(at ?? 0).slice(0, 20)}' on`,
  );
}
