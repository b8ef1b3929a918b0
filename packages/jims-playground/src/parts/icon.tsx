import type { VNode } from 'preact';

/** The shapes, in a square of 16: lines of the text's own colour. */
const PATHS = {
  queue: 'M8 2.5v5.5l3 2M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Z',
  pipeline: 'M2.5 8h3m5 0h3M5.5 5h5v6h-5z',
  step: 'M3 8.5 6.5 12 13 4.5',
  failed: 'M4.5 4.5l7 7M11.5 4.5l-7 7',
  model: 'M8 1.8 9.6 6.4 14.2 8 9.6 9.6 8 14.2 6.4 9.6 1.8 8 6.4 6.4Z',
  tool: 'M9.5 6.5 3 13M9 3.2a3.6 3.6 0 0 1 4.4 4.4l-2-.4-1.4-1.4-.4-2Z',
  status: 'M8 5.2v3.4M8 11v.3M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Z',
  message: 'M2.5 3.5h11v7.5H7l-3 2.5V11H2.5z',
  reasoning: 'M4 8h.2M8 8h.2M12 8h.2',
  event: 'M9 2 4 9h4l-1 5 5-7H8z',
  question:
    'M6 6.2a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.3v.2M8 11.6v.2M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Z',
  end: 'M4 14V2.5h8.5L10.5 5.5l2 3H4',
  search: 'M10.5 10.5 14 14M6.8 11.6a4.8 4.8 0 1 0 0-9.6 4.8 4.8 0 0 0 0 9.6Z',
  plus: 'M8 3v10M3 8h10',
  again: 'M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3',
  stop: 'M4.5 4.5h7v7h-7z',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  save: 'M8 2v8m0 0L5 7m3 3 3-3M2.5 13.5h11',
  pencil: 'M3 13l.7-3L10.5 3.2l2.3 2.3L6 12.3 3 13Z',
  bin: 'M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5',
  older: 'M10 3.5 5.5 8l4.5 4.5',
  newer: 'M6 3.5 10.5 8 6 12.5',
  threads: 'M2.5 4h11M2.5 8h11M2.5 12h7',
  test: 'M6 2v4.5L3 12.5c-.4.8.1 1.5 1 1.5h8c.9 0 1.4-.7 1-1.5L10 6.5V2M5 2h6M4.7 10h6.6',
  key: 'M9 7 14 2M12 4l1.5 1.5M6 13.5A3.5 3.5 0 1 0 6 6.5a3.5 3.5 0 0 0 0 7Z',
} as const;

export type IconName = keyof typeof PATHS;

/** A small drawing beside words; readers of the screen do not hear of it. */
export function Icon({ name }: { readonly name: IconName }): VNode {
  return (
    <svg
      class="icon"
      viewBox="0 0 16 16"
      width="16"
      height="16"
      aria-hidden="true"
      focusable="false"
    >
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.4"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
