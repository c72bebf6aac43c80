/**
 * Seconds in the form that Go prints durations in (`90` is `1m30s`): the provider reads a duration back in this form,
 * and any other one would show as a change in every plan.
 */
export function goDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = `${seconds % 60}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
