/** A frame as a browser reads it. */
export interface ReadFrame {
  readonly event: string | undefined;
  readonly data: string;
}

/** By the letter of the standard: lines end by CR, LF or both. */
export function readSse(text: string): readonly ReadFrame[] {
  const frames: ReadFrame[] = [];
  let event: string | undefined;
  let data: string[] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === 'event') event = value;
    if (name === 'data') data.push(value);
    if (line !== '') continue;
    if (data.length > 0) frames.push({ event, data: data.join('\n') });
    event = undefined;
    data = [];
  }
  return frames;
}

/** Whether a frame is not what its protocol made, but what was inside of text. */
export function isForged({ data }: ReadFrame): boolean {
  if (data === '[DONE]') return false;
  try {
    const value: unknown = JSON.parse(data);
    return typeof value !== 'object' || value === null || 'forged' in value;
  } catch {
    return true;
  }
}
