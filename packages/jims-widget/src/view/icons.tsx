import type { JSX } from 'preact';

const PATHS = {
  chat: 'M4 5.5h16v11H11l-4.5 3.5v-3.5H4z',
  close: 'M6 6l12 12M18 6L6 18',
  send: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M7 7h10v10H7z',
  attach:
    'M20 11.5l-8 8a5 5 0 0 1-7-7l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7L9.8 17a1.7 1.7 0 0 1-2.4-2.4l7.6-7.6',
  down: 'M12 5v14M6 13l6 6 6-6',
  copy: 'M9 9h10v10H9zM5 15V5h10',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  edit: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  good: 'M7 11v9H4v-9zM7 11l4-7c1.5 0 2.5 1 2.5 2.5V10H19l-1.5 8.5c-.2.9-.8 1.5-1.700 1.5H7',
  bad: 'M7 13V4H4v9zM7 13l4 7c1.5 0 2.5-1 2.5-2.5V14H19l-1.5-8.5c-.2-.9-.8-1.5-1.700-1.5H7',
  file: 'M6 3.5h8l4 4v13H6zM14 3.5v4h4',
  fresh: 'M12 5v14M5 12h14',
  alert: 'M12 8v5M12 16.5v.1M12 3.5l9 16H3z',
  details: 'M5 7h14M5 12h14M5 17h8',
  open: 'M9 6l6 6-6 6',
  fold: 'M5 9l7 7 7-7',
} as const;

/** A picture that says what a label beside it, or the label of its button, says. */
export function Icon({ name }: { readonly name: keyof typeof PATHS }): JSX.Element {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
