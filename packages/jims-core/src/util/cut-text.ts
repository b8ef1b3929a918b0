/** Text of at most `max` characters, and how many more there were; half characters become U+FFFD. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text.toWellFormed();
  // By bytes, as a slice would keep the whole text in memory.
  const kept = Buffer.from(text.slice(0, max)).toString();
  return `${kept}… (${text.length - max} more characters)`;
}
