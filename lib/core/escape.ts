/**
 * Escapes Terraform's template sequences `${` and `%{` in text that belongs to another language (shell, Groovy, Go
 * templates), and leaves cdktf's own tokens as they are.
 *
 * The replacement is a function because `$$` in a replacement string collapses to one `$`.
 */
export function escapeTemplate(text: string): string {
  return text.replace(/([$%])\{(?!TfToken\[)/g, (_match, sign: string) => `${sign}${sign}{`);
}
